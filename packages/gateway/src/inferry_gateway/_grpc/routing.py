"""Who answers a gRPC call: a service, or the gateway itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_gateway._answers import Refusal
from inferry_gateway._grpc import own
from inferry_gateway._grpc.messages import Malformed, text_field
from inferry_gateway._grpc.metadata import authority, value
from inferry_gateway._grpc.methods import MODEL_READY, REFLECTION
from inferry_gateway._table import SERVICE_METADATA

if TYPE_CHECKING:
    from inferry_gateway._balancing import Balancer
    from inferry_gateway._gateway import Gateway
    from inferry_gateway._grpc.metadata import Pairs
    from inferry_gateway._grpc.methods import Method


_NOT_FOUND = 404


class Routing:
    """What a call says of where it is to go."""

    __slots__ = ("_gateway", "_host", "_method", "_name", "_service")

    def __init__(
        self, gateway: Gateway, name: str, method: Method, metadata: Pairs
    ) -> None:
        self._gateway = gateway
        self._name = name
        self._method = method
        self._host = authority(metadata)
        self._service = value(metadata, SERVICE_METADATA)

    @property
    def needs_message(self) -> bool:
        """Whether the first message decides who answers, or what the gateway does."""
        if self._service or self._gateway.table.names(self._host):
            return False
        return bool(self._method.model) or self._method.asks

    def find(self, message: bytes) -> Balancer | bytes:
        """Return who answers, or the gateway's own answer.

        Raises:
            Refusal: nobody answers this.
        """
        try:
            model = self._model(message) if self.needs_message else ""
            found = self._gateway.table.call(self._host, self._service, model)
            if found is None and self._name in REFLECTION:
                found = self._any()
            if found is None:
                return own.answer(self._gateway, self._name, message)
        except Refusal as refusal:
            told = self._gateway.while_starting(refusal)
            if told.status == _NOT_FOUND and self._name == MODEL_READY:
                return own.not_ready(self._name) or b""  # as the servers say it
            raise told from None
        except Malformed as error:
            text = f"the request of {self._name} cannot be read: {error}"
            raise Refusal(400, text) from None
        return found

    def unready(self, balancer: Balancer) -> bytes | None:
        """Return the answer of a question after health that nobody has to be asked.

        Raises:
            Refusal: 503, where only an error can say it.
        """
        if not self._method.asks or balancer.ready:
            return None
        # As over HTTP: a no at once. And it shall be known that somebody wants it.
        self._gateway.held(balancer.service)
        no = own.not_ready(self._name)
        if no is None:
            raise balancer.unavailable("it has no replica")
        return no

    def _any(self) -> Balancer | None:
        """Return a service whose replicas answer gRPC."""
        for balancer in self._gateway.balancers:
            if any(replica.endpoint.grpc_port for replica in balancer.replicas()):
                return balancer
        return None

    def _model(self, message: bytes) -> str:
        fields = (text_field(message, number) for number in self._method.model)
        return next(filter(None, fields), "")
