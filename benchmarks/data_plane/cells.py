"""The cells that are timed: one request, so many connections, so many streams each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell; a server is asked in every cell whose request it can answer."""

    name: str
    request: str
    connections: int = 8
    streams: int = 1
    quick: bool = True

    @property
    def in_flight(self) -> int:
        """How many requests are in flight at a time."""
        return self.connections * self.streams


#: Iris first: the memory of a server is read when these are done.
CELLS = {
    cell.name: cell
    for cell in (
        Cell(name="iris-1", request="iris", connections=1, quick=False),
        Cell(name="iris-8", request="iris"),
        Cell(name="iris-64", request="iris", connections=64, quick=False),
        Cell(name="v1", request="v1"),
        Cell(name="grpc.iris", request="grpc.iris"),
        Cell(
            name="grpc.iris-64-streams",
            request="grpc.iris",
            connections=1,
            streams=64,
            quick=False,
        ),
        Cell(name="img.bin", request="img.bin"),
        Cell(name="img.json", request="img.json"),
        Cell(name="text.json", request="text.json"),
        Cell(name="text.bin", request="text.bin"),
        Cell(name="grpc.img", request="grpc.img"),
        Cell(name="grpc.text", request="grpc.text", quick=False),
    )
}
IRIS_CELLS = frozenset({"iris-1", "iris-8", "iris-64", "v1", "grpc.iris"})
