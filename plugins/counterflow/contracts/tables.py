"""A contract as the tables that dbt and validation read (docs/internals.md §7).

In: a `Contract`, and the mission's keys for tokens. Out: Arrow tables `code_map`, `asked`,
`form_version` and `mission`, one mission's rows of each.

The code map is total: whatever ingest can land in a coded column has a row, or is a token of a
value that the contract does not know. Ingest lands a cell that folds to a key of its column in
the key's own spelling, a missing code in its own, and of everything else the token; so both the
spelling and the token of each key stand here (the token resolves rows that were landed before
the contract knew the value).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from counterflow.canonical import MISSING, TABLES, Field, Kind
from counterflow.contracts.fields import (
    columns_of,
    derived_codes,
    grouped_items,
    is_coded,
    is_filled,
    local_codes,
    mapped_codes,
)
from counterflow.contracts.model import Code, CodeMap, Column, Contract
from counterflow.depersonalise import MissionKeys, code_tokens
from counterflow.text import fold

TEXT = pa.string()
MapKey = tuple[str, str, str]  # table, field, local code
Meaning = tuple[str, str, str | None]  # canonical code, relation, label
AskedRow = tuple[str | bool | None, ...]
CODE_MAP = pa.schema(
    [
        (name, TEXT)
        for name in (
            "mission_code",
            "table_name",
            "field",
            "local_code",
            "code",
            "relation",
            "label",
        )
    ]
)
ASKED = pa.schema(
    [
        ("mission_code", TEXT),
        ("form_version", TEXT),
        ("table_name", TEXT),
        ("field", TEXT),
        ("item", TEXT),
        ("mode", TEXT),
        ("not_chosen", TEXT),
        ("is_asked", pa.bool_()),
        ("relation", TEXT),
        ("note", TEXT),
        ("item_group", TEXT),
    ]
)
FORM_VERSION = pa.schema(
    [
        ("mission_code", TEXT),
        ("form_version", TEXT),
        ("valid_from", pa.date32()),
        ("valid_until", pa.date32()),
    ]
)
MISSION = pa.schema(
    [
        (name, TEXT)
        for name in (
            "mission_code",
            "mission_name",
            "region",
            "languages",
            "dialect",
            "steward",
            "cadence",
        )
    ]
)

# How well a code fits, from the best. A broader local code counts cases that the standard's does
# not, so it is the loosest; a close one overlaps; a narrower one only misses some.
RELATIONS = ("exact", "narrower", "close", "broader")


def code_map(contract: Contract, mission_keys: MissionKeys) -> pa.Table:
    """Every local code and its token → canonical code, for every coded field of the contract."""
    rows: dict[MapKey, Meaning] = {}
    for table_name, table in contract.tables.items():
        for field in TABLES[table_name].fields:
            if not is_coded(field) or table_name == "local_attribute":
                continue
            known = mapped_codes(contract, table_name, table, field)
            identical = derived_codes(contract, table_name, table, field)
            found = _rows(known, contract.missing, field, mission_keys, table_name)
            for local_code, code in (*found, *((code, Code(code=code)) for code in identical)):
                row: Meaning = (code.code, code.relation, None)
                rows.setdefault((table_name, field.name, local_code), row)
    for key, row in _local_rows(contract, mission_keys):
        rows.setdefault(key, row)
    listed = ((contract.mission, *key, *row) for key, row in rows.items())
    return _table(listed, CODE_MAP)


def asked(contract: Contract) -> pa.Table:
    """Which fields and items were on the form, for every version of it."""
    return _table(_asked_rows(contract), ASKED)


def form_versions(contract: Contract) -> pa.Table:
    """The versions of the mission's form and the months in which they were used."""
    rows = [(contract.mission, name, v.from_, v.until) for name, v in contract.versions.items()]
    return _table(rows, FORM_VERSION)


def mission_row(contract: Contract) -> pa.Table:
    """The mission itself."""
    row = (
        contract.mission,
        contract.name,
        contract.region,
        ", ".join(contract.languages),
        contract.dialect,
        contract.steward,
        contract.cadence.every,
    )
    return _table([row], MISSION)


