"""What a run of the bench was told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from counterflow.bench.results import DOCS
from counterflow.bench.world import World

SIZES = (16_000, 160_000, 1_600_000, 16_000_000)


@dataclass(frozen=True, slots=True)
class Options:
    """Where worlds are kept, how often things are run, and the numbers of cases: small, middle, large, huge."""

    folder: Path
    repeat: int = 5
    sizes: tuple[int, ...] = SIZES

    @property
    def docs(self) -> Path:
        """Where figures are recorded: those of other sizes are no figures of the targets, and have a page of their own."""
        return DOCS if self.sizes == SIZES else self.folder

    def world(self, size: int) -> World:
        """The world of the size in that place: 0 is the smallest."""
        return World.of(self.folder, self.sizes[size])

    def times(self, seconds: float) -> int:
        """How often something that takes so long is run: as asked under a minute, at most thrice under four, else once."""
        if seconds < 60:
            return self.repeat
        return min(self.repeat, 3) if seconds < 240 else 1
