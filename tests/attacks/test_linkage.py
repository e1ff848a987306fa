"""Somebody knows five attributes of a person and looks for the person in what was published."""

from __future__ import annotations

import random

from pycanon import anonymity

from counterflow.disclosure import Anonymised
from tests.attacks.attacking import link, rows, unique_share
from tests.attacks.conftest import KNOWN, SECRETS, coarser
from tests.attacks.world import Nights

VICTIMS = 150
ITSELF = {name: (name,) for name in KNOWN}
SECRET = SECRETS[0]


def test_with_five_attributes_nobody_is_found(world: Nights, released: Anonymised) -> None:
    everybody, shown = rows(world.first), rows(released.table)
    victims = random.Random(1).sample(everybody, VICTIMS)

    # control: in the facts as they are inside, a third and more is found by five attributes
    assert unique_share(everybody, KNOWN) > 0.3
    found = [link(v, everybody, KNOWN, ITSELF, coarser, SECRET) for v in victims]
    assert sum(one.candidates == 1 for one in found) > VICTIMS * 0.3

    columns = [column for name in KNOWN for column in released.levels[name]]
    assert unique_share(shown, columns) == 0
    found = [link(v, shown, KNOWN, released.levels, coarser, SECRET) for v in victims]
    assert all(one.candidates == 0 or one.candidates >= 11 for one in found)
    assert (
        sum(one.candidates > 0 for one in found) > VICTIMS * 0.9
    )  # he did look in the right place
    assert all(one.candidates == 0 or len(one.values) >= 2 for one in found)


def test_pycanon_counts_the_same_classes(world: Nights, released: Anonymised) -> None:
    """A program that is not ours gives k and l; on the cases as they are k is 1."""
    frame = released.table.to_pandas().astype(object).fillna("(suppressed)")
    names = list(released.quasi_identifiers)
    assert anonymity.k_anonymity(frame, names) == released.check.min_class >= 11
    assert anonymity.l_diversity(frame, names, list(SECRETS)) >= 2
    before = world.first.select([*KNOWN, *SECRETS]).to_pandas().astype(object).fillna("(unknown)")
    assert anonymity.k_anonymity(before, list(KNOWN)) == 1
