"""Text of fixed width: places from a layout or a ruler, and lines whose places cannot be trusted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.contracts.model import Source, Table
from counterflow.sources import Refused, TextTable
from counterflow.sources.fixed import read_fixed
from counterflow.sources.tables import Names

LAYOUT = {"No.": "1-4", "Land": "5-10", "Told": "12-15"}  # the 11th place belongs to nobody
HEADER = "No. Land   Told"
LINES = ["A-1 Niger  yes ", "A-2 NA     no  ", "A-3 Côte   yes "]


def read(text: str, encoding: str = "utf-8", layout: object = None, **source: object) -> TextTable:
    said = {"connection": "x", "path": "x", "format": "fixed", "encoding": encoding, **source}
    table = Table.model_validate({"file": "x", "layout": LAYOUT if layout is None else layout})
    wanted = Names(["No.", "Land", "Told"], str(said.get("accents", "kept")))
    return read_fixed(text.encode(encoding), table, Source.model_validate(said), wanted)


def rows(table: TextTable) -> list[tuple[str, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


CELLS = [("A-1", "Niger", "yes"), ("A-2", "NA", "no"), ("A-3", "Côte", "yes")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_a_layout_tells_the_columns(end: str, encoding: str) -> None:
    table = read(end.join([HEADER, *LINES]) + end, encoding)
    assert table.labels == ["No.", "Land", "Told"]
    assert rows(table) == CELLS


def test_without_a_header() -> None:
    assert rows(read("\n".join(LINES), header={"label": 0})) == CELLS


def test_the_end_mark_of_old_systems_is_no_row() -> None:
    assert rows(read("\n".join([HEADER, *LINES, "\x1a"]))) == CELLS


def test_a_header_is_found_below_a_preamble() -> None:
    table = read("\n".join(["Register of 2010", "", HEADER, *LINES]))
    assert rows(table) == CELLS
    assert table.notes == [("preamble", "2 rows above the header", 1)]


def test_a_header_may_be_cut_by_its_width_and_must_agree() -> None:
    layout = {"Number": "1-4", "Land": "5-10", "Told": "12-15"}
    assert rows(read("\n".join(["Numbland   told", *LINES]), layout=layout)) == CELLS
    with pytest.raises(Refused, match="`Told`") as refused:
        read("\n".join(["No. Land   Sex ", *LINES]))
    assert refused.value.code == "header_conflict"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("A-4 Niger  yes  and more", "1 lines are longer than their columns and 0 shorter"),
        ("A-4 Niger", "0 lines are longer than their columns and 1 shorter"),
        ("A-4\tNiger  yes ", "line 5 holds a tab"),
    ],
)
def test_a_line_whose_places_cannot_be_trusted_refuses_the_file(line: str, what: str) -> None:
    with pytest.raises(Refused, match=what) as refused:
        read("\n".join([HEADER, *LINES, line]))
    assert refused.value.code == "ragged_rows"
    assert "Niger" not in str(refused.value)


def test_lines_may_end_after_their_last_cell_if_the_contract_says_so() -> None:
    table = read("\n".join([HEADER, "A-4 Niger", "", *LINES]), trimmed=True)
    assert rows(table) == [("A-4", "Niger", ""), ("", "", ""), *CELLS]
    with pytest.raises(Refused, match="1 lines are longer"):
        read("\n".join([HEADER, "A-4 Niger  yes more"]), trimmed=True)


def test_text_beside_all_columns_is_a_column_that_nobody_named() -> None:
    table = read("\n".join([HEADER, *LINES, "A-4 Niger !yes "]))
    assert table.labels == ["No.", "Land", "Told", ""]
    assert rows(table)[-1] == ("A-4", "Niger", "yes", "!")


RULED = [
    "No.  Land       Told",
    "---- ---------- ----",
    "A-1  Niger      yes ",
    "A-2  NA         no  ",
]


def test_a_ruler_tells_the_columns() -> None:
    table = read("\n".join(RULED), layout={}, header={"label": 1, "ruler": 2})
    assert table.labels == ["No.", "Land", "Told"]
    assert rows(table) == [("A-1", "Niger", "yes"), ("A-2", "NA", "no")]
    below = read("\n".join(["Register", *RULED]), layout={}, header={"label": 1, "ruler": 2})
    assert (below.labels, rows(below)) == (table.labels, rows(table))


def test_text_across_the_ruler_refuses_the_file() -> None:
    text = "\n".join([*RULED, "A-312Niger      yes "])
    with pytest.raises(Refused, match="line 5 has text between") as refused:
        read(text, layout={}, header={"label": 1, "ruler": 2})
    assert refused.value.code == "ragged_rows"
    with pytest.raises(Refused, match="no ruler"):
        read("\n".join([RULED[0], *RULED[2:]]), layout={}, header={"label": 1, "ruler": 2})


def test_an_empty_file_and_limits() -> None:
    with pytest.raises(Refused, match="empty"):
        read(" ")
    with pytest.raises(Refused, match="more than 2 rows"):
        read("\n".join([HEADER, *LINES]), limits={"rows": "2"})
    with pytest.raises(Refused, match="larger than 3 bytes"):
        read("\n".join([HEADER, *LINES]), limits={"cell": "3"})
    with pytest.raises(Refused, match="3 columns"):
        read("\n".join([HEADER, *LINES]), limits={"columns": "2"})
    many = {f"c{n}": str(n) for n in range(1, 400)}
    with pytest.raises(Refused, match="more cells"):
        read("x" + "\n" * 60_000, layout=many, header={"label": 0}, trimmed=True)


cells = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\x85"), max_size=6)


@given(st.lists(st.tuples(cells, cells, cells), max_size=8))
def test_every_cell_is_read_from_its_place(given_rows: list[tuple[str, str, str]]) -> None:
    lines = [f"{a:6}{b:6} {c:6}" for a, b, c in given_rows]
    layout = {"a": "1-6", "b": "7-12", "c": "14-19"}
    lines.append("x" * 12 + " xxxxxx")  # a file of blanks alone is an empty one
    table = read("\n".join(lines) + "\n", layout=layout, header={"label": 0})
    assert rows(table)[:-1] == given_rows


@given(st.text(max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    """It is read, with every line a row, or refused."""
    for header in ({"label": 0}, {"label": 1}, {"label": 1, "ruler": 2}):
        try:
            table = read(text.encode("utf-8", "ignore").decode(), header=header, trimmed=True)
        except Refused:
            continue
        assert all(len(column) == table.rows for column in table.columns)
