"""What dbt reads, written anew for a night: links to the exports in force, and small tables.

In: contracts, landing and verdicts. Out: `build/sources/<name>/*.parquet` (docs/internals.md §7).
Nothing here is personal: everything comes from landing, from verdicts or from contracts.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from counterflow import collector, contracts, disk
from counterflow.building import landing_schema
from counterflow.canonical import TABLES
from counterflow.consent import REASONS
from counterflow.contracts import ContractError
from counterflow.contracts import tables as compiled
from counterflow.depersonalise import MissionKeys
from counterflow.fields import SIGNALS_SCHEMA
from counterflow.ingest import ROWS_SCHEMA
from counterflow.landing import Landing, NightRecord, columns_digest
from counterflow.lateness import last_success
from counterflow.missions import loaded_of
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.warehouse import contract_signals

SAID = "signals.json"  # in the build: what is known of contracts and exports
_COMPILED = {
    "mission": compiled.MISSION,
    "code_map": compiled.CODE_MAP,
    "asked": compiled.ASKED,
    "form_version": compiled.FORM_VERSION,
}
MISSION = "mission_code"
_TEXT, _INT, _DATE = pa.string(), pa.int64(), pa.date32()
LOAD = pa.schema(
    [
        ("night", _DATE),
        ("mission_code", _TEXT),
        ("status", _TEXT),
        ("export_sha256", _TEXT),
        ("export", _TEXT),
        ("rows_read", _INT),
        ("rows_accepted", _INT),
        ("rows_quarantined", _INT),
        ("rows_withheld", _INT),
        ("rows_blank", _INT),
        ("is_stale", pa.bool_()),
        ("message", _TEXT),
        *((f"withheld_{reason}", _INT) for reason in REASONS),
        ("loaded_night", _DATE),
        ("days_since_success", _INT),
    ]
)
IN_FORCE = pa.schema([("mission_code", _TEXT), ("loaded_night", _DATE)])
FAILURE = pa.schema(
    [
        ("mission_code", _TEXT),
        ("table_name", _TEXT),
        ("source", _TEXT),
        ("source_row", _INT),
        ("rule_id", _TEXT),
    ]
)
RULE_RESULT = pa.schema(
    [
        ("night", _DATE),
        ("mission_code", _TEXT),
        ("table_name", _TEXT),
        ("rule_id", _TEXT),
        ("severity", _TEXT),
        ("status", _TEXT),
        ("rows_checked", _INT),
        ("rows_failed", _INT),
    ]
)
SIGNAL = pa.schema([("night", _DATE), ("mission_code", _TEXT), *SIGNALS_SCHEMA])
DBT_RESULT = pa.schema(
    [
        ("unique_id", _TEXT),
        ("resource_type", _TEXT),
        ("name", _TEXT),
        ("status", _TEXT),
        ("failures", _INT),
        ("table_name", _TEXT),
    ]
)


@dataclass(frozen=True, slots=True)
class InForce:
    """The export that a mission's facts come from on a night."""

    mission: str
    record: NightRecord
    path: Path


@collector.paused()
def write_sources(
    settings: Settings, night: date, keys: Mapping[str, MissionKeys]
) -> list[InForce]:
    """Write all sources of `night`; the exports in force are returned."""
    read, seal = _read_contracts(settings), Seal.of(settings)
    compiled_ = _compiled(seal, settings, read, keys)
    records = {code: list(Landing(settings.landing, code).records(night)) for code in compiled_}
    force = [
        InForce(code, last, Landing(settings.landing, code).path(last.export))
        for code, nights in records.items()
        if (last := nights[-1] if nights else None) is not None and last.export
    ]
    folder = settings.build / "sources"
    aside = settings.build / f".sources-{secrets.token_hex(4)}"
    aside.mkdir(parents=True)
    try:
        _link_tables(seal, aside, settings, force)
        _small_tables(seal, aside, settings, compiled_, records, force)
        signals = _contract_signals(
            seal, aside, settings.build / SAID, read, keys, compiled_, force
        )
        _add_signals(seal, aside, night, signals)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return force


