"""The port of gRPC: taking it, its limits, its end."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import grpc
import pytest
from asking import Asking, asking, tensor, typed

from inferry.errors import BackendError
from inferry_server import ModelServer, Ports, ServerSettings

if TYPE_CHECKING:
    from serving import Serve, SpecOf

INFER = "ModelInfer"


async def test_the_ports_are_told(serve: Serve) -> None:
    async with serve(grpc_port=0) as (server, client):
        assert server.ports.grpc not in (None, 0)
        assert server.ports.http == client.base_url.port
        assert server.ports.http != server.ports.grpc


async def test_there_is_no_port_unless_it_is_asked_for(serve: Serve) -> None:
    async with serve() as (server, _):
        assert server.ports == Ports(http=server.ports.http)


def test_grpc_is_not_imported_unless_it_is_asked_for() -> None:
    code = (
        "import asyncio, sys\n"
        "from inferry_server import ModelServer, ServerSettings\n"
        "async def main():\n"
        "    server = ModelServer(ServerSettings(http_port=0))\n"
        "    await server.start()\n"
        "    await server.stop()\n"
        "asyncio.run(main())\n"
        "sys.exit(bool({'grpc', 'google.protobuf'} & set(sys.modules)))\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


async def test_a_port_that_is_taken_is_told_and_the_server_stays_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        server = ModelServer(ServerSettings(http_port=0, grpc_port=port))
        with pytest.raises(BackendError) as caught:
            await server.start()
        await server.stop()
    assert str(caught.value) == (
        f"port {port} on 127.0.0.1 is taken; stop the process that holds it or choose "
        "another with --grpc_port"
    )


async def test_two_servers_do_not_share_a_port(serve: Serve) -> None:
    async with serve(grpc_port=0) as (server, _):
        other = ModelServer(ServerSettings(http_port=0, grpc_port=server.ports.grpc))
        with pytest.raises(BackendError, match="is taken"):
            await other.start()
        await other.stop()


async def test_the_port_is_closed_where_that_of_http_cannot_be_had() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        free = free_port()
        server = ModelServer(ServerSettings(http_port=taken, grpc_port=free))
        with pytest.raises(BackendError, match="http_port"):
            await server.start()
        socket.create_server(("127.0.0.1", free)).close()
        await server.stop()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


async def test_ipv6_is_served(serve: Serve, spec: SpecOf) -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    async with serve(spec("Echo"), grpc_port=0, host="::1") as (server, _):
        address = f"[::1]:{server.ports.grpc}"
        async with grpc.aio.insecure_channel(address) as channel:
            assert (await Asking(channel)("ServerLive")).live


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


async def test_a_message_over_the_limit_is_refused(serve: Serve, spec: SpecOf) -> None:
    settings = {"grpc_port": 0, "max_message_bytes": 100_000}
    async with serve(spec("Echo"), **settings) as (server, _), asking(server) as ask:
        data = bytes(100_000)
        error = await ask.refusal(
            INFER,
            model_name="m",
            inputs=[tensor(shape=[25_000])],
            raw_input_contents=[data],
        )
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        error = await ask.refusal(
            INFER,
            model_name="m",
            inputs=[tensor(shape=[25_000])],
            raw_input_contents=[data],
            compression=grpc.Compression.Gzip,
        )
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await ask.infer(typed([1]))).model_name == "m"


async def test_an_answer_may_be_larger_than_a_request(
    serve: Serve, spec: SpecOf
) -> None:
    settings = {"grpc_port": 0, "max_message_bytes": 50_000}
    async with serve(spec("Doubles"), **settings) as (server, _), asking(server) as ask:
        answer = await ask.infer(
            tensor(shape=[10_000]), raw_input_contents=[bytes(40_000)]
        )
    assert len(answer.raw_output_contents[0]) == 80_000


async def test_requests_that_are_too_large_together_are_refused(
    serve: Serve, spec: SpecOf
) -> None:
    model = spec("SlowAsync", options={"seconds": 0.5})
    settings = {"grpc_port": 0, "max_message_bytes": 1000}
    async with serve(model, **settings) as (server, _), asking(server) as ask:
        raw = {"raw_input_contents": [bytes(800)]}
        asked = [ask.infer(tensor(shape=[200]), **raw) for _ in range(30)]
        done = await asyncio.gather(*asked, return_exceptions=True)
        refused = [one for one in done if isinstance(one, grpc.aio.AioRpcError)]
        assert 5 < len(refused) < 20
        assert {error.code() for error in refused} == {grpc.StatusCode.UNAVAILABLE}
        assert (await ask.infer(typed([1]))).model_name == "m"


async def test_a_tensor_over_the_limit_is_refused(serve: Serve, spec: SpecOf) -> None:
    settings = {"grpc_port": 0, "max_elements": 10}
    async with serve(spec("Echo"), **settings) as (server, _), asking(server) as ask:
        error = await ask.refusal(
            INFER,
            model_name="m",
            inputs=[tensor(shape=[11])],
            raw_input_contents=[bytes(44)],
        )
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "11 elements, at most 10" in error.details()


async def test_sixty_megabytes_are_taken_by_default(serve: Serve, spec: SpecOf) -> None:
    size = 60 * 2**20
    unlimited = {"grpc.max_receive_message_length": -1}
    async with (
        serve(spec("Echo"), grpc_port=0) as (server, _),
        asking(server, **unlimited) as ask,
    ):
        answer = await ask.infer(
            tensor(datatype="UINT8", shape=[size]), raw_input_contents=[bytes(size)]
        )
    assert len(answer.raw_output_contents[0]) == size


async def test_a_draining_server_is_not_ready_and_finishes_what_it_has(
    serve: Serve, spec: SpecOf
) -> None:
    model = spec("Slow", options={"seconds": 0.4})
    settings = {"grpc_port": 0, "drain_delay": 0.3}
    async with serve(model, **settings) as (server, _), asking(server) as ask:
        before = asyncio.create_task(ask.infer(typed([1])))
        await asyncio.sleep(0.1)
        draining = asyncio.create_task(server.drain())
        await asyncio.sleep(0.1)
        assert not (await ask("ServerReady")).ready
        assert (await ask("ServerLive")).live
        during = asyncio.create_task(ask.infer(typed([2])))
        for task in (before, during):
            assert (await task).model_name == "m"
        await draining
        error = await ask.refusal("ServerLive", seconds=2)
    assert error.code() == grpc.StatusCode.UNAVAILABLE


async def test_what_takes_longer_than_the_drain_is_cut_off(
    serve: Serve, spec: SpecOf
) -> None:
    model = spec("SlowAsync", options={"seconds": 30})
    settings = {"grpc_port": 0, "drain_timeout": 0.2}
    one = {"model_name": "m", "inputs": [typed([1])]}
    async with serve(model, **settings) as (server, _), asking(server) as ask:
        asked = asyncio.create_task(ask.refusal(INFER, **one))
        await asyncio.sleep(0.2)
        async with asyncio.timeout(5):
            await server.drain()
            assert (await asked).code() in {
                grpc.StatusCode.UNAVAILABLE,
                grpc.StatusCode.CANCELLED,
            }


async def test_metadata_over_the_limit_is_refused(serve: Serve, spec: SpecOf) -> None:
    settings = {"grpc_port": 0, "max_header_bytes": 4096}
    async with serve(spec("Echo"), **settings) as (server, _), asking(server) as ask:
        error = await ask.refusal("ServerLive", metadata=(("x-a", "b" * 20_000),))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await ask("ServerLive")).live


async def test_more_connections_than_may_are_closed(serve: Serve) -> None:
    async with serve(grpc_port=0, max_connections=2) as (server, _):
        alone = {"grpc.use_local_subchannel_pool": 1}
        async with (
            asking(server, **alone) as first,
            asking(server, **alone) as second,
            asking(server, **alone) as third,
        ):
            assert (await first("ServerLive")).live
            assert (await second("ServerLive")).live
            error = await third.refusal("ServerLive", seconds=5)
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            assert (await first("ServerLive")).live
        # The server learns that they went when it next reads from them.
        async with asking(server, **alone) as fourth, asyncio.timeout(5):
            await fourth.channel.channel_ready()
            assert (await fourth("ServerLive")).live


async def test_an_unknown_rpc_is_unimplemented(serve: Serve) -> None:
    async with serve(grpc_port=0) as (server, _), asking(server) as ask:
        call = ask.channel.unary_unary("/inference.GRPCInferenceService/Nothing")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"", timeout=5)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
