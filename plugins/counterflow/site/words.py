"""Codes in words: what a plot or a table says for `not_asked`, `MDA` or `t_activities_of_households_as_employers`.

In: the code lists and countries of the warehouse. Out: a label a code. A code that two lists call differently keeps its
own letters, as does what no list has (a year, a region).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

_OURS = {  # words of the marts, which are in no list
    "all": "all",
    "adult": "adults",
    "minor": "children",
    "feminine": "women and girls",
    "masculine": "men and boys",
    "sexual_exploitation": "sexual exploitation",
    "forced_labour": "forced labour",
    "other_exploitation": "other exploitation",
    "is_sexual_exploitation": "sexual exploitation",
    "is_forced_labour": "forced labour",
    "is_other_exploitation": "other exploitation",
    "too_few": "too few",
    "stores_only_yes": "form stores only yes",
    "relation_too_loose": "asks something broader",
    "not_applicable": "not applicable",
    "not_asked": "not asked",
    "left_out": "left out",
    "numerator": "yes",
    "others": "no, or another value",
    "unknown": "unknown",
    "yes": "yes",
    "no": "no",
}
_SHORT = 48


@dataclass(frozen=True, slots=True)
class Words:
    """Labels by code, and definitions by code."""

    labels: Mapping[str, str]
    definitions: Mapping[str, str]

    def label(self, value: Any) -> str:
        """What to say for a value."""
        if value is None:
            return "not known"
        if isinstance(value, float):
            return f"{value:g}"
        text = str(value)
        return self.labels.get(text) or text.replace("_", " ")

    def short(self, value: Any) -> str:
        """The same, for an axis."""
        text = self.label(value)
        return text if len(text) <= _SHORT else f"{text[: _SHORT - 1].rstrip()}…"


def read(connection: duckdb.DuckDBPyConnection) -> Words:
    """The words of an open warehouse."""
    rows = connection.execute(
        "select code, min(label), coalesce(max(definition), '') from core.dim_code "
        "group by code having count(distinct label) = 1 "
        "union all select country_code, country_name, m49_subregion from core.dim_country order by all"
    ).fetchall()
    labels = {code: label for code, label, _ in rows}
    return Words(labels | _OURS, {code: told for code, _, told in rows if told})


def number(value: Any) -> str:
    """A count as it is written."""
    return f"{value:,}"


def percent(share: float) -> str:
    """A share as it is written: no more digits than it bears."""
    return f"{100 * share:.0f} %" if share >= 0.095 or not share else f"{100 * share:.1f} %"