def _read_contracts(settings: Settings) -> dict[str, contracts.Loaded | ContractError]:
    """Each mission's contract, or why it cannot be used."""
    found: dict[str, contracts.Loaded | ContractError] = {}
    for path in contracts.contract_files(settings.missions):
        try:
            found[path.stem] = loaded_of(settings, path.stem)
        except ContractError as error:
            found[path.stem] = error
    return found


def _compiled(
    seal: Seal,
    settings: Settings,
    read: Mapping[str, contracts.Loaded | ContractError],
    keys: Mapping[str, MissionKeys],
) -> dict[str, dict[str, pa.Table]]:
    """The tables that each contract compiles to.

    A contract that cannot be read today stops nobody: its mission's last good data keeps the
    tables that were compiled last, which lie in landing for that reason.
    """
    found: dict[str, dict[str, pa.Table]] = {}
    for code, loaded in read.items():
        kept = Landing(settings.landing, code).folder / "contract"
        if isinstance(loaded, contracts.Loaded):
            contract = loaded.contract
            found[code] = {
                "mission": compiled.mission_row(contract),
                "code_map": compiled.code_map(contract, keys[code]),
                "asked": compiled.asked(contract),
                "form_version": compiled.form_versions(contract),
            }
            _keep(seal, kept, found[code])
        elif all((kept / f"{name}.parquet").exists() for name in _COMPILED):
            found[code] = {
                name: _as_now(seal.read(kept / f"{name}.parquet"), schema)
                for name, schema in _COMPILED.items()
            }
    return found


