"""The gates of a release: each looks at the files as they were written.

In: the folder of a candidate, what is remembered of it inside, the releases before it and tonight's warehouse.
Out: one `GateResult` a gate. All are run; one that fails, or cannot be run, and nothing is released. Those that
need nothing but the files are `verify` for whoever holds a copy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from counterflow.disclosure import check
from counterflow.release import croissant, describe, folder
from counterflow.release.cells import ALL
from counterflow.release.contents import SUPPRESSED
from counterflow.release.errors import ReleaseRefused
from counterflow.release.folder import Material
from counterflow.release.formats import COUNT
from counterflow.release.inside import Inside
from counterflow.release.leaks import leaks
from counterflow.release.microdata import Earlier, Pattern, difference_is_safe
from counterflow.release.policy import ReleasePolicy, checked
from counterflow.warehouse.gates import GateResult


@dataclass(frozen=True, slots=True)
class Candidate:
    """All that the gates look at."""

    material: Material
    inside: Inside
    last: Inside | None
    last_tables: Mapping[str, pa.Table]
    earlier: Sequence[tuple[str, Earlier]]  # as first handed out, and as they are now
    accepted: frozenset[str]  # cases of the warehouse that analysts open now


class GatesFailed(ReleaseRefused):
    """At least one gate failed: the candidate is not released."""

    def __init__(self, results: Sequence[GateResult]) -> None:
        self.results = list(results)
        lines = "; ".join(f"{r.gate}: {r.detail}" for r in results if not r.passed)
        super().__init__(f"not released. {lines}. See docs/runbooks/release_refused.md")


def run(candidate: Candidate) -> list[GateResult]:
    """Every gate on a candidate."""
    results = of_files(candidate.material.folder, candidate.material)
    for name, gate in _INSIDE.items():
        results.append(_result(name, lambda gate=gate: gate(candidate)))  # type: ignore[misc]
    return results


def of_files(where: Path, material: Material | None = None) -> list[GateResult]:
    """The gates that need nothing but the files of a release."""
    if material is None:
        try:
            material = folder.read(where)
        except ValueError as error:
            return [GateResult("files", False, str(error))]
    read = material
    return [_result(name, lambda gate=gate: gate(read)) for name, gate in _FILES.items()]  # type: ignore[misc]


def _result(name: str, gate: Callable[[], str]) -> GateResult:
    try:
        problem = gate()
    except ReleaseRefused as refused:
        problem = str(refused)
    except Exception as error:  # noqa: BLE001 (fails closed, whatever it is; its text could quote a value)
        problem = f"could not be run ({type(error).__name__})"
    return GateResult(name, not problem, problem or "passed")


# --- from the files alone -------------------------------------------------------------------------------------


def _policy(material: Material) -> str:
    policy = checked(material.about.policy)  # refuses what is below a floor
    if material.about.cases < policy.floor_cases:
        return f"about {material.about.cases} cases, and the policy asks for {policy.floor_cases}"
    return "" if material.microdata.num_rows else "no row could be shown"


def _hashes(material: Material) -> str:
    listed, found = describe.read_sums(material.folder), describe.sums(material.folder)
    wrong = sorted(n for n in listed.keys() | found.keys() if listed.get(n) != found.get(n))
    if wrong:
        return f"{len(wrong)} files are not as listed in {describe.SUMS}: {', '.join(wrong[:5])}"
    due = folder.expected(material.about) - {describe.SUMS}
    earlier = {
        croissant.FILE
    } - listed.keys()  # releases were made before it was one of their files
    other = sorted((found.keys() ^ due) - earlier)
    return f"{len(other)} files are missing or foreign: {', '.join(other[:5])}" if other else ""


def _formats(material: Material) -> str:
    differing = [
        f"{name}.{kind}"
        for name, kinds in material.tables.items()
        for kind, table in kinds.items()
        if table != kinds["csv"]
    ]
    if differing:
        return f"{', '.join(differing[:5])} do not hold what their CSV holds"
    columns = tuple(material.microdata.column_names)
    if columns != material.about.policy.released():
        return "the microdata does not have the columns that its policy says"
    for name, table in material.about.policy.tables.items():
        if tuple(material.table(name).column_names) != (*table.by, COUNT):
            return f"{name} does not have the columns that its policy says"
    return ""


def _k(material: Material) -> str:
    policy = material.about.policy
    for kind, table in material.tables[describe.MICRODATA].items():
        found = check(table, table.column_names)
        if not found.holds(policy.k, 1):
            return (
                f"{describe.MICRODATA}.{kind} has a class of {found.min_class}, and k is {policy.k}"
            )
    return ""


def _l(material: Material) -> str:
    problems = [
        f"{one} classes show {column} with fewer than {material.about.policy.l} values"
        for column, one in homogeneous(material.microdata, material.about.policy).items()
        if one
    ]
    return "; ".join(problems)


def homogeneous(table: pa.Table, policy: ReleasePolicy) -> dict[str, int]:
    """For each sensitive column, how many classes of rows alike in the other columns show too few values of it.

    `suppressed` is a value of its own, as everywhere; a class in which the column is suppressed for all shows nothing.
    """
    known = ", ".join(f'"{c}"' for c in policy.released(policy.known))
    found = {}
    with duckdb.connect() as connection:
        connection.register("released", table)
        for column in policy.released(policy.sensitive):
            row = connection.execute(
                f"""select count(*) from (
                    select count(distinct "{column}") as n, bool_and("{column}" = '{SUPPRESSED}') as nothing
                    from released group by {known or "()"}
                ) where n < {policy.l} and not nothing"""
            ).fetchone()
            found[column] = int(row[0]) if row else 0
    return found


def _minimum(material: Material) -> str:
    minimum = material.about.policy.minimum_cell
    small = {
        name: sum(count < minimum for count in material.table(name)[COUNT].to_pylist())
        for name in material.about.policy.tables
    }
    listed = ", ".join(f"{n} of {name}" for name, n in small.items() if n)
    return f"cells below {minimum}: {listed}" if listed else ""


def _leak(material: Material) -> str:
    return "; ".join(leaks(material))


# --- with what is remembered inside ---------------------------------------------------------------------------


def _consent(candidate: Candidate) -> str:
    shown = {case for one in candidate.inside.classes if one.is_shown for case in one.cases}
    gone = len(shown - candidate.accepted)
    if gone:
        return f"{gone} cases of the microdata are not accepted in the warehouse that analysts open now"
    behind = _behind(candidate.inside, _made_anew(candidate))
    gone = len({case for cases in behind.values() for case in cases} - candidate.accepted)
    return f"{gone} cases behind new counts are not accepted in the warehouse now" if gone else ""


def _rows(candidate: Candidate) -> str:
    """The inside says of every row whose it is, and the file has exactly these."""
    remembered: Counter[Pattern] = Counter()
    for one in candidate.inside.classes:
        if one.is_shown:
            remembered[one.pattern] += len(one.cases)
            if len(one.cases) < candidate.material.about.policy.k:
                return f"a class of {len(one.cases)} cases is shown"
    return (
        ""
        if rows_of(candidate.material.microdata) == remembered
        else "the rows are not those of the classes"
    )


def rows_of(table: pa.Table) -> Counter[Pattern]:
    """How often each row stands in a table of text."""
    return Counter(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _union(candidate: Candidate) -> str:
    """No earlier release, as handed out or as it is now, differs by 1 to k - 1 rows that look alike; no class was
    split: who is shown now with others was shown with them before, or not at all.
    """
    k = candidate.material.about.policy.k
    now = rows_of(candidate.material.microdata)
    columns = candidate.material.microdata.column_names
    for number, before in candidate.earlier:
        bad = sum(
            not difference_is_safe(new, old, k) for _, new, old in before.beside(columns, now)
        )
        if bad:
            return f"{bad} kinds of rows differ from release {number} by 1 to {k - 1}"
    if candidate.last is None:
        return ""
    where = {case: one.number for one in candidate.last.classes for case in one.cases}
    for one in candidate.inside.classes:
        if one.is_shown and len({where.get(case) for case in one.cases}) > 1:
            return "a class mixes cases that an earlier release showed apart"
    lost = 0
    held = {one.number: one for one in candidate.inside.classes}
    for one in candidate.last.classes:
        now_one = held.get(one.number)
        if now_one is not None and now_one.is_shown and 0 < len(one.cases - now_one.cases) < k:
            lost += 1
    return f"{lost} classes are shown without 1 to {k - 1} of their cases" if lost else ""


def _delta(candidate: Candidate) -> str:
    """A count differs from the last release's only if k cases came or went."""
    if candidate.last is None:
        return ""
    policy = candidate.material.about.policy
    k = policy.k
    both = [
        name
        for name, table in candidate.last_tables.items()
        if name in policy.tables and tuple(table.column_names) == (*policy.tables[name].by, COUNT)
    ]
    then = _said({n: candidate.last_tables[n] for n in both}, policy)
    now = _said({n: candidate.material.table(n) for n in both}, policy)
    for cell in [c for c, count in then.items() if count < policy.minimum_cell and c not in now]:
        del then[cell]  # the policy's minimum rose: a published number says so, and no case
    changed = {cell for cell in then.keys() | now.keys() if then.get(cell) != now.get(cell)}
    before, after = _behind(candidate.last, changed), _behind(candidate.inside, changed)
    values = candidate.last.cells.values
    left = dict(zip(*(values[c].to_pylist() for c in ("cell", "departures")), strict=True))
    moved = (
        len(before.get(cell, set()) ^ after.get(cell, set())) + left.get(cell, 0)
        for cell in changed
    )
    bad = sum(number < k for number in moved)
    return f"{bad} counts changed although fewer than {k} cases came or went" if bad else ""


