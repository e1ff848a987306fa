"""The readers as a whole: a few bytes never become a huge table, and all kinds read alike."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterflow.contracts.model import Contract, Limits
from counterflow.sources import Refused, TextTable, read_tables
from counterflow.sources.readers import cell_text
from counterflow.sources.workbook import sheet_rows
from tests.sources.test_workbook import KINDS

CONTRACT = {
    "mission": "ALB",
    "name": "Testland",
    "region": "Eastern Europe",
    "languages": "en",
    "steward": "desk",
    "source": {"connection": "x", "path": "x", "format": "csv"},
    "tables": {
        "case": {"file": "*", "key": "c0", "columns": {"gender": {"from": "c1", "codes": {"F": "feminine"}}}}
    },
    "consent": {"research": {"from": "c2", "yes": "yes"}},
}  # fmt: skip


def read(data: bytes, **source: object) -> TextTable:
    said = json.loads(json.dumps(CONTRACT))
    said["source"] |= source
    if said["source"]["format"] == "json":
        said["tables"]["case"] |= {"file": None, "records": "cases"}
    elif said["source"]["format"] != "csv":
        said["tables"]["case"] |= {"file": None, "sheet": "Cases"}
    return read_tables({"": data}, Contract.model_validate(said))["case"]


WIDE = ",".join(f"c{n}" for n in range(400))


def test_blank_lines_below_a_wide_header_are_bounded() -> None:
    filled = f"{WIDE}\n{WIDE}\n".encode()
    assert read(filled + b"\n" * 1000).rows == 1001
    with pytest.raises(Refused) as refused:
        read(filled + b"\n" * 60_000)
    assert refused.value.code == "too_many_cells"


def test_sparse_records_are_bounded() -> None:
    wide = {f"c{n}": "x" for n in range(400)}
    many: list[dict[str, str]] = [wide, *({} for _ in range(60_000))]
    with pytest.raises(Refused) as refused:
        read(json.dumps({"cases": many}).encode(), format="json")
    assert refused.value.code == "too_many_cells"
    assert read(json.dumps({"cases": many[:1000]}).encode(), format="json").rows == 1000


def test_records_are_bounded_by_rows() -> None:
    data = json.dumps({"cases": [{"c0": "1", "c1": "F", "c2": "yes"}] * 11}).encode()
    with pytest.raises(Refused, match="more than 10 rows"):
        read(data, format="json", limits={"rows": "10"})


@pytest.mark.parametrize("kind", KINDS)
def test_sheets_are_bounded(kind: str) -> None:
    rows: list[list[object]] = [
        ["c0", "c1", "c2"],
        *([str(n), "F", "yes" * 50] for n in range(200)),
    ]
    data = KINDS[kind](rows)
    assert read(data, format=kind).rows == 200
    for limits, code in (
        ({"rows": "99"}, "too_many_cells"),
        ({"rows": "150"}, "too_many_rows"),
        ({"columns": "2"}, "too_many_columns"),
        ({"cell": "100"}, "cell_too_large"),
    ):
        with pytest.raises(Refused) as refused:
            read(data, format=kind, limits=limits)
        assert refused.value.code == code


texts = st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp"], exclude_characters="\ufeff"), max_size=12
).map(lambda text: " ".join(text.split()))
cells = st.one_of(
    texts, st.integers(-(10**9), 10**9), st.dates().filter(lambda d: d.year > 1900), st.booleans()
)
grids = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
)


@settings(max_examples=40, deadline=None)
@given(grids)
def test_what_was_typed_is_read_from_every_kind(grid: list[list[object]]) -> None:
    """Cell by cell the same text from all three; what is blank below and beside may be left out."""
    expected = [["x", *map(cell_text, row)] for row in grid]
    for kind, write in KINDS.items():
        rows = sheet_rows(write([["x", *row] for row in grid]), "Cases", Limits(), kind)
        found = [[cell_text(cell) for cell in row] for row in rows]
        width = max(len(row) for row in expected)
        assert [row + [""] * (width - len(row)) for row in found] == expected, kind
