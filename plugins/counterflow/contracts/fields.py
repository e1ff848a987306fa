"""What a contract says of one canonical field: its column, its codes, the items on the form.

In: a `Contract`, one of its tables and a field. Out: code maps and code lists. Shared by the
compiled tables and the check, so that both mean the same by "filled", "derived" and "on the form".
"""

from __future__ import annotations

from collections.abc import Iterator

from counterflow.canonical import (
    AGE_BANDS,
    CHILDREN_BANDS,
    DURATION_BANDS,
    MISSING,
    PERPETRATOR_AGE_BANDS,
    TABLES,
    Field,
    Kind,
)
from counterflow.contracts.model import CodeMap, Column, Contract, Local, Table

At = tuple[str, ...]  # a place in a contract, key by key

NOT_ASKED = "not_asked"
NO_ANSWER = frozenset({MISSING, NOT_ASKED, "non_specified_unknown"})
_BANDS = {
    "age_band": AGE_BANDS,
    "children_band": CHILDREN_BANDS,
    "perpetrator_age_band": PERPETRATOR_AGE_BANDS,
    "duration_band": DURATION_BANDS,
}
_CODED = (Kind.CODE, Kind.ANSWER, Kind.COUNTRY, Kind.BAND)


def is_coded(field: Field) -> bool:
    """Whether the field lands codes, which dbt maps."""
    return field.kind in _CODED


def columns_of(table: Table, field: str) -> list[Column]:
    """The columns that fill `field`, kept or dropped after use: several if groups hold it."""
    parts = (table.columns, table.becomes, *table.groups.values())
    return [part[field] for part in parts if field in part]


def placed_columns(table_name: str, table: Table) -> Iterator[tuple[At, str, Column]]:
    """Place in the contract, field and column of every column that fills a field of the table."""
    for part, columns in (("columns", table.columns), ("becomes", table.becomes)):
        for field, column in columns.items():
            yield ("tables", table_name, part, field), field, column
    for group, columns in table.groups.items():
        for field, column in columns.items():
            yield ("tables", table_name, "groups", group, field), field, column


def answer_field(table_name: str) -> str | None:
    """The field that the cells under `each` fill, if the table has one."""
    return "answer" if any(f.name == "answer" for f in TABLES[table_name].fields) else None


def basis_field(table_name: str) -> str | None:
    """The field that says what a question about a country asked."""
    return "country_of_exploitation_basis" if table_name == "case" else None


def bases(table: Table) -> list[str]:
    """The bases that columns of the table state for their country."""
    return [column.basis for column in table.read_columns if column.basis is not None]


def local_codes(contract: Contract) -> Iterator[tuple[str, str, Local]]:
    """Table, name and description of each local field."""
    for table_name, table in contract.tables.items():
        for name, local in table.local.items():
            yield table_name, name, local


def is_filled(contract: Contract, table_name: str, table: Table, field: Field) -> bool:
    """Whether the contract says where the field comes from."""
    if columns_of(table, field.name):
        return True
    if table.groups and field.name == TABLES[table_name].group:
        return True
    if field.kind is Kind.NUMBER:
        return True  # places in a list follow its order where no column holds them
    item = TABLES[table_name].item
    if field.name == basis_field(table_name):
        return bool(bases(table))
    if field.name == answer_field(table_name) and table.each:
        return True
    if field.name == "answer":  # a list or a child table without such a column: chosen is yes
        return bool(columns_of(table, item or ""))
    return field.name == item and bool(table.each)


def mapped_codes(contract: Contract, table_name: str, table: Table, field: Field) -> CodeMap:
    """Local code → canonical code of `field`; empty if its values are not local codes."""
    columns = columns_of(table, field.name)
    if columns:
        return contract.code_map([code for one in columns for code in one.codes or []])
    is_answer = field.name == answer_field(table_name)
    if is_answer and table.each and table.answers is not None:
        return contract.code_map(table.answers)
    return {}


def derived_codes(contract: Contract, table_name: str, table: Table, field: Field) -> list[str]:
    """Canonical codes that ingest lands itself, without a local code behind them."""
    columns = columns_of(table, field.name)
    codes = [column.value for column in columns if column.value is not None]
    if field.kind is Kind.BAND and any(column.unit or column.date for column in columns):
        codes += [*_BANDS[field.code_list or ""], MISSING]
    if field.name == TABLES[table_name].group:
        codes += list(table.groups)
    if field.name == basis_field(table_name):
        codes += bases(table)
    if field.name == TABLES[table_name].item:
        codes += list(table.each)
        codes += [c.with_ for c in table.read_columns if c.with_ is not None]
    if columns or codes:
        names = {table_name, f"{table_name}.{field.name}"}
        if any(names & set(version.not_asked) for version in contract.versions.values()):
            codes.append(NOT_ASKED)
    return codes


def grouped_items(
    contract: Contract, table_name: str, table: Table
) -> Iterator[tuple[str | None, dict[str, CodeMap]]]:
    """By group of columns (None: those of the table itself) the items that the form holds there."""
    name = TABLES[table_name].item
    if name is None:
        return
    own = {"columns": table.columns, "becomes": table.becomes}
    shared = [part[name] for part in own.values() if name in part]
    groups: dict[str | None, list[Column]] = {
        group: [columns[name]] if name in columns else shared
        for group, columns in table.groups.items()
    }
    for group, columns in (groups or {None: shared}).items():
        items: dict[str, CodeMap] = {item: {} for item in table.each}
        codes = contract.code_map([code for column in columns for code in column.codes or []])
        for local, code in codes.items():
            if code.code not in NO_ANSWER:
                items.setdefault(code.code, {})[local] = code
        for column in columns:
            if column.value is not None:
                items.setdefault(column.value, {})
        yield group, items


def items_on_form(contract: Contract, table_name: str, table: Table) -> dict[str, CodeMap]:
    """The canonical items that the form holds, each with the local codes that mean it."""
    found: dict[str, CodeMap] = {}
    for _, items in grouped_items(contract, table_name, table):
        for item, codes in items.items():
            found[item] = found.get(item, {}) | codes
    return found
