"""What contracts and the exports in force say of each other: signals of the night that is built.

In: loaded contracts, the errors of those that cannot be used, the landed tables of the exports in
force. Out: rows of the source `signal`: `code_mapped_twice`, `mapping_never_used`,
`form_versions_mixed`. Words of a contract may be told, a cell's never.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from counterflow import disk
from counterflow.canonical import TABLES, landed_name
from counterflow.contracts import Contract, ContractError, Loaded
from counterflow.contracts.errors import MappedTwiceError
from counterflow.contracts.fields import (
    NO_ANSWER,
    answer_field,
    columns_of,
    is_coded,
    items_on_form,
    placed_columns,
)
from counterflow.contracts.model import Codes, Table
from counterflow.contracts.twice import place_of
from counterflow.depersonalise import MissionKeys, code_token
from counterflow.sealing import Seal
from counterflow.text import fold
from counterflow.validation.quarantine import quarantined_rows

TWICE, NEVER_USED, MIXED = KINDS = (
    "code_mapped_twice",
    "mapping_never_used",
    "form_versions_mixed",
)
Signal = tuple[str, str, str, str, int]  # kind, table_name, field, detail, rows
# mission, table, field → landed values of accepted rows
Held = Mapping[tuple[str, str, str], frozenset[str]]
_SHOWN = 5  # codes of the contract that a signal names
_VERSION = 1  # raise when the same contract and export say something else of each other


@dataclass(frozen=True, slots=True)
class Judged:
    """A mission's contract, its keys, the export in force and the verdict on it."""

    loaded: Loaded
    keys: MissionKeys
    export: Path
    verdict: Path | None

    @property
    def contract(self) -> Contract:
        """The contract itself."""
        return self.loaded.contract


def mapped_twice(errors: Iterable[ContractError]) -> Iterator[Signal]:
    """One signal a field: how many codes of a refused contract have two meanings."""
    by_field: dict[tuple[str, str], list[str]] = {}
    for error in errors:
        if isinstance(error, MappedTwiceError):
            by_field.setdefault((error.table_name, error.field), []).append(error.problem)
    for (table, field), problems in by_field.items():
        detail = "; ".join(problems[:_SHOWN]) + "; and more" * (len(problems) > _SHOWN)
        yield TWICE, table, field, detail, len(problems)


@dataclass(frozen=True, slots=True)
class Said:
    """What one mission's contract and its export say of each other. `of`: the hash of all that it follows from."""

    of: str
    codes: tuple[Code, ...]
    mixed: tuple[Signal, ...]


class Code(NamedTuple):
    """A code that stands in a contract or its dialects, and whether an accepted row of the mission holds it."""

    local: str
    table: str
    field: str
    place: str  # hash of where it is written, and for what field
    is_used: bool


def said(
    seal: Seal,
    sources: Path,
    judged: Sequence[Judged],
    code_maps: Mapping[str, pa.Table],
    before: Mapping[str, Said],
) -> dict[str, Said]:
    """By mission what contract and export say of each other; looked up only where it is not known from `before`."""
    of = {one.contract.mission: _followed(seal, one) for one in judged}
    known = {m: s for m, s in before.items() if s.of == of.get(m)}
    new = [one for one in judged if one.contract.mission not in known]
    if not new:
        return known
    with seal.connect() as db:
        held = _held(seal, db, sources, new)
        for one in new:
            mission = one.contract.mission
            # groups of columns share their codes: each is looked at once
            codes = tuple({code.place: code for code in _own_codes(one, held)}.values())
            mixed = tuple(_versions_mixed(seal, db, one, code_maps[mission]))
            known[mission] = Said(of[mission], codes, mixed)
    return known


def _followed(seal: Seal, one: Judged) -> str:
    """The hash of a contract's files, of the export and the verdict on it, and of the key of their tokens."""
    shared = {found.path for found in one.loaded.shared.values()}
    files = [path.read_bytes() for path in sorted(one.loaded.files | shared)]
    landed = (one.export / "rows.parquet").stat()
    export = f"{one.export.name} {landed.st_size} {landed.st_mtime_ns} {landed.st_ino}"
    verdict = one.verdict.name if one.verdict is not None else ""
    digest = hashlib.sha256(f"{_VERSION} {seal.key_id} {export} {verdict}".encode())
    for content in files:
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()


