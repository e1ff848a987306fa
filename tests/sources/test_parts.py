"""A large export that is read in parts gives what it gives as a whole."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from counterflow.contracts import Contract, load_contract
from counterflow.fields import Signals
from counterflow.ingest import Landed, Part, Reading, ingest
from counterflow.missions import transport
from counterflow.settings import PROJECT, Settings
from counterflow.sources import Refused, TextTable, read_tables, unpack
from counterflow.sources.parts import can_be_parted, read_parts
from counterflow.sources.unpack import Member
from counterflow.synthetic import generate
from tests.sources.test_readers import CONTRACT
from tests.support import CONTRACT as CONTRACT_OF_SUPPORT
from tests.support import KEYS, NIGHT, archive, case, export

SMALL = 3  # bytes of a part: nearly every case is in a part of its own


@pytest.fixture(autouse=True)
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files come in very small pieces."""
    monkeypatch.setattr(unpack, "_PIECE", 5)


def rows(tables: Iterator[dict[str, TextTable]] | list[dict[str, TextTable]]) -> dict[str, Any]:
    """Labels, notes, and the rows by their places in the file."""
    found: dict[str, Any] = {}
    for part in tables:
        for name, one in part.items():
            said = found.setdefault(name, {"labels": one.labels, "notes": [], "rows": {}})
            said["notes"] += one.notes
            places = range(one.rows) if one.places is None else one.places.tolist()
            cells = zip(*(column.to_pylist() for column in one.columns), strict=True)
            said["rows"] |= dict(zip(places, cells, strict=True))
    for said in found.values():
        said["rows"] = [said["rows"][place] for place in sorted(said["rows"])]
    return found


def outcome(read: Any) -> Any:
    """What was read, or with which word it was refused."""
    try:
        return rows(read())
    except Refused as refused:
        return refused.code


def contract(**source: object) -> Contract:
    said = json.loads(json.dumps(CONTRACT))
    said["source"] |= source
    return Contract.model_validate(said)


CELL = st.text(st.sampled_from('ab1é" ,\n\r\t'), max_size=6)
QUOTED = CELL.map(lambda cell: '"' + cell.replace('"', '""') + '"')
LINE = st.lists(st.one_of(st.sampled_from(["a", "b", "7", ""]), QUOTED, CELL), max_size=4).map(
    ",".join
)
TEXTS = st.lists(LINE, max_size=30).map("\n".join)


@settings(max_examples=400, deadline=None)
@given(
    text=TEXTS,
    end=st.sampled_from(["", "\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16"]),
)
@example(text='7" pipe,b,1\n"x\ny",5" nail,2', end="\n", encoding="utf-8")
@example(text="\n\n\na,b,1\n\n", end="\n", encoding="utf-8")
@example(text="\n\n", end="", encoding="utf-8")
def test_text_is_read_in_parts_as_it_is_read_whole(text: str, end: str, encoding: str) -> None:
    data = ("c0,c1,c2\n" + text + end).encode(encoding)
    said = contract(encoding=encoding)
    whole = outcome(lambda: [read_tables({"": data}, said)])
    member = {"": Member.plain(data)}
    assert outcome(lambda: read_parts(member, said, frozenset(), SMALL)) == whole


@settings(max_examples=300, deadline=None)
@given(
    body=st.binary(max_size=60), encoding=st.sampled_from(["utf-8", "cp1252", "utf-16", "cp874"])
)
@example(body=b"a,\xc3\xa9,1\n", encoding="cp1252")
@example(body=b"a,\xc3", encoding="utf-8")
@example(body=b"a,\xc3\xa9,1\n\xff", encoding="cp874")
def test_bytes_of_any_kind_are_refused_in_parts_as_they_are_whole(
    body: bytes, encoding: str
) -> None:
    said, data = contract(encoding=encoding), "c0,c1,c2\n".encode(encoding) + body
    whole = outcome(lambda: [read_tables({"": data}, said)])
    member = {"": Member.plain(data)}
    assert outcome(lambda: read_parts(member, said, frozenset(), SMALL)) == whole


