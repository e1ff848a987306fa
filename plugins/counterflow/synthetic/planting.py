"""Which cases are given a country: mission sizes in, a country per case index out.

85 citizenships and 100 countries of exploitation must each be met in several accepted cases,
rare ones too; where corridors alone do not see to it, a few cases are given the country.
"""

from __future__ import annotations

from collections import defaultdict

from counterflow.synthetic import calibration, corridors, forms
from counterflow.synthetic.countries import DESTINATIONS, ORIGINS
from counterflow.synthetic.forms.base import Mission
from counterflow.synthetic.people import stream

ENOUGH = 40  # expected cases above which nothing need be done
EACH = 6
SMALLEST_RUN = 8000  # in smaller runs the countries would crowd out the corridors
SMALLEST_MISSION = 40

Plan = dict[str, dict[int, tuple[str, str]]]  # mission → index → (citizenship, destination)


def plan(sizes: list[tuple[Mission, int]], seed: int) -> Plan:
    """The cases that are given a citizenship or a destination."""
    result: Plan = defaultdict(dict)
    if sum(size for _, size in sizes) < SMALLEST_RUN:
        return result
    origins, destinations = _expected(sizes)
    rng = stream(seed, "planting")
    places = [
        (mission.code, size)
        for mission, size in sizes
        if size >= SMALLEST_MISSION and forms.build(mission).basis == "last_exploitation"
    ]
    codes, weights = [code for code, _ in places], [size**0.5 for _, size in places]
    numbers = dict(places)
    wanted = [(c, "") for c in ORIGINS if origins[c] < ENOUGH]
    wanted += [("", c) for c in DESTINATIONS if destinations[c] < ENOUGH]
    for pair in wanted:
        for _ in range(EACH):
            while True:
                code = rng.choices(codes, weights)[0]
                # Indices above the first few: those serve the scenario of withdrawn consents.
                index = rng.randint(3, numbers[code])
                if index not in result[code] and pair[1] != code:
                    break
            result[code][index] = pair
    return result


def _expected(
    sizes: list[tuple[Mission, int]],
) -> tuple[dict[str, float], dict[str, float]]:
    origins: dict[str, float] = defaultdict(float)
    destinations: dict[str, float] = defaultdict(float)
    for mission, size in sizes:
        proxy = forms.build(mission).basis != "last_exploitation"
        for citizenship, share in _shares(corridors.citizenships(mission.code)).items():
            origins[citizenship] += size * share
            met_here = corridors.hosts(mission.code) and citizenship != mission.code
            abroad = 0.12 if met_here else 1 - calibration.DOMESTIC
            destinations[mission.code if met_here else citizenship] += size * share * (1 - abroad)
            if not proxy:
                for country, part in _shares(corridors.destinations(citizenship)).items():
                    destinations[country] += size * share * abroad * part
    return origins, destinations


def _shares(draw: calibration.Draw) -> dict[str, float]:
    steps = zip(draw.cumulative, [0.0, *draw.cumulative[:-1]], strict=True)
    total = draw.cumulative[-1]
    return dict(zip(draw.values, [(a - b) / total for a, b in steps], strict=True))
