"""What a release must obey and what it should keep: k, l, weights and hierarchies.

In: numbers and words of the agency's policy. Out: one `Policy`, refused if it is weaker than the
floor. Weights steer what is lost first; no weight can make a class smaller.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from counterflow.disclosure.hierarchies import Hierarchy

FLOOR_K = 11  # CTDC's public file obeys it; the smallest class of any release
FLOOR_L = 2
LATTICE_COLUMNS = 12  # beyond, the lattice of masks is too large and a tree is grown instead

Method = Literal["auto", "lattice", "tree"]


class DisclosureRefused(Exception):
    """The table cannot be released as asked; says why and what to do, and holds no value of it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """k and l, and what analysts need most.

    `weights` says what a column's information is worth (1 if it is not named; 0: it may go first);
    `hierarchies` how its values become coarser (a column without one is shown or suppressed).
    `effort` bounds how long a better cover is looked for; 0 is fastest.
    """

    k: int = FLOOR_K
    l: int = FLOOR_L  # noqa: E741 (its name everywhere)
    weights: Mapping[str, float] = field(default_factory=dict)
    hierarchies: Mapping[str, Hierarchy] = field(default_factory=dict)
    method: Method = "auto"
    effort: int = 2

    def __post_init__(self) -> None:
        if self.k < FLOOR_K:
            raise DisclosureRefused(
                f"k = {self.k} is below the policy's floor: use {FLOOR_K} or more"
            )
        if self.l < FLOOR_L:
            raise DisclosureRefused(
                f"l = {self.l} is below the policy's floor: use {FLOOR_L} or more"
            )
        bad = sorted(c for c, w in self.weights.items() if not (math.isfinite(w) and w >= 0))
        if bad:
            raise DisclosureRefused(f"the weight of {', '.join(bad)} is not a number ≥ 0")

    def weight(self, column: str) -> float:
        """What the information of a column is worth beside the others'."""
        return float(self.weights.get(column, 1.0))