def in_order(found: Landed) -> dict[str, Any]:
    """What was landed, rows in the order of the file."""
    file = [("source", "ascending"), ("source_row", "ascending")]
    tables = found.tables | {"rows": found.rows}
    said = {name: one.append_column("at", pa.array(range(one.num_rows), pa.int64())).sort_by([*file, ("at", "ascending")]).drop("at") for name, one in tables.items()}  # fmt: skip
    said |= {"signals": found.signals, "profile": found.profile, "withheld": found.withheld_cases}
    counts = (found.rows_read, found.rows_blank, found.withheld, found.grown, found.next_reading)
    return {name: one.to_pylist() for name, one in said.items()} | {"counts": counts}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("parts")
    generate(home, missions=72, cases=2500, seed=5, nights=1, first_night=NIGHT)
    return home


def exports(home: Path) -> Iterator[tuple[Contract, bytes]]:
    """Every generated export whose contract lets it be read in parts."""
    agency = Settings(
        home=home,
        exports=home / "exports",
        missions=PROJECT / "dags" / "missions",
        connections="none",
    )
    for path in sorted(agency.missions.glob("*.yml")):
        said = load_contract(path)
        if can_be_parted(said):
            server = transport(agency, said)
            delivery = server.newest(said, NIGHT)
            assert delivery is not None, said.mission
            yield said, server.fetch(delivery, 10**9)


def test_every_generated_export_lands_in_parts_as_it_lands_whole(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "_PIECE", 1000)
    seen: dict[str, int] = {}
    for said, data in exports(world):
        whole = ingest(data, said, KEYS, NIGHT)
        reading = Reading(data, said, KEYS, NIGHT, part=4_000)
        parts = list(reading.parts())
        seen[said.mission] = len(parts)
        assert in_order(Landed.of(parts, reading.totals())) == in_order(whole), said.mission
    assert len(seen) >= 40
    assert sum(count > 3 for count in seen.values()) >= 10


def parted(data: bytes, folder: Path, part: int = 300) -> list[Part]:
    (folder / "ALB.yml").write_text(
        CONTRACT_OF_SUPPORT.format(mission="ALB", encoding="utf-8"), "utf-8"
    )
    return list(Reading(data, load_contract(folder / "ALB.yml"), KEYS, NIGHT, part=part).parts())


def test_all_that_names_a_case_is_in_its_part(tmp_path: Path) -> None:
    """However its number is written; and what names none is in the first."""
    cases = [case(n) for n in range(30)]
    means = [{"No.": f" a-{n} ", "Means": "debt"} for n in range(30)] + [
        {"No.": "-99", "Means": "debt"}
    ]
    parts = parted(export(cases, means), tmp_path)
    assert len(parts) > 3
    for number, part in enumerate(parts):
        mine = set(part.tables["case"].column("case_key").to_pylist())
        named = set(part.tables["control"].column("case_key").to_pylist())
        assert named <= mine | ({None} if number == 0 else set())
    assert None in parts[0].tables["control"].column("case_key").to_pylist()


def test_a_damaged_file_that_nobody_reads_is_seen(tmp_path: Path) -> None:
    packed = bytearray(
        archive({"cases.csv": export_text(), "means.csv": b"No.;Means\n", "z.csv": b"mark" * 99})
    )
    at = packed.rfind(b"z.csv", 0, packed.index(b"PK\1\2")) + len("z.csv") + 2
    packed[at] ^= 0xFF
    with pytest.raises(Refused) as refused:
        parted(bytes(packed), tmp_path)
    assert refused.value.code == "bad_archive"


@pytest.mark.parametrize("part", [300, 10**6])
def test_an_export_without_a_case_is_refused(tmp_path: Path, part: int) -> None:
    blank = [dict.fromkeys(case(1), "") for _ in range(300)]
    with pytest.raises(Refused) as refused:
        parted(export(blank, []), tmp_path, part)
    assert refused.value.code == "no_rows"


def export_text() -> bytes:
    with zipfile.ZipFile(io.BytesIO(export())) as packed:
        return packed.read("cases.csv")


def test_what_only_the_whole_shows_is_told_of_the_whole() -> None:
    """Which codes are rare, and that numbers have both decimal marks: no part knows it."""
    signals = Signals()
    for part in range(2):
        signals.add_tokens(
            "unmapped_code", "case", "gender", {(f"#{n:02}", "s"): 1 for n in range(60)}
        )
        signals.add_if_both("decimal_habit_mixed", "case", "age", "both", own=part, other=1 - part)
    told = signals.table().to_pylist()
    rare = [one["rows"] for one in told if one["detail"] == "10 further values"]
    assert rare == [20]
    assert sum(one["rows"] for one in told if one["kind"] == "unmapped_code") == 120
    assert [one["rows"] for one in told if one["kind"] == "decimal_habit_mixed"] == [1]
