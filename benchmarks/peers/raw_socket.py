"""Copy the body of one URL from its socket to a file: the limit of one connection."""

import os
import socket
import sys
from urllib.parse import urlsplit


def main(url: str, path: str) -> None:
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    with socket.create_connection((parts.hostname, parts.port)) as connection:
        head = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        connection.sendall(f"{head}Connection: close\r\n\r\n".encode())
        _save(connection, path)


def _save(connection: socket.socket, path: str) -> None:
    buffer = memoryview(bytearray(2**20))
    start = b""
    while b"\r\n\r\n" not in start:
        start += connection.recv(2**14)
    head, _, body = start.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        sys.exit(head.decode("latin-1"))
    file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.write(file, body)
    while count := connection.recv_into(buffer):
        os.write(file, buffer[:count])
    os.close(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
