"""Somebody who sees the same table of two dates takes one from the other and looks at what came."""

from __future__ import annotations

from tests.attacks.attacking import difference, rows
from tests.attacks.conftest import QUASI, release
from tests.attacks.world import Nights


def test_the_facts_of_two_nights_show_who_is_new(world: Nights) -> None:
    """Why nightly facts stay inside: whoever came between them stands alone in the difference."""
    first, second = (
        [tuple(row[name] for name in QUASI) for row in rows(night)]
        for night in (world.first, world.second)
    )
    changed = difference(first, second)
    assert changed
    assert sum(abs(count) == 1 for count in changed.values()) / len(changed) > 0.5


def test_two_releases_that_know_nothing_of_each_other_show_it_too(world: Nights) -> None:
    """Why a release looks at the one before it: k holds in each, and not in their difference."""
    first, second = (
        [tuple(row.values()) for row in rows(release(night).table)]
        for night in (world.first, world.second)
    )
    assert any(0 < abs(count) < 11 for count in difference(first, second).values())
