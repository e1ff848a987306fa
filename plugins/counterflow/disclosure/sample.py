"""Made-up cases to measure disclosure control on: a number of rows in, an Arrow table out.

Ten quasi-identifiers and two sensitive columns, shaped like a public case file (CTDC): few
origins make most of the cases, corridors follow origins, age and exploitation follow gender, and
nearly every record is unique. The weights are those of the synthetic missions; drawn as whole
columns, because a million cases are wanted in seconds. No person stands behind a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from counterflow.synthetic import calibration
from counterflow.synthetic.corridors import destinations
from counterflow.synthetic.countries import DESTINATIONS, ORIGINS, SOUTH_EASTERN_EUROPE

QUASI_IDENTIFIERS = (
    "registration_year", "gender", "age_band", "citizenship", "country_of_exploitation",
    "exploitation_type", "recruiter_relationship", "duration_band", "marital_status",
    "children_band",
)  # fmt: skip
SENSITIVE = ("labour_sector", "means_of_control")

Texts = np.ndarray[Any, np.dtype[np.object_]]

_DURATION = {
    "under_3_months": 34,
    "3_to_11_months": 33,
    "12_to_23_months": 18,
    "24_months_and_over": 15,
}
_MISSING = {
    "age_band": 0.04, "citizenship": 0.01, "country_of_exploitation": 0.08, "exploitation_type": 0.10,
    "recruiter_relationship": 0.45, "duration_band": 0.50, "marital_status": 0.30, "children_band": 0.45,
    "means_of_control": 0.30,
}  # fmt: skip


def sample(rows: int, seed: int = 7) -> pa.Table:
    """`rows` cases; the same ones for the same seed. What is missing is `unknown`, a country null."""
    rng = np.random.default_rng(seed)
    origin = _draw(rng, rows, {c: 1 / (place + 2.5) ** 1.25 for place, c in enumerate(ORIGINS)})
    south_east = np.isin(origin, list(SOUTH_EASTERN_EUROPE))
    year = _by(
        rng, south_east, lambda s: calibration.YEAR_SOUTH_EAST if s else calibration.YEAR_ELSEWHERE
    )
    female = rng.random(rows) < np.array([calibration.FEMALE_BY_YEAR[int(y)] for y in year])
    age = _by(rng, female, lambda f: calibration.AGE_FEMALE if f else calibration.AGE_MALE)
    minor = np.isin(age, ["0-8", "9-17"])
    who = np.where(female, np.where(minor, "fm", "fa"), np.where(minor, "mm", "ma"))
    grown = {"a": "adult", "m": "minor"}
    kind = _by(rng, who, lambda w: calibration.EXPLOITATION[w[0], grown[w[1]]])
    abroad = _by(rng, origin, destinations)
    anywhere = _draw(rng, rows, {c: 1 / (place + 3) for place, c in enumerate(DESTINATIONS)})
    chance = rng.random(rows)
    place = np.where(
        chance < calibration.DOMESTIC, origin, np.where(chance > 0.88, anywhere, abroad)
    )
    labour = np.isin(kind, ["labour", "both"])
    sector = _by(rng, female, lambda f: calibration.SECTOR_WOMEN if f else calibration.SECTOR_MEN)
    control = _by(
        rng,
        labour,
        lambda is_labour: calibration.CONTROL_LABOUR if is_labour else calibration.CONTROL_SEXUAL,
    )
    columns: dict[str, Texts] = {
        "gender": np.where(female, "feminine", "masculine").astype(object),
        "age_band": age,
        "citizenship": origin,
        "country_of_exploitation": place,
        "exploitation_type": kind,
        "recruiter_relationship": _by(
            rng, minor, lambda m: calibration.RELATION_MINOR if m else calibration.RELATION_ADULT
        ),
        "duration_band": _draw(rng, rows, _DURATION),
        "marital_status": np.where(minor, "single", _draw(rng, rows, calibration.MARITAL)),
        "children_band": np.where(minor, "0", _draw(rng, rows, {"0": 46, "1-2": 41, "3+": 13})),
        "labour_sector": _where(labour, sector, None),
        "means_of_control": control,
    }
    for name, share in _MISSING.items():
        nothing = None if name.startswith("c") and name.endswith(("ship", "tation")) else "unknown"
        columns[name] = _where(rng.random(rows) >= share, columns[name], nothing)
    arrays = {name: pa.array(values, pa.string()) for name, values in columns.items()}
    return pa.table({"registration_year": pa.array(year.astype(np.int32)), **arrays})


def _where(flags: Any, values: Texts, otherwise: str | None) -> Texts:
    """The values where the flag is set."""
    result = values.copy()
    result[~flags] = otherwise
    return result


def _draw(rng: np.random.Generator, rows: int, weights: Any) -> Texts:
    """Weighted values, as many as rows."""
    if isinstance(weights, calibration.Draw):
        values, cumulative = weights.values, np.array(weights.cumulative, float)
    else:
        values, cumulative = list(weights), np.cumsum(list(weights.values()))
    places = np.searchsorted(cumulative, rng.random(rows) * cumulative[-1], side="right")
    chosen: Texts = np.array(values, object)[np.minimum(places, len(values) - 1)]
    return chosen


def _by(rng: np.random.Generator, given: Any, weights: Callable[[Any], Any]) -> Texts:
    """Weighted values, the weights depending on another column."""
    result = np.empty(len(given), object)
    for value in sorted(set(given.tolist())):
        rows = np.flatnonzero(given == value)
        result[rows] = _draw(rng, len(rows), weights(value))
    return result
