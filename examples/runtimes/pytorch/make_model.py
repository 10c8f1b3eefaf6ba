"""Train a classifier of points, inside or outside a ring, and export it to ring/."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

FOLDER = Path(__file__).parent / "ring"


class Ring(nn.Module):
    """Says how probable it is that a point lies outside and inside of the ring."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))

    def forward(self, points: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the probabilities, and which is the greater one, for each point."""
        probabilities = torch.softmax(self.layers(points), dim=1)
        return {"probabilities": probabilities, "inside": probabilities.argmax(1)}


def trained() -> Ring:
    """Return a ring that was shown where 2,000 points lie."""
    torch.manual_seed(0)
    points = torch.rand(2000, 2) * 4 - 2
    inside = (points.norm(dim=1) < 1).long()
    ring = Ring()
    optimizer = torch.optim.Adam(ring.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        nn.functional.cross_entropy(ring.layers(points), inside).backward()
        optimizer.step()
    return ring.eval()


if __name__ == "__main__":
    program = torch.export.export(
        trained(), (torch.zeros(2, 2),), dynamic_shapes=({0: torch.export.Dim("n")},)
    )
    FOLDER.mkdir(exist_ok=True)
    torch.export.save(program, FOLDER / "model.pt2")
    print(f"saved {FOLDER / 'model.pt2'}")