def read_said(path: Path) -> dict[str, Said]:
    """What was written down; nothing if it was not, or otherwise than today."""
    try:
        kept = json.loads(path.read_text("utf-8"))
        return {
            mission: Said(of, tuple(Code(*c) for c in codes), tuple(tuple(m) for m in mixed))
            for mission, (of, codes, mixed) in kept.items()
        }
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def write_said(path: Path, said: Mapping[str, Said]) -> None:
    """Write down what is known: words of contracts and counts."""
    kept = {mission: (one.of, one.codes, one.mixed) for mission, one in sorted(said.items())}
    disk.write_text(path, json.dumps(kept, ensure_ascii=False) + "\n")


def signals(said: Mapping[str, Said]) -> dict[str, list[Signal]]:
    """By mission, codes of its contract that no accepted row of any export in force holds, and mixed versions.

    A code of a dialect is used if one of the missions that extend it does. The shared lists of
    `codes/` hold more than any mission needs on purpose, and are not looked at.
    """
    used = {code.place for one in said.values() for code in one.codes if code.is_used}
    found: dict[str, list[Signal]] = {}
    for mission, one in said.items():
        by_field: dict[tuple[str, str], list[Code]] = {}
        for code in one.codes:
            by_field.setdefault((code.table, code.field), []).append(code)
        found[mission] = [
            (NEVER_USED, *field, _unused(idle, listed), len(idle))
            for field, listed in by_field.items()
            if (idle := [code for code in listed if code.place not in used])
        ]
        found[mission] += one.mixed
    return found


def _unused(idle: Sequence[Code], listed: Sequence[Code]) -> str:
    shown = ", ".join(f"`{code.local}`" for code in idle[:_SHOWN])
    rest = " and others" if len(idle) > _SHOWN else ""
    return f"of {len(listed)} codes no accepted row holds {shown}{rest}"


def _own_codes(one: Judged, held: Held) -> Iterator[Code]:
    mission = one.contract.mission
    for table_name, table in one.contract.tables.items():
        for at, field, codes in _coded(table_name, table):
            local = at[2] == "local"
            kept_in = ("local_attribute", "value") if local else (table_name, field)
            prefix = f"{field}=" if local else ""
            there = held.get((mission, *kept_in), frozenset())
            for code in one.contract.code_map(codes):
                where = place_of(one.contract, at, codes, code)
                if where[0] == "codes" and where[1] in one.loaded.shared:
                    continue
                written = prefix + fold(code)
                # landed as itself, or as a token before it was mapped
                is_used = written in there or code_token(one.keys, *kept_in, written) in there
                place = repr((*one.loaded.place(where), *kept_in, written))
                hashed = hashlib.sha256(place.encode()).hexdigest()[:24]
                yield Code(code, table_name, field, hashed, is_used)


def _coded(table_name: str, table: Table) -> Iterator[tuple[tuple[str, ...], str, Codes]]:
    """Place, field and codes of everything in a table that is coded."""
    fields = {f.name: f for f in TABLES[table_name].fields}
    for at, field, column in placed_columns(table_name, table):
        if column.codes is not None and is_coded(fields[field]):
            yield (*at, "codes"), field, column.codes
    if table.answers is not None:
        yield ("tables", table_name, "answers"), answer_field(table_name) or "", table.answers
    for name, local in table.local.items():
        yield ("tables", table_name, "local", name, "codes"), name, local.codes


