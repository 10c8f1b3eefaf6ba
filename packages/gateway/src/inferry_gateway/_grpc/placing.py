"""A call's place at a replica: it waits for one just as an HTTP request does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from inferry_gateway._refusals import no_grpc, nobody_listens

if TYPE_CHECKING:
    from inferry_gateway._answers import Refusal
    from inferry_gateway._balancing import Balancer, Replica
    from inferry_gateway._gateway import Gateway
    from inferry_gateway._grpc.channel import Channel
    from inferry_gateway._grpc.server import GrpcServer


class Place:
    """What the balancer places; `leave` gives everything back."""

    __slots__ = (
        "_balancer",
        "_beside",
        "_channel",
        "_gateway",
        "_got",
        "_server",
        "_until",
        "arrived",
        "refused",
        "replica",
        "revision",
    )

    def __init__(
        self, server: GrpcServer, balancer: Balancer, *, patience: float, beside: bool
    ) -> None:
        """Wait at most *patience* seconds; *beside*: without taking a slot."""
        self._server = server
        self._gateway: Gateway = server.gateway
        self._balancer = balancer
        self._beside = beside
        self._channel: Channel | None = None
        self._got: asyncio.Future[None] | None = None
        self.arrived = self._gateway.now()
        self._until = self.arrived + patience
        self.refused = False
        self.replica: Replica | None = None
        self.revision = ""

    async def channel(self) -> Channel:
        """Return a connected channel to the replica that is to answer.

        Raises:
            Refusal: 503 nobody is free, 502 nobody listens, 501 nobody speaks gRPC.
        """
        self._wait()
        now = self._gateway.now()
        if not self._balancer.place(self, now, beside=self._beside):
            self._gateway.held(self._balancer.service)
        while True:
            replica = await self._replica()
            if not replica.endpoint.grpc_port:
                raise no_grpc(self._balancer.service)
            channel = self._server.channel(replica)
            left = max(0.0, self._until - self._gateway.now())
            patience = min(left, self._gateway.settings.connect_timeout)
            if await channel.connect(patience):
                replica.accepted()
                channel.take()
                self._channel = channel
                return channel
            self._unreachable(replica, channel)

    def leave(self) -> None:
        """Give back the slot, or leave the queue."""
        if self._channel is not None:
            self._channel.done()
            self._channel = None
        got = self._got
        if got is not None and not got.cancel() and not got.cancelled():
            got.exception()  # nobody waits for it any more
        replica, self.replica = self.replica, None
        if replica is not None:
            self._balancer.release(replica, self._gateway.now())
        else:
            self._balancer.withdraw(self)

    # What the balancer does

    def dispatch(self, replica: Replica) -> None:
        """Go to *replica*; whoever stopped waiting gives it back when it leaves."""
        self.replica = replica
        self.revision = replica.revision.name
        if self._got is not None and not self._got.done():
            self._got.set_result(None)

    def fail(self, refusal: Refusal) -> None:
        """Give up."""
        if self._got is not None and not self._got.done():
            self._got.set_exception(refusal)

    # Inside

    def _wait(self) -> None:
        self._got = asyncio.get_running_loop().create_future()

    async def _replica(self) -> Replica:
        if self._got is not None and self.replica is None:
            try:
                async with asyncio.timeout(self._until - self._gateway.now()):
                    await self._got
            except TimeoutError:
                raise self._late() from None
        if self.replica is None:
            raise self._late()
        return self.replica

    def _late(self) -> Refusal:
        waited = self._gateway.now() - self.arrived
        if self.refused:
            return nobody_listens(self._balancer.service, waited)
        return self._balancer.unavailable(f"waited {waited:.1f} s")

    def _unreachable(self, replica: Replica, channel: Channel) -> None:
        """Try elsewhere: nothing was sent."""
        now = self._gateway.now()
        self._server.drop(replica, channel)
        replica.refused(now)
        replica.errors += 1
        self.replica = None
        self._balancer.release(replica, now)
        if not self.refused:
            self.refused = True
            give_up = now + self._gateway.settings.refused_hold_seconds
            self._until = min(self._until, give_up)
        reason = "it does not accept gRPC connections"
        self._gateway.refused(self._balancer.service, replica.endpoint, reason)
        self._wait()
        self._balancer.replace(self, now)
