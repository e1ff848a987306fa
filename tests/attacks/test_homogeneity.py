"""A group of eleven is no protection if all of them say the same: who is in it is known to have said it."""

from __future__ import annotations

from counterflow.disclosure import Anonymised, Policy, anonymise
from tests.attacks.attacking import homogeneous, rows
from tests.attacks.conftest import HIERARCHIES, QUASI, SECRETS
from tests.attacks.world import Nights


def test_no_group_gives_its_answer_away(world: Nights, released: Anonymised) -> None:
    # control: the same release by k alone. A policy refuses it, so it is bent after it was made.
    careless = Policy(hierarchies=HIERARCHIES)
    object.__setattr__(careless, "l", 1)
    by_k = anonymise(world.first, QUASI, SECRETS, careless)
    assert by_k.check.min_class >= 11
    assert any(homogeneous(rows(by_k.table), by_k.quasi_identifiers, s) for s in SECRETS)

    for secret in SECRETS:
        assert homogeneous(rows(released.table), released.quasi_identifiers, secret) == []