def _rows(
    known: CodeMap,
    missing: Iterable[str],
    field: Field,
    mission_keys: MissionKeys,
    table_name: str,
    prefix: str = "",
) -> Iterator[tuple[str, Code]]:
    """Folded spelling and token of each code of a column and of each missing code."""
    if not known:
        return
    unanswered = Code(code=unknown_code(field))
    folded = {fold(local): code for local, code in known.items()}
    for word in missing:
        folded.setdefault(fold(word), unanswered)
    spellings = [prefix + local for local in folded]
    tokens = code_tokens(mission_keys, table_name, field.name, spellings)
    for spelling, token, code in zip(spellings, tokens, folded.values(), strict=True):
        yield spelling, code
        yield token, code


def unknown_code(field: Field) -> str:
    """The canonical code of an answer that is missing."""
    return "non_specified_unknown" if field.code_list == "gender" else MISSING


def _local_rows(contract: Contract, mission_keys: MissionKeys) -> Iterator[tuple[MapKey, Meaning]]:
    """Local fields: their names with their labels, and `<field>=<local code>` with its own."""
    value_field = TABLES["local_attribute"].field("value")
    for _, name, local in local_codes(contract):
        yield ("local_attribute", "field", name), (name, "exact", local.label)
        known = contract.code_map(local.codes)
        found = _rows(
            known, contract.missing, value_field, mission_keys, "local_attribute", f"{name}="
        )
        for spelling, code in found:
            label = code.label or code.code.replace("_", " ").capitalize()
            yield ("local_attribute", "value", spelling), (code.code, code.relation, label)


def _asked_rows(contract: Contract) -> Iterator[AskedRow]:
    for version, spec in contract.versions.items():
        gone = frozenset(spec.not_asked)
        for name in TABLES:
            rows = _local_asked if name == "local_attribute" else _table_asked
            for row in rows(contract, name, gone):
                group = (None,) * (len(ASKED) - len(row) - 3)
                yield (contract.mission, version, name, *row, *group)


def _table_asked(contract: Contract, name: str, gone: frozenset[str]) -> Iterator[AskedRow]:
    """field, item, mode, not_chosen, is_asked, relation, note, item_group of one canonical table."""
    table = contract.tables.get(name)
    for field in TABLES[name].fields:
        if table is None or not is_filled(contract, name, table, field):
            yield (field.name, None, None, None, False, None, None)
            continue
        is_asked = not gone & {name, f"{name}.{field.name}"}
        columns = columns_of(table, field.name)
        fits = _fit(mapped_codes(contract, name, table, field), columns)
        if field.name != TABLES[name].item or field.kind is Kind.COUNTRY:
            yield (field.name, None, None, None, is_asked, *fits)
            continue
        # a table that states its answers leaves nothing to be told from what was not chosen
        mode = "each" if table.each or columns_of(table, "answer") else "chosen"
        not_chosen = table.not_chosen if mode == "chosen" else None
        yield (field.name, None, mode, not_chosen, is_asked, *fits)
        for group, items in grouped_items(contract, name, table):
            for item, codes in items.items():
                on_form = is_asked and f"{name}.{item}" not in gone
                yield (field.name, item, mode, not_chosen, on_form, *_fit(codes, columns), group)


def _local_asked(contract: Contract, name: str, gone: frozenset[str]) -> Iterator[AskedRow]:
    """The same of the fields that only this mission has: each is an item."""
    local = {field: description for _, field, description in local_codes(contract)}
    is_asked = bool(local) and name not in gone
    yield ("field", None, "each" if local else None, None, is_asked, None, None)
    yield ("value", None, None, None, is_asked, None, None)
    for field, description in local.items():
        on_form = is_asked and f"{name}.{field}" not in gone
        yield ("field", field, "each", None, on_form, *_fit(contract.code_map(description.codes)))


def _fit(codes: CodeMap, columns: Iterable[Column] = ()) -> tuple[str, str | None]:
    """The loosest relation of a question and its codes, and what the contract says of it.

    Notes are given as they stand, the question's before the codes'. A loose code without one speaks
    for itself: the contract's own word, and what it stands for.
    """
    loose = [(column.relation, column.note) for column in columns]
    words = {"broader": "means more than", "narrower": "means less than", "close": "is close to"}
    for local, code in codes.items():
        said = code.note
        if said is None and code.relation != "exact":
            said = f"`{local}` {words[code.relation]} {code.code}"
        loose.append((code.relation, said))
    relation = max((relation for relation, _ in loose), key=RELATIONS.index, default="exact")
    own = [column.note for column in columns if column.note]
    noted = [code.note for code in codes.values() if code.note]
    notes = [*own, *noted] or [said for found, said in loose if said and found == relation][:1]
    return relation, "; ".join(dict.fromkeys(notes)) or None


def _table(rows: Iterable[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
