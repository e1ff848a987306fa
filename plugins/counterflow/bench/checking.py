"""`make bench-check`: ratios of a new run beside those recorded last. Seconds of another hour or machine differ; ratios less so.

In: what was recorded and what was measured now. Out: a line a ratio, and those that grew too much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from counterflow.bench.results import Part

TOLERANCE = 0.25  # a ratio may grow by so large a share: what two quiet runs of one program differ by, twice over


@dataclass(frozen=True, slots=True)
class Compared:
    """One ratio, then and now. Smaller is better."""

    part: str
    name: str
    before: float
    now: float

    @property
    def regressed(self) -> bool:
        """Whether it grew by more than what is tolerated."""
        return self.now > self.before * (1 + TOLERANCE)

    def __str__(self) -> str:
        said = "GREW" if self.regressed else "ok"
        return (
            f"{said:<5} {self.part}: {self.name}: {self.before:.3g} recorded, {self.now:.3g} now "
            f"({self.now / self.before - 1:+.0%})"
        )


def compare(recorded: Mapping[str, Part], measured: Iterable[Part]) -> list[Compared]:
    """Every ratio that both have. Of a part that was never recorded nothing can be said."""
    found = []
    for part in measured:
        before = recorded.get(part.name)
        for name in part.ratios:
            if before is not None and before.values.get(name, 0) > 0:
                found.append(Compared(part.name, name, before.values[name], part.values[name]))
    return found


def verdict(found: list[Compared]) -> str:
    """One sentence; empty if nothing grew too much."""
    grown = [one for one in found if one.regressed]
    if not found:
        return "nothing to compare with: run `make bench` first"
    if not grown:
        return ""
    worst = max(grown, key=lambda one: one.now / one.before)
    return (
        f"{len(grown)} of {len(found)} ratios grew by more than {TOLERANCE:.0%}; the most, "
        f"{worst.name}, from {worst.before:.3g} to {worst.now:.3g}"
    )
