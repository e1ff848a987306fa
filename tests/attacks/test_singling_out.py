"""Predicates that are built of a release and fit exactly one person (GDPR recital 26; the attack of anonymeter)."""

from __future__ import annotations

from counterflow.disclosure import Anonymised
from tests.attacks.attacking import Row, predicates, rows, satisfying
from tests.attacks.conftest import QUASI, coarser
from tests.attacks.world import Nights

GUESSES = 300


def test_no_predicate_of_the_release_fits_less_than_eleven_people(
    world: Nights, released: Anonymised
) -> None:
    everybody = rows(world.first)
    # control: predicates of the facts themselves fit one person often
    raw = list(predicates(everybody, QUASI, GUESSES, seed=1))
    assert sum(satisfying(p, everybody) == 1 for p in raw) > len(raw) * 0.15

    people = [_in_columns(person, released) for person in everybody]
    guesses = list(predicates(rows(released.table), released.quasi_identifiers, GUESSES, seed=1))
    assert len(guesses) > GUESSES * 0.9
    assert min(satisfying(guess, people) for guess in guesses) >= 11


def _in_columns(person: Row, released: Anonymised) -> Row:
    """The person's own value in each released column: what a predicate on that column is about."""
    return {
        column: coarser(column, name, person[name])
        for name, columns in released.levels.items()
        for column in columns
    }
