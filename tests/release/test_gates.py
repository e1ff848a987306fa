"""Each gate of a release stops what it is there for, and passes what is right: a control for each."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from counterflow.release import describe, folder, formats, gates, inside, places
from counterflow.release.building import earlier_rows, last_inside
from counterflow.release.contents import SUPPRESSED
from counterflow.release.folder import Material
from counterflow.release.gates import Candidate
from counterflow.release.microdata import Earlier
from counterflow.sealing import Seal
from tests.release.conftest import CASES, World
from tests.release.world import key


@pytest.fixture(scope="module")
def candidate(released_world: World) -> Candidate:
    """The release itself, looked at as the release after itself: nothing changed, so every gate passes."""
    releases = released_world.releases
    seal = Seal.of(released_world.settings)
    material = folder.read(releases / "001")
    kept = inside.read(inside.folder(releases, "001"), seal)
    return Candidate(
        material,
        kept,
        last_inside(releases, seal),
        {n: material.table(n) for n in material.about.policy.tables},
        earlier_rows(releases, seal),
        frozenset(key(n) for n in CASES),
    )


def failed(candidate: Candidate) -> dict[str, str]:
    return {r.gate: r.detail for r in gates.run(candidate) if not r.passed}


def test_what_is_right_passes_every_gate(candidate: Candidate) -> None:
    results = gates.run(candidate)
    assert [r.gate for r in results] == [*gates._FILES, *gates._INSIDE]
    assert failed(candidate) == {}


# --- from the files alone: a folder that was written with a fault in it, hashes and all ----------------------


def _rewritten(
    candidate: Candidate, target: Path, change: Callable[[dict[str, pa.Table]], None]
) -> Candidate:
    tables = {n: candidate.material.table(n) for n in candidate.material.tables}
    change(tables)
    folder.write(target, candidate.material.about, tables)
    return replace(candidate, material=folder.read(target))


def _set(table: pa.Table, column: str, row: int, value: object) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    place = table.column_names.index(column)
    return table.set_column(place, column, pa.array(values, table.schema.field(column).type))


def test_k_a_row_that_stands_out(candidate: Candidate, tmp_path: Path) -> None:
    def change(tables: dict[str, pa.Table]) -> None:
        table = tables["microdata"]
        row = table["citizenship"].to_pylist().index("MDA")
        tables["microdata"] = _set(table, "citizenship", row, "ROU")

    assert "k_anonymity" in failed(_rewritten(candidate, tmp_path / "r", change))


def test_k_a_row_more_than_a_class_has_can_stay_and_one_alone_cannot(
    candidate: Candidate, tmp_path: Path
) -> None:
    def change(tables: dict[str, pa.Table]) -> None:
        alone = [
            "2001" if c == "registration_year" else SUPPRESSED
            for c in tables["microdata"].column_names
        ]
        extra = pa.table(
            {c: [v] for c, v in zip(tables["microdata"].column_names, alone, strict=True)}
        )
        tables["microdata"] = pa.concat_tables([tables["microdata"], extra])

    assert "a class of 1" in failed(_rewritten(candidate, tmp_path / "r", change))["k_anonymity"]


def test_l_a_class_that_gives_a_secret_away(candidate: Candidate, tmp_path: Path) -> None:
    def change(tables: dict[str, pa.Table]) -> None:
        table = tables["microdata"]
        place = table.column_names.index("is_sexual_exploitation")
        same = pa.array(["yes"] * table.num_rows)
        tables["microdata"] = table.set_column(place, "is_sexual_exploitation", same)

    found = failed(_rewritten(candidate, tmp_path / "r", change))
    assert "is_sexual_exploitation" in found["l_diversity"]


def test_minimum_a_small_count(candidate: Candidate, tmp_path: Path) -> None:
    def change(tables: dict[str, pa.Table]) -> None:
        tables["trends"] = _set(tables["trends"], "cases", 0, 10)

    assert failed(_rewritten(candidate, tmp_path / "r", change))["minimum_cell"] == (
        "cells below 11: 1 of trends"
    )


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("microdata", "citizenship", "Chisinau"),
        ("microdata", "gender", "Maria"),
        ("trends", "gender", "woman"),
        ("microdata", "registration_year", "2010-11-25"),
        ("profiles", "value", "A-4711"),
    ],
)
def test_leak_a_value_outside_its_list(
    candidate: Candidate, tmp_path: Path, table: str, column: str, value: str
) -> None:
    def change(tables: dict[str, pa.Table]) -> None:
        tables[table] = _set(tables[table], column, 0, value)

    found = failed(_rewritten(candidate, tmp_path / "r", change))
    assert f"{table}.{column}" in found["leak"]
    assert value not in found["leak"]


@pytest.mark.parametrize(
    ("name", "text", "word"),
    [
        ("README.md", "call +373 600 12345", "telephone"),
        ("README.md", "born 1985-02-01", "date"),
        ("report.html", "<p>write to someone@example.org</p>", "e-mail"),
        ("croissant.json", "someone@example.org", "e-mail"),
        ("croissant.json", "see http://example.org/list", "web"),
        ("ddi.xml", f"<!-- {key(1)} -->", "case key"),
        ("datapackage.json", key(2), "case key"),
        ("hxl/trends.csv", key(3), "case key"),
    ],
)
def test_leak_what_looks_like_a_person(
    candidate: Candidate, tmp_path: Path, name: str, text: str, word: str
) -> None:
    where = _copied(candidate, tmp_path)
    path = where / name
    written = path.read_text("utf-8")
    at = written.rindex("}") if name.endswith(".json") else len(written)
    added = f',"note": "{text}"' if name.endswith(".json") else text
    path.write_text(written[:at] + added + written[at:], "utf-8")
    describe.write_sums(where)
    found = {r.gate: r.detail for r in gates.of_files(where) if not r.passed}
    assert word in found["leak"]
    assert text not in found["leak"]


def _copied(candidate: Candidate, tmp_path: Path) -> Path:
    where = tmp_path / "copy"
    shutil.copytree(candidate.material.folder, where)
    for path in [where, *where.rglob("*")]:
        os.chmod(path, 0o755 if path.is_dir() else 0o644)
    return where


@pytest.mark.parametrize("kind", ["parquet", "dta"])
def test_formats_that_hold_something_else(candidate: Candidate, tmp_path: Path, kind: str) -> None:
    where = _copied(candidate, tmp_path)
    other = _set(candidate.material.table("trends"), "cases", 0, 4711)
    formats.write(other, tmp_path / "other", "trends", {}, candidate.material.about.night)
    shutil.copy(tmp_path / f"other/trends.{kind}", where / f"data/trends.{kind}")
    describe.write_sums(where)
    found = {r.gate: r.detail for r in gates.of_files(where) if not r.passed}
    assert f"trends.{kind}" in found["formats"]


def test_formats_a_column_too_many(candidate: Candidate, tmp_path: Path) -> None:
    def change(tables: dict[str, pa.Table]) -> None:
        table = tables["microdata"]
        tables["microdata"] = table.append_column("is_minor", pa.array(["all"] * table.num_rows))

    assert "formats" in failed(_rewritten(candidate, tmp_path / "r", change))


@pytest.mark.parametrize(
    ("changes", "word"), [({"k": 5}, "k is 5"), ({"minimum_cell": 3}, "minimum_cell is 3"), ({"floor_cases": 5000}, "5000")]
)  # fmt: skip
def test_policy_what_a_release_says_of_itself_is_checked(
    candidate: Candidate, tmp_path: Path, changes: dict[str, int], word: str
) -> None:
    where = _copied(candidate, tmp_path)
    path = where / "datapackage.json"
    told = json.loads(path.read_text("utf-8"))
    told["counterflow"]["policy"] |= changes
    path.write_text(json.dumps(told), "utf-8")
    describe.write_sums(where)
    found = {r.gate: r.detail for r in gates.of_files(where) if not r.passed}
    assert word in found["policy"]


def test_a_gate_that_cannot_be_run_fails(
    candidate: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Material) -> str:
        raise RuntimeError("Maria, +373 600 12345")

    monkeypatch.setitem(gates._FILES, "k_anonymity", broken)
    assert failed(candidate) == {"k_anonymity": "could not be run (RuntimeError)"}


# --- with what is remembered inside ---------------------------------------------------------------------------


def test_consent_a_case_that_is_not_accepted_any_more(candidate: Candidate) -> None:
    shown = next(iter(next(one for one in candidate.inside.classes if one.is_shown).cases))
    found = failed(replace(candidate, accepted=candidate.accepted - {shown}))
    assert "1 cases of the microdata" in found["consent"]


def test_consent_a_case_behind_a_new_count(candidate: Candidate) -> None:
    """In the tables only: no row of the microdata is hers."""
    placed = {case for one in candidate.inside.classes for case in one.cases}
    hers = next(case for case in sorted(candidate.inside.cases - placed))
    first = replace(candidate, last=None, earlier=[])
    assert failed(first) == {}
    found = failed(replace(first, accepted=candidate.accepted - {hers}))
    assert "1 cases behind new counts" in found["consent"]


def test_rows_that_belong_to_no_class(candidate: Candidate) -> None:
    classes = candidate.inside.classes[1:]
    assert "rows" in failed(replace(candidate, inside=replace(candidate.inside, classes=classes)))


def test_rows_a_class_that_is_too_small(candidate: Candidate) -> None:
    one, *others = candidate.inside.classes
    split = [replace(one, cases=frozenset(sorted(one.cases)[:5])), replace(one, number=999, cases=frozenset(sorted(one.cases)[5:]))]  # fmt: skip
    found = failed(replace(candidate, inside=replace(candidate.inside, classes=(*split, *others))))
    assert "a class of" in found["rows"]


@pytest.mark.parametrize("difference", [1, 10, -1, -10])
def test_union_an_earlier_release_with_a_few_rows_more_or_less(
    candidate: Candidate, difference: int
) -> None:
    rows = gates.rows_of(candidate.material.microdata)
    pattern = max(rows, key=lambda p: rows[p])
    columns = tuple(candidate.material.microdata.column_names)
    before = Earlier(columns, Counter(rows | {pattern: rows[pattern] + difference}))
    found = failed(replace(candidate, earlier=[("000", before)]))
    assert found["union"] == "1 kinds of rows differ from release 000 by 1 to 10"


def test_union_an_earlier_release_that_differs_by_enough_is_no_fault(candidate: Candidate) -> None:
    rows = gates.rows_of(candidate.material.microdata)
    pattern = max(rows, key=lambda p: rows[p])
    columns = tuple(candidate.material.microdata.column_names)
    before = Earlier(columns, Counter(rows | {pattern: rows[pattern] + 11}))
    assert "union" not in failed(replace(candidate, earlier=[("000", before)]))


def test_union_an_earlier_release_with_fewer_columns_is_compared_in_those(
    candidate: Candidate,
) -> None:
    short: Counter[tuple[str, ...]] = Counter()
    for pattern, count in gates.rows_of(candidate.material.microdata).items():
        short[pattern[:2]] += count
    columns = tuple(candidate.material.microdata.column_names[:2])
    assert "union" not in failed(
        replace(candidate, earlier=[("000", Earlier(columns, Counter(short)))])
    )
    short[max(short, key=lambda p: short[p])] += 1
    assert "union" in failed(
        replace(candidate, earlier=[("000", Earlier(columns, Counter(short)))])
    )


def test_union_a_class_that_was_split_or_mixed(candidate: Candidate) -> None:
    assert candidate.last is not None
    one, two, *others = candidate.last.classes
    lost = replace(one, cases=one.cases | {key(10_000)})
    found = failed(replace(candidate, last=replace(candidate.last, classes=(lost, two, *others))))
    assert "1 classes are shown without" in found["union"]
    moved = sorted(two.cases)[0]
    mixed = (
        replace(one, cases=one.cases | {moved}),
        replace(two, cases=two.cases - {moved}),
        *others,
    )
    found = failed(replace(candidate, last=replace(candidate.last, classes=mixed)))
    assert "mixes cases" in found["union"]


def test_delta_a_count_that_changed_while_nobody_came(candidate: Candidate, tmp_path: Path) -> None:
    def change(tables: dict[str, pa.Table]) -> None:
        count = tables["origins"]["cases"].to_pylist()[0]
        tables["origins"] = _set(tables["origins"], "cases", 0, count + 1)

    found = failed(_rewritten(candidate, tmp_path / "r", change))
    assert found["delta"] == "1 counts changed although fewer than 11 cases came or went"


def test_delta_a_count_that_appears_or_goes_for_a_few(candidate: Candidate, tmp_path: Path) -> None:
    def change(tables: dict[str, pa.Table]) -> None:
        tables["origins"] = tables["origins"].slice(1)

    found = failed(_rewritten(candidate, tmp_path / "r", change))
    assert found["delta"].startswith("1 counts changed")


def test_the_same_number_is_found_for_a_copy(released_world: World) -> None:
    assert places.digest(released_world.releases / "001") == released_world.built.digest