def _said(tables: Mapping[str, pa.Table], policy: ReleasePolicy) -> dict[str, int]:
    """Cell → count, as tables say it."""
    said = {}
    for name, table in tables.items():
        if name not in policy.tables:
            continue
        by, view = policy.tables[name].by, policy.tables[name].view
        for *values, count in zip(*(table[c].to_pylist() for c in (*by, COUNT)), strict=True):
            parts = [f"|{d}={v}" for d, v in sorted(zip(by, values, strict=True)) if v != ALL]
            said[view + "".join(parts)] = count
    return said


def _made_anew(candidate: Candidate) -> set[str]:
    """Cells whose count is not what the last release said."""
    names = ("cell", "count")
    now = dict(zip(*(candidate.inside.cells.values[c].to_pylist() for c in names), strict=True))
    if candidate.last is None:
        return {cell for cell, count in now.items() if count is not None}
    then = dict(zip(*(candidate.last.cells.values[c].to_pylist() for c in names), strict=True))
    return {cell for cell, count in now.items() if count is not None and then.get(cell) != count}


def _behind(inside: Inside, cells: set[str]) -> dict[str, set[str]]:
    """Of these cells, the cases of which the count was made."""
    with duckdb.connect() as connection:
        for name, table in (
            ("asked", pa.table({"cell": pa.array(sorted(cells), pa.string())})),
            ("members", inside.cells.cases),
            ("keys", inside.cells.keys),
        ):
            connection.register(name, table)
        rows = connection.execute(
            "select a.cell, list(k.case_key) from asked as a join members as m on m.id = md5_number_lower(a.cell) "
            "join keys as k using (place) group by a.cell"
        ).fetchall()
    return {cell: set(cases) for cell, cases in rows}


_FILES: dict[str, Callable[[Material], str]] = {
    "policy": _policy,
    "hashes": _hashes,
    "formats": _formats,
    "k_anonymity": _k,
    "l_diversity": _l,
    "minimum_cell": _minimum,
    "leak": _leak,
}
_INSIDE: dict[str, Callable[[Candidate], str]] = {
    "consent": _consent,
    "rows": _rows,
    "union": _union,
    "delta": _delta,
}
