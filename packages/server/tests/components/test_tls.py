"""A predictor behind TLS, over HTTP and gRPC."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from inferry.errors import ModelNotReady
from inferry.model import InferRequest, Tensor
from inferry_server.components.rest import RestClient
from inferry_server.components.rpc import RpcClient
from inferry_server.grpc.contract.inference import SERVICE
from inferry_server.grpc.messages import message
from inferry_server.states import Predictor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

REQUEST = InferRequest(
    inputs=(Tensor(name="x", datatype="FP32", data=np.ones((1, 2), np.float32)),)
)
ANSWER = b'{"outputs": [{"name": "y", "datatype": "INT8", "shape": [1], "data": [7]}]}'


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Return a certificate for 127.0.0.1 that nobody has signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "predictor")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(
            issuer_name=name,
            subject_name=name,
            public_key=key.public_key(),
            serial_number=1,
            not_valid_before=now - dt.timedelta(hours=1),
            not_valid_after=now + dt.timedelta(hours=1),
        )
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = tmp_path / "cert.pem", tmp_path / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@pytest.fixture
async def https(certificate: tuple[Path, Path]) -> AsyncIterator[int]:
    """The port of a predictor over HTTPS."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(ANSWER))
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_https_is_trusted_by_the_file_of_the_environment(
    https: int, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Predictor(host=f"127.0.0.1:{https}", protocol="v2", use_tls=True)
    stranger = RestClient(settings, "m")
    with pytest.raises(ModelNotReady, match="certificate verify failed"):
        await stranger.predict(REQUEST, {}, 5)
    await stranger.close()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    client = RestClient(settings, "m")
    response = await client.predict(REQUEST, {}, 5)
    assert response.outputs[0].data.tolist() == [7]
    await client.close()


async def test_grpc_is_trusted_by_the_file_of_the_environment(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = message("ModelInferResponse")(model_name="m")
    made.outputs.add(name="y", datatype="INT8", shape=[1])
    made.raw_output_contents.append(b"\x07")

    async def infer(_request: bytes, _context: object) -> bytes:
        return made.SerializeToString()

    handler = grpc.unary_unary_rpc_method_handler(infer)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"ModelInfer": handler}),)
    )
    pair = (certificate[1].read_bytes(), certificate[0].read_bytes())
    credentials = grpc.ssl_server_credentials([pair])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    settings = Predictor(host=f"127.0.0.1:{port}", protocol="grpc-v2", use_tls=True)
    client = RpcClient(settings, "m")
    response = await client.predict(REQUEST, {}, 10)
    assert response.outputs[0].data.tolist() == [7]
    await client.close()
    await server.stop(0)


@pytest.mark.parametrize(
    ("host", "use_tls", "target"),
    [
        ("h", False, b"h:80"),
        ("h", True, b"h:443"),
        ("h:9000", True, b"h:9000"),
        ("[::1]", False, b"[::1]:80"),
        ("[::1]:9", False, b"[::1]:9"),
    ],
)
async def test_the_port_of_grpc_is_that_of_http(
    host: str, use_tls: Any, target: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    for name in ("insecure_channel", "secure_channel"):
        make = getattr(grpc.aio, name)
        monkeypatch.setattr(
            grpc.aio,
            name,
            lambda to, *rest, make=make, **more: (
                asked.append(to.encode()),
                make(to, *rest, **more),
            )[1],
        )
    settings = Predictor(host=host, protocol="grpc-v2", use_tls=use_tls)
    await RpcClient(settings, "m").close()
    assert asked == [target]
