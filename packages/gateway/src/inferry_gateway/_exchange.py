"""One request and its answer: from the route to a replica and back to the client."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from inferry_gateway._answers import Answer, Refusal
from inferry_gateway._body import REPLAYABLE, RequestBody
from inferry_gateway._head import (
    RequestHead,
    ResponseHead,
    framing,
    write_request,
    write_response,
)
from inferry_gateway._naming import CONTINUE, ByBody, Naming, worded
from inferry_gateway._refusals import (
    closed_early,
    nobody_listens,
    not_http,
    too_large,
    too_slow,
)
from inferry_gateway._table import asks_health
from inferry_gateway._upstream import Upstream, connect

if TYPE_CHECKING:
    import asyncio

    from inferry_gateway._balancing import Balancer, Replica
    from inferry_gateway._client import Client
    from inferry_gateway._gateway import Gateway
    from inferry_gateway._table import Route

# The keep-alive race shows within a round trip; later it is a replica that died.
_RACE_SECONDS = 0.05
_CLIENT_GONE = 499


class Exchange:
    """The state of one request; driven by its client and by its upstream connection."""

    __slots__ = (
        "_body",
        "_connecting",
        "_dispatched",
        "_keep",
        "_pending",
        "_prefix",
        "_refused",
        "_replayed",
        "_replica",
        "_revision",
        "_service",
        "_status",
        "_target",
        "answered",
        "arrived",
        "client",
        "deadline",
        "gateway",
        "head",
        "naming",
        "over",
        "refusal",
        "upstream",
    )

    def __init__(self, client: Client, head: RequestHead) -> None:
        self.client = client
        self.gateway: Gateway = client.gateway
        self.head = head
        self.arrived = self.gateway.now()
        self.deadline = math.inf
        self.answered = self.over = False
        self.refusal: Refusal | None = None
        self.upstream: Upstream | None = None
        self._body = RequestBody(chunked=head.chunked)
        self._connecting: asyncio.Task[None] | None = None
        self._dispatched = 0.0
        self._keep = self._refused = self._replayed = False
        self.naming: Naming | None = None
        self._pending: Answer | None = None
        self._prefix = self._target = b""
        self._replica: Replica | None = None
        self._revision = ""
        self._service: Balancer | None = None
        self._status = 0

    # What the client does

    def begin(self) -> None:
        """Find out where the request goes and send it there."""
        try:
            if self.refusal is not None:
                raise self.refusal
            route = self.gateway.route(self.head)
            if isinstance(route, Answer):
                self._reply(route)
            elif isinstance(route, ByBody):
                self.naming = Naming(self, self._body)
                self.naming.start()
            else:
                self.go(route)
        except Refusal as refusal:
            self._reply(worded(refusal, self.head.target))

    def go(self, route: Route[Balancer]) -> None:
        """Ask the service of *route* for a place."""
        self._service, self._target, self._prefix = route
        timeout = self._service.service.timeout or math.inf
        hold = self.gateway.settings.hold_seconds
        self.deadline = self.arrived + min(hold, timeout)
        beside = asks_health(self.head.method, self._target)
        if not self._service.place(self, self.gateway.now(), beside=beside):
            self.gateway.held(self._service.service)

    @property
    def received(self) -> int:
        """How many bytes of the body came."""
        return self._body.received

    @property
    def request_done(self) -> bool:
        """Whether the whole request came."""
        return self._body.done

    def body(self, data: bytes) -> None:
        """Take a piece of the request's body.

        Raises:
            Refusal: 413, the body is larger than settings allow.
        """
        body = self._body
        body.received += len(data)
        if body.received > self.gateway.settings.max_body_bytes:
            raise too_large(self.gateway.settings.max_body_bytes)
        if self._pending is None:
            body.add(data)

    def end(self) -> None:
        """Take note that the request is whole."""
        self._body.done = True

    def flush(self) -> None:
        """Pass on what came of the body since the last call."""
        if self.naming is not None:
            self.naming.read()
        elif self._pending is not None:
            if self.request_done:
                self._send(self._pending)
        elif self.upstream is not None:
            self.upstream.send(self._body.take())
            self.progress()

    @property
    def takes_body(self) -> bool:
        """Whether more of the request's body can be used now."""
        if self.request_done or self.naming or self._pending:
            return True
        return self.upstream is not None and not self.upstream.write_paused

    def abandon(self) -> None:
        """Stop everything: the client is gone, so the replica should stop as well."""
        if not self.over:
            self._status = self._status or _CLIENT_GONE
            self._detach()
            self._record()

    def fail(self, refusal: Refusal) -> None:
        """End with an error; after the answer began only the connection can say so."""
        if self.over:
            return
        self._detach()
        if self.answered:
            self._record()
            self.client.truncate()
        else:
            self._send(worded(refusal, self._target or self.head.target))

    def expire(self) -> None:
        """End because the deadline passed."""
        service = self._service
        if service is None:
            return
        waited = self.gateway.now() - self.arrived
        if self.upstream is not None:
            self._failed_replica()
            self.fail(too_slow(service.service))
        elif self._refused:
            self.fail(nobody_listens(service.service, waited))
        else:
            self.fail(service.unavailable(f"waited {waited:.1f} s"))

    # What the balancer does

    def dispatch(self, replica: Replica) -> None:
        """Go to ``replica``, over an idle connection if there is one."""
        self._replica = replica
        self._revision = replica.revision.name
        while replica.idle:
            upstream = replica.idle.pop()
            if upstream.usable:
                self._attach(upstream)
                return
        self._connect(replica)

    # What the upstream connection does

    def interim(self, head: ResponseHead) -> None:
        """Pass on a 1xx answer; 100 was our own to give."""
        if head.status != 100 and self.head.http11:  # noqa: PLR2004
            self.client.write([write_response(head)])

    def response_started(self, head: ResponseHead, *, chunked: bool) -> bytes:
        """Return the response's head as the client gets it."""
        self._status = head.status
        self.answered = True
        http11 = self.head.http11
        self._keep = (
            self.head.keep_alive
            and self.request_done
            and not self.gateway.draining
            and (http11 or not chunked)
        )
        held = self._dispatched - self.arrived
        added = framing(keep=self._keep, http11=http11, chunked=chunked, held=held)
        if self._service is not None:
            self._service.latency.observe(self.gateway.now() - self._dispatched)
        return write_response(head, *added)

    def response_ended(self) -> None:
        """Finish; the connection to the replica is free again."""
        upstream, self.upstream = self.upstream, None
        if upstream is not None and self.request_done and self._body.sent:
            upstream.rest(self.gateway.now())
        elif upstream is not None:
            upstream.close()
        self._finish(keep=self._keep)

    def progress(self) -> None:
        """Count the service's timeout anew: something moved."""
        timeout = self._service.service.timeout if self._service else None
        upstream = self.upstream
        if timeout is None or upstream is None:
            self.deadline = math.inf
        elif self.client.write_paused or not (
            self.request_done or upstream.write_paused
        ):
            self.deadline = math.inf  # the client's turn; it has its own timeouts
        else:
            self.deadline = self.gateway.now() + timeout

    def upstream_lost(self, upstream: Upstream) -> None:
        """Handle a connection that the replica closed before the answer was whole."""
        self.upstream = None
        replica = self._replica
        if replica is not None and self._lost_race(upstream):
            self._replayed = True
            while replica.idle:
                replica.idle.pop().close()  # as old as the one that was closed
            self._body.rewind()
            self._connect(replica)
            return
        self._failed_replica()
        self.fail(closed_early(self._key))

    def upstream_broken(self, upstream: Upstream, reason: str) -> None:
        """Handle a replica that does not speak HTTP."""
        self.upstream = None
        self._failed_replica()
        self.gateway.logger.warning(
            "replica %s of %s sent an invalid response: %s",
            upstream.replica.endpoint.id,
            self._key,
            reason,
        )
        self.fail(not_http(self._key))

    # Inside

    @property
    def _key(self) -> str:
        return self._service.service.key if self._service else ""

    def _lost_race(self, upstream: Upstream) -> bool:
        """Whether the replica closed an idle connection just when we wrote to it."""
        return (
            upstream.reused
            and not upstream.received
            and not self._replayed
            and self._body.replayable
            and self.gateway.now() - self._dispatched < _RACE_SECONDS
        )

    def _connect(self, replica: Replica) -> None:
        self._connecting = self.gateway.spawn(self._open(replica))

    async def _open(self, replica: Replica) -> None:
        try:
            upstream = await connect(replica, self.gateway.settings.connect_timeout)
        except OSError as error:
            self._connecting = None
            self._unreachable(replica, str(error) or "it timed out")
            return
        self._connecting = None
        self._attach(upstream)

    def _unreachable(self, replica: Replica, reason: str) -> None:
        """Try elsewhere: nothing was sent."""
        now = self.gateway.now()
        service = self._service
        if service is None:
            return
        replica.refused(now)
        replica.errors += 1
        self._release()
        if not self._refused:
            self._refused = True
            give_up = now + self.gateway.settings.refused_hold_seconds
            self.deadline = min(self.deadline, give_up)
        self.gateway.refused(service.service, replica.endpoint, reason)
        try:
            service.replace(self, now)
        except Refusal as refusal:
            self.fail(refusal)

    def _attach(self, upstream: Upstream) -> None:
        head = self.head
        self.upstream = upstream
        self._dispatched = self.gateway.now()
        self._body.begin(replayable=upstream.reused)
        if head.expects and not self.request_done and not self.received:
            self.client.write([CONTINUE])
        request = write_request(
            head,
            self._target,
            peer=self.client.peer,
            prefix=self._prefix,
            trusted=self.gateway.settings.trust_forwarded,
        )
        upstream.start(self, [request, *self._body.take()])
        if self.client.write_paused:
            upstream.pause_reading()
        self.progress()
        self.client.update_reading()

    def _reply(self, answer: Answer) -> None:
        """Answer without a replica, after the body if it is short."""
        short = not self.head.chunked and (self.head.length or 0) <= REPLAYABLE
        waits = short and not self.head.expects and self.refusal is None
        if waits and not self.request_done:
            self._pending = answer
            self._body.drop()
        else:
            self._send(answer)

    def _send(self, answer: Answer) -> None:
        self._status = answer.status
        self.answered = True
        keep = self.head.keep_alive and self.request_done and not self.gateway.draining
        keep = keep and answer.status != 408  # noqa: PLR2004
        self.client.write([answer.encode(method=self.head.method, keep_alive=keep)])
        self._finish(keep=keep)

    def _finish(self, *, keep: bool) -> None:
        self._record()
        self._release()
        self.client.exchange_over(self, keep=keep)

    def _record(self) -> None:
        self.over = True
        if self.naming is not None:
            self.naming.release()
        self.deadline = math.inf
        self.gateway.record(self._service, self._revision, self._status)

    def _failed_replica(self) -> None:
        if self._replica is not None:
            self._replica.errors += 1

    def _detach(self) -> None:
        """Leave the queue, the connection attempt or the replica, whichever it is."""
        if self._connecting is not None:
            self._connecting.cancel()
            self._connecting = None
        if self.upstream is not None:
            upstream, self.upstream = self.upstream, None
            upstream.close()
        if self._replica is not None:
            self._release()
        elif self._service is not None:
            self._service.withdraw(self)

    def _release(self) -> None:
        replica = self._replica
        if replica is not None and self._service is not None:
            self._replica = None
            self._service.release(replica, self.gateway.now())
