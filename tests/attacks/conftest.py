"""One world for all attacks, and one release of its cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from counterflow.disclosure import Anonymised, Policy, anonymise
from counterflow.disclosure import hierarchies as h
from tests.attacks.world import Nights, nights

KNOWN = ("registration_year", "gender", "age_band", "citizenship", "country_of_exploitation")
QUASI = (*KNOWN, "is_cross_border", "duration_band")
SECRETS = ("is_sexual_exploitation", "is_forced_labour")
HIERARCHIES = {
    "registration_year": h.years(),
    "age_band": h.age_bands(),
    "citizenship": h.countries(),
    "country_of_exploitation": h.countries(),
}
POLICY = Policy(hierarchies=HIERARCHIES)

Release = Callable[[pa.Table], Anonymised]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Nights:
    return nights(tmp_path_factory.mktemp("attacked"))


def release(cases: pa.Table) -> Anonymised:
    """The microdata of these cases as they may leave."""
    return anonymise(cases, QUASI, SECRETS, POLICY)


@pytest.fixture(scope="session")
def released(world: Nights) -> Anonymised:
    return release(world.first)


def coarser(column: str, name: str, value: Any) -> Any:
    """What stands in a released column of somebody whose attribute `name` is `value`."""
    if column == name or value is None:
        return value
    hierarchy = HIERARCHIES[name]
    level = hierarchy.levels.index(column.removeprefix(f"{name}_"))
    return hierarchy.ancestors(value)[level]