def _as_now(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A table that was compiled when it had other columns: what it lacks is null."""
    columns = [
        table.column(f.name).cast(f.type)
        if f.name in table.column_names
        else pa.nulls(table.num_rows, f.type)
        for f in schema
    ]
    return pa.table(columns, schema=schema)


def _keep(seal: Seal, folder: Path, tables: Mapping[str, pa.Table]) -> None:
    """Write what a contract compiled to, unless it lies there already; `kept.json` says what does."""
    folder.mkdir(parents=True, exist_ok=True)
    said = folder / "kept.json"
    now = json.dumps({"key_id": seal.key_id, "sha256": _sha256(tables)}) + "\n"
    whole = all((folder / f"{name}.parquet").exists() for name in tables)
    if whole and said.exists() and said.read_text("utf-8") == now:
        return
    said.unlink(missing_ok=True)
    for name, table in tables.items():
        aside = folder / f".{name}-{secrets.token_hex(4)}"
        seal.write(table, aside)
        disk.replace(aside, folder / f"{name}.parquet")
    disk.write_text(said, now)


def _sha256(tables: Mapping[str, pa.Table]) -> str:
    """The hash of the rows of some tables: as CSV, for what Arrow leaves in empty places differs from run to run."""
    digest = hashlib.sha256()
    for name, table in sorted(tables.items()):
        sink = pa.BufferOutputStream()
        csv.write_csv(table, sink)  # null is nothing, an empty text ""
        digest.update(f"{name} {table.num_rows}\n".encode())
        digest.update(sink.getvalue())
    return digest.hexdigest()


def _link_tables(seal: Seal, folder: Path, settings: Settings, force: Sequence[InForce]) -> None:
    """The exports in force by table: a link, or a copy where a table has other columns by now.

    What dbt reads together must have the same columns (`sealing.KEY`).
    """
    schemas = {name: landing_schema(name) for name in TABLES}
    schemas |= {"rows": ROWS_SCHEMA}
    columns = {one.mission: _columns(settings, one) for one in force}
    for name, schema in schemas.items():
        target = folder / name
        target.mkdir()
        seal.write(schema.empty_table(), target / "_empty.parquet")
        now = columns_digest(schema)
        for one in force:
            landed = one.path / f"{name}.parquet"
            if not landed.exists():  # it was landed before the model had this table
                continue
            if columns[one.mission].get(name) == now:
                os.symlink(landed, target / f"{one.mission}.parquet")
            else:
                seal.write(_as_now(seal.read(landed), schema), target / f"{one.mission}.parquet")


def _columns(settings: Settings, one: InForce) -> Mapping[str, str]:
    outcome = Landing(settings.landing, one.mission).outcome(one.path.name)
    return outcome.columns if outcome is not None else {}


def _small_tables(
    seal: Seal,
    folder: Path,
    settings: Settings,
    compiled_: Mapping[str, Mapping[str, pa.Table]],
    records: Mapping[str, Sequence[NightRecord]],
    force: Sequence[InForce],
) -> None:
    tables = {
        **{name: [tables[name] for tables in compiled_.values()] for name in _COMPILED},
        "load": [_loads(rows) for rows in records.values()],
        "in_force": [_in_force(code, rows) for code, rows in records.items()],
        "failure": [_verdict_table(seal, one, "failures", FAILURE) for one in force],
        "rule_result": [_results(seal, settings, r) for rows in records.values() for r in rows],
        "signal": [_signals(seal, settings, r) for rows in records.values() for r in rows],
    }
    empty = {
        "load": LOAD,
        "in_force": IN_FORCE,
        "failure": FAILURE,
        "rule_result": RULE_RESULT,
        "signal": SIGNAL,
    }
    for name, parts in tables.items():
        table = pa.concat_tables(parts) if parts else empty[name].empty_table()
        write_source(seal, folder, name, table)
    write_source(seal, folder, "dbt_result", DBT_RESULT.empty_table())


def _contract_signals(
    seal: Seal,
    folder: Path,
    kept: Path,
    read: Mapping[str, contracts.Loaded | ContractError],
    keys: Mapping[str, MissionKeys],
    compiled_: Mapping[str, Mapping[str, pa.Table]],
    force: Sequence[InForce],
) -> dict[str, list[contract_signals.Signal]]:
    """By mission, what contracts and exports in force say of each other. `kept`: the file of what is known of it."""
    judged = [
        contract_signals.Judged(
            loaded, keys[one.mission], one.path, verdict_folder(one.path, one.record)
        )
        for one in force
        if isinstance(loaded := read[one.mission], contracts.Loaded)
    ]
    code_maps = {code: tables["code_map"] for code, tables in compiled_.items()}
    before = contract_signals.read_said(kept)
    said = contract_signals.said(seal, folder, judged, code_maps, before)
    if said != before:
        contract_signals.write_said(kept, said)
    found = contract_signals.signals(said)
    for code, loaded in read.items():
        if isinstance(loaded, ContractError):
            twice = contract_signals.mapped_twice((loaded, *loaded.others))
            found.setdefault(code, []).extend(twice)
    return found


def _add_signals(
    seal: Seal,
    folder: Path,
    night: date,
    signals: Mapping[str, Sequence[contract_signals.Signal]],
) -> None:
    """Append the signals of the night that is built."""
    rows = [(night, code, *signal) for code, listed in sorted(signals.items()) for signal in listed]
    if not rows:
        return
    columns = zip(*rows, strict=True)
    arrays = [pa.array(c, field.type) for c, field in zip(columns, SIGNAL, strict=True)]
    file = folder / "signal" / "signal.parquet"
    table = pa.concat_tables(
        [seal.read(file).cast(SIGNAL), pa.Table.from_arrays(arrays, schema=SIGNAL)]
    )
    seal.write(table, file)


def source_hashes(settings: Settings) -> dict[str, dict[str, str]]:
    """By source and mission the hash of what was written: of the rows, or of which landed file it links to.

    A landed file is another once it was written again, whatever it holds. What is of no mission has the name "".
    """
    seal, folder = Seal.of(settings), settings.build / "sources"
    found: dict[str, dict[str, str]] = {}
    for source in sorted(folder.iterdir()):
        said = found[source.name] = {}
        for path in sorted(source.glob("[!_]*.parquet")):
            if path.is_symlink():
                landed = path.stat()
                place = str(path.readlink()).removeprefix(f"{settings.home}/")
                said[path.stem] = f"{place} {landed.st_size} {landed.st_mtime_ns} {landed.st_ino}"
                continue
            table = seal.read(path)
            if path.stem != source.name:  # landed when the table had other columns
                said[path.stem] = _sha256({source.name: table})
            elif MISSION in table.column_names:
                for mission in pc.unique(table.column(MISSION)).to_pylist():
                    own = table.filter(pc.equal(table.column(MISSION), mission))
                    said[mission] = _sha256({source.name: own})
            else:
                said[""] = _sha256({source.name: table})
    return found


def write_part(settings: Settings, missions: AbstractSet[str], folder: Path) -> None:
    """Of tonight's sources those of some missions, into a new `folder`."""
    seal = Seal.of(settings)
    for source in (settings.build / "sources").iterdir():
        target = folder / source.name
        target.mkdir(parents=True)
        for path in source.glob("*.parquet"):
            if path.stem != source.name:  # a mission's file, or the one that gives the columns
                if path.stem in missions or path.stem.startswith("_"):
                    os.symlink(path.resolve(), target / path.name)
                continue
            table = seal.read(path)
            if MISSION in table.column_names:
                own = pc.is_in(table.column(MISSION), pa.array(sorted(missions), pa.string()))
                table = table.filter(own)
            seal.write(table, target / path.name)


def write_source(seal: Seal, folder: Path, name: str, table: pa.Table) -> None:
    """One small source of one file."""
    (folder / name).mkdir(exist_ok=True)
    seal.write(table, folder / name / f"{name}.parquet")


def _loads(records: Sequence[NightRecord]) -> pa.Table:
    """Of one mission, its nights in order."""
    rows, success = [], None
    for r in records:
        withheld, success = r.withheld or {}, last_success([r]) or success
        rows.append(
            {
                "night": r.night,
                "mission_code": r.mission_code,
                "status": r.status,
                "export_sha256": r.export_sha256,
                "export": r.export,
                "rows_read": r.rows_read,
                "rows_accepted": r.rows_accepted,
                "rows_quarantined": r.rows_quarantined,
                "rows_withheld": sum(withheld.values()),
                "rows_blank": r.rows_blank,
                "is_stale": r.is_stale,
                "message": r.message,
                **{f"withheld_{reason}": withheld.get(reason, 0) for reason in REASONS},
                "loaded_night": r.loaded_night,
                "days_since_success": (r.night - success).days if success else None,
            }
        )
    return pa.Table.from_pylist(rows, LOAD)


def _in_force(mission: str, records: Sequence[NightRecord]) -> pa.Table:
    """When the export in force was loaded: the last night that says so."""
    nights = [r.loaded_night for r in records if r.loaded_night is not None]
    rows = [{"mission_code": mission, "loaded_night": nights[-1]}] if nights else []
    return pa.Table.from_pylist(rows, IN_FORCE)


def verdict_folder(path: Path, record: NightRecord) -> Path | None:
    """The verdict that counts for a night's record."""
    return path / record.verdict if record.verdict else None


def _verdict_table(seal: Seal, one: InForce, name: str, schema: pa.Schema) -> pa.Table:
    """A table of the verdict on the export in force, with its mission."""
    folder = verdict_folder(one.path, one.record)
    return _with_mission(seal, folder, name, one.mission, schema, one.record.night)


def _results(seal: Seal, settings: Settings, record: NightRecord) -> pa.Table:
    """The rules' results of what was judged that night (also of an export that was refused)."""
    export = record.tried or record.export
    if export is None or not record.tried_verdict:
        return RULE_RESULT.empty_table()
    path = Landing(settings.landing, record.mission_code).path(export)
    folder = path / record.tried_verdict
    return _with_mission(seal, folder, "results", record.mission_code, RULE_RESULT, record.night)


def _signals(seal: Seal, settings: Settings, record: NightRecord) -> pa.Table:
    export = record.tried or record.export
    if export is None:
        return SIGNAL.empty_table()
    path = Landing(settings.landing, record.mission_code).path(export)
    return _with_mission(seal, path, "signals", record.mission_code, SIGNAL, record.night)


def _with_mission(
    seal: Seal, folder: Path | None, name: str, mission: str, schema: pa.Schema, night: date
) -> pa.Table:
    if folder is None:
        return schema.empty_table()
    table = seal.read(folder / f"{name}.parquet")
    own = {"mission_code": pa.array([mission] * table.num_rows, _TEXT)}
    own["night"] = pa.array([night] * table.num_rows, _DATE)
    columns = [
        table.column(f.name).cast(f.type) if f.name in table.column_names else own[f.name]
        for f in schema
    ]
    return pa.table(columns, schema=schema)