def _held(
    seal: Seal, db: duckdb.DuckDBPyConnection, sources: Path, judged: Sequence[Judged]
) -> Held:
    """The different values of each coded field that accepted rows of these exports hold."""
    parts = [_REJECTED.empty_table()]
    for one in judged:
        if one.verdict is not None:
            rows = quarantined_rows(seal, one.export, one.verdict)
            mission = pa.array([one.contract.mission] * rows.num_rows, pa.string())
            parts.append(rows.add_column(0, "mission_code", mission).cast(_REJECTED))
    db.register("rejected", pa.concat_tables(parts))
    found: dict[tuple[str, str, str], frozenset[str]] = {}
    for name, table in TABLES.items():
        fields = [f.name for f in table.fields if is_coded(f)]
        lists = ", ".join(f"list(distinct {field})" for field in fields)
        files = [sources / name / f"{one.contract.mission}.parquet" for one in judged]
        files = [sources / name / "_empty.parquet", *filter(Path.exists, files)]
        rows_of = db.execute(
            f"select mission_code, {lists} "
            f"from {seal.scan(*files)} "
            "anti join rejected using (mission_code, source, source_row) group by mission_code"
        )
        for mission, *values in rows_of.fetchall():
            for field, distinct in zip(fields, values, strict=True):
                found[mission, name, field] = frozenset(distinct or ())
    return found


_REJECTED = pa.schema(
    [("mission_code", pa.string()), ("source", pa.string()), ("source_row", pa.int64())]
)


def _landed(seal: Seal, one: Judged, table: str) -> frozenset[str]:
    """The columns of a landed table: what landed before the model was widened lacks some, or all."""
    file = one.export / f"{table}.parquet"
    return frozenset(seal.schema(file).names) if file.exists() else frozenset()


def _versions_mixed(
    seal: Seal, db: duckdb.DuckDBPyConnection, one: Judged, code_map: pa.Table
) -> Iterator[Signal]:
    """Answers to questions that the form of their case, by its month, did not ask.

    They are landed and stand as answered; that there are any says that `versions` is wrong, or that
    the mission typed old cases into a new form.
    """
    contract = one.contract
    db.register("code_map", code_map)
    for version, spec in contract.versions.items():
        for entry in spec.not_asked:
            name, _, part = entry.partition(".")
            field, rows = _answering(seal, db, one, version, name, part)
            if rows:
                detail = f"version `{version}` did not ask `{entry}`, and it is answered"
                yield MIXED, name, field, detail, rows


def _answering(
    seal: Seal, db: duckdb.DuckDBPyConnection, one: Judged, version: str, name: str, part: str
) -> tuple[str, int]:
    """The field, and the source rows of cases of `version` that answer `part` of a table."""
    table = TABLES[name]
    fields = {f.name: f for f in table.fields}
    spec = one.contract.tables.get(name)
    parameters: list[Any] = [version]
    landed = _landed(seal, one, name)
    if not landed or (part in fields and landed_name(fields[part]) not in landed):
        return part, 0
    if not part:
        field, condition = "", "true"
    elif part in fields:
        field, condition = part, f"t.{landed_name(fields[part])} is not null"
        if spec is None or not any(column.from_ for column in columns_of(spec, part)):
            return field, 0  # stated by the contract or derived, whatever the form
        if is_coded(fields[part]):
            field_map, unknown = _meaning(name, part), ", ".join(f"'{c}'" for c in NO_ANSWER)
            condition += f" and coalesce({field_map}, '') not in ({unknown})"
    elif name == "local_attribute":
        field, condition = part, "t.field = ?"
        parameters.append(part)
    elif (
        table.item is not None
        and spec is not None
        and part in items_on_form(one.contract, name, spec)
    ):
        field, condition = table.item, f"{_meaning(name, table.item)} = ?"
        parameters.append(part)
    else:
        return part, 0
    versions = (
        "t.form_version"
        if name == "case"
        else f"(select max(form_version) from {seal.scan(one.export / 'case.parquet')} c "
        "where c.case_key = t.case_key)"
    )
    row = db.execute(
        "select count(distinct (source, source_row)) "
        f"from {seal.scan(one.export / f'{name}.parquet')} t where {versions} = ? and {condition}",
        parameters,
    ).fetchone()
    return field, int(row[0]) if row else 0


def _meaning(table: str, field: str) -> str:
    """The canonical code of a landed value, as SQL."""
    return (
        f"(select max(m.code) from code_map m where m.table_name = '{table}' "
        f"and m.field = '{field}' and m.local_code = t.{field})"
    )
