"""What a release says of itself: the same facts for its data package, codebook, pages and checks.

In: number, night, policy, what the warehouse says of its codes and caveats. Out: an `About`, and the same
read back from a folder's `datapackage.json`: a release can be checked, and rewritten, from its files alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from counterflow.release import policy as policies
from counterflow.release.contents import COLUMNS, OWN_CODES, Described
from counterflow.release.policy import ReleasePolicy

PACKAGE = "datapackage.json"
OURS = "counterflow"  # our own key in the data package


@dataclass(frozen=True, slots=True)
class Code:
    """A value that may stand in a release, and what it means."""

    list: str
    code: str
    label: str
    definition: str


@dataclass(frozen=True, slots=True)
class About:
    """`cases` and `missions` are of the warehouse, rounded down: a release never says an exact number of persons."""

    number: str
    night: date
    policy: ReleasePolicy
    version: str
    cases: int
    missions: int
    caveats: tuple[str, ...]
    codes: tuple[Code, ...]
    revisions: tuple[Mapping[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """Of the data package."""
        return f"counterflow-release-{self.number}"

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.policy.title}: release {self.number}"

    def to_json(self) -> dict[str, Any]:
        """What the data package keeps of it."""
        told = asdict(self)
        told.pop("codes")
        return {
            **told,
            "night": str(self.night),
            "policy": policies.to_json(self.policy),
            "policy_sha256": self.policy.digest,
            "revisions": [dict(one) for one in self.revisions],
        }

    def describe(self, column: str) -> Described:
        """Title and meaning of a column, also of a coarser level of one."""
        if column in COLUMNS:
            return COLUMNS[column]
        base = max((c for c in COLUMNS if column.startswith(f"{c}_")), key=len)
        step = column[len(base) + 1 :].replace("_", " ")
        of = COLUMNS[base]
        return Described(f"{of.title} ({step})", f"{of.meaning} Coarser: {step}.", of.lists)

    def tag(self, column: str) -> str:
        """The column's tag of the Humanitarian Exchange Language."""
        columns = self.policy.columns
        if column in columns and columns[column].hxl:
            return columns[column].hxl
        base = max((c for c in columns if column.startswith(f"{c}_")), key=len, default="")
        if base:
            return f"{columns[base].hxl}+{column[len(base) + 1 :]}"
        return "#affected+cases" if column == "cases" else f"#indicator+{column}"


def about(
    connection: duckdb.DuckDBPyConnection,
    number: str,
    night: date,
    policy: ReleasePolicy,
    version: str,
) -> About:
    """What is to be said of a release of the attached warehouse."""
    counted = connection.execute(
        "select count(*), count(distinct mission_code) from published.core.fct_case"
    ).fetchone()
    assert counted is not None
    names = [
        "core.fct_case",
        "analysis.trends",
    ]  # of what a release has, and in words that hold outside
    said = connection.execute(
        "select distinct caveat from published.analysis.caveat where list_contains(?, table_name) order by 1",
        [names],
    ).fetchall()
    lists = sorted({name for one in COLUMNS.values() for name in one.lists} - {"country"})
    codes = [
        Code(*row)
        for row in connection.execute(
            "select code_list, code, label, coalesce(definition, '') from published.core.dim_code "
            "where list_contains(?, code_list) union all "
            "select 'country', country_code, country_name, coalesce(m49_subregion, '') from published.core.dim_country "
            "order by all",
            [lists],
        ).fetchall()
    ]
    codes += [
        Code("release", code, code.replace("_", " "), told) for code, told in OWN_CODES.items()
    ]
    sentences = tuple(dict.fromkeys(s for (c,) in said for s in _sentences(c)))
    return About(
        number,
        night,
        policy,
        version,
        counted[0] - counted[0] % 100,
        counted[1] - counted[1] % 10,
        sentences + OWN_CAVEATS,
        tuple(codes),
    )


def _sentences(text: str) -> list[str]:
    return [f"{part.strip().rstrip('.')}." for part in text.split(". ") if part.strip()]


OWN_CAVEATS = (
    "A cell says suppressed where something is known that would have singled out somebody: that is neither unknown nor not_asked, and it is not at random, because rare persons lose most.",
    "A share of the microdata is a share of the rows that show the value, and can be off: compare it with the protected tables, which were made before anything was suppressed.",
    "A country of exploitation is where a person was exploited. Where a record has only where the person was screened, registered or assisted it says not_stated; the table of routes has those too, by their basis. Never add bases up.",
    "A cell that is not in a table has no case, or too few to be shown.",
    "Counts are protected: each is near the true one, and sums over a table need not equal its margins.",
    "A count that changed by fewer persons than the smallest class since an earlier release keeps what that release said: a small change is never visible, and a late one is seen only when it is large enough.",
    "A row or a count is of persons assisted and recorded by the missions who agreed to research, and says nothing of how common trafficking is.",
)


def read(folder: Path) -> About:
    """What a release in `folder` says of itself. Raises ValueError if it says nothing that can be read."""
    try:
        told = json.loads((folder / PACKAGE).read_text("utf-8"))[OURS]
        said = dict(told["policy"])
        columns = {n: policies.Column(**c) for n, c in said.pop("columns").items()}
        tables = {
            n: policies.Table(**{**t, "by": tuple(t["by"])}) for n, t in said.pop("tables").items()
        }
        lines = _read_codes(folder)
        return About(
            told["number"],
            date.fromisoformat(told["night"]),
            ReleasePolicy(**said, columns=columns, tables=tables),
            told["version"],
            told["cases"],
            told["missions"],
            tuple(told["caveats"]),
            tuple(lines),
            tuple(told["revisions"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder} is no release: its {PACKAGE} cannot be read ({type(error).__name__})"
        ) from None


def codes_table(codes: Sequence[Code]) -> pa.Table:
    """The code lists as a table of text."""
    fields = ("list", "code", "label", "definition")
    return pa.table({f: pa.array([getattr(c, f) for c in codes], pa.string()) for f in fields})


def _read_codes(folder: Path) -> list[Code]:
    import csv

    with (folder / "codes.csv").open(encoding="utf-8", newline="") as file:
        return [Code(**row) for row in csv.DictReader(file)]
