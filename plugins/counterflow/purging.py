"""Taking cases out of all that is kept of them: landing, verdicts, night records, DuckDB files, releases.

In: settings and the missions to look at. Out: what was removed where, as counts. Who must go is said by
counterflow.suppression; nothing is asked of a mission. A file is never changed in place: a new one
takes its place, so that no freed page keeps what was in it. Killed anywhere, the next call ends it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from counterflow.depersonalise import TOKEN as CODE_TOKEN
from counterflow.depersonalise import MissionKeys, is_token
from counterflow.disk import sha256
from counterflow.keys import keyring
from counterflow.landing import OUTCOME, ROWS, Landing
from counterflow.locks import exclusive
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.suppression import Suppressed, suppressed
from counterflow.validation.quarantine import quarantined_rows

KEYS = ("case_key", "merged_into_key", "into_case_key")  # the columns that name a case
FAILURES, VERDICT = "failures.parquet", "verdict.json"


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken out of one file. `rows` by table; hashes are of the file's bytes.

    `after` is None for a file that is gone as a whole, and for releases, whose ledger has the hashes.
    """

    file: str  # under the home
    rows: Mapping[str, int]
    before: str
    after: str | None

    def to_dict(self) -> dict[str, object]:
        """For receipts and reports: counts only."""
        return asdict(self)


Told = Callable[[Removed], None]
_Held = tuple[str, dict[str, str]]  # an export, and key → why of the cases in it that must not be


def purge(
    settings: Settings,
    missions: Sequence[str] | None = None,
    told: Told | None = None,
    on_request: bool = False,
) -> list[Removed]:
    """Take every case that is withheld or erased out of every file. The caller holds the lock of the build.

    `on_request`: an erasure, which waits for no night: the last build goes as well.
    """
    from counterflow.warehouse import lake
    from counterflow.warehouse.purge import give_up_build, is_published, purge_files

    codes = sorted(path.name for path in settings.landing.glob("[A-Z][A-Z][A-Z]"))
    ring, seal = keyring(settings), Seal.of(settings)
    removed: list[Removed] = []
    until: dict[str, date] = {}
    out: dict[str, frozenset[str]] = {}
    shown = settings.releases.is_dir()  # a tenth of all cases may be out: kept only for who asks
    published = is_published(settings)

    def tell(found: Iterable[Removed]) -> None:
        for one in found:
            removed.append(one)
            if told is not None:
                told(one)

    def look(landing: Landing) -> tuple[Suppressed, list[_Held]]:
        who = suppressed(seal, landing, MissionKeys.of(ring, landing.mission))
        return who, list(_held(seal, landing, who))

    with exclusive(settings.landing_lock):
        landings = [
            Landing(settings.landing, code) for code in (codes if missions is None else missions)
        ]
        for landing in landings:
            landing.tidy()
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for landing, (who, held) in zip(landings, pool.map(look, landings), strict=True):
                tell(_purge_landing(seal, settings.home, landing, who, held))
                if published:
                    until |= who.until()
                if shown:
                    out[landing.mission] = who.now()
        tell(purge_files(settings, until, on_request))
        lake.follow(settings)
        if on_request:
            tell(give_up_build(settings))
    for code, cases in out.items():
        tell(forget(settings, code, cases))
    return removed


def forget(settings: Settings, mission: str, cases: AbstractSet[str]) -> Iterator[Removed]:
    """Take the cases that are out now, and whoever is shown with them, out of the kept releases."""
    if not settings.releases.is_dir() or not cases:
        return
    from counterflow.release import recall  # heavy: only where it is needed

    rows = recall.forget(settings, mission, cases)
    if rows:
        yield Removed(under(settings.home, settings.releases), {"microdata": rows}, "", None)


def _held(seal: Seal, landing: Landing, who: Suppressed) -> Iterator[_Held]:
    """The landed exports of a mission that hold what they must not. Nothing is changed: many missions are looked at at once."""
    for export in landing.whole_exports():
        gone, doubtful = who.gone_from(export), who.doubtful_in(export)
        if own := _in_export(seal, landing.path(export), gone, doubtful):
            yield export, own


def _purge_landing(
    seal: Seal, home: Path, landing: Landing, who: Suppressed, held: Iterable[_Held]
) -> Iterator[Removed]:
    """Rewrite a mission's landed exports without the cases that must not be in them, then its records."""
    for export, own in held:
        if export in who.uses:
            yield from _rewrite(seal, home, landing, export, own)
        else:  # no night names it: it was replaced, or its ingest was killed
            yield from _reduce(home, landing, export)
    _recount(seal, landing)


def _in_export(
    seal: Seal, folder: Path, gone: Mapping[str, str], doubtful: Mapping[str, str]
) -> dict[str, str]:
    """Key → why, of the cases that an export holds and must not, and of the records merged into them.

    Those of `doubtful` are among them if the export has no row of the case itself.
    """
    if not gone and not doubtful:
        return {}
    # of all keys, which may be millions, only those that are asked for become Python's
    pairs = seal.read(folder / "case.parquet", ["case_key", "merged_into_key"])
    there = set(_among(pairs.column(0), doubtful))
    wanted = dict(gone) | {key: why for key, why in doubtful.items() if key not in there}
    into = pairs.filter(pc.is_in(pairs.column(1), pa.array(list(wanted), pa.string())))
    merged = zip(*(column.to_pylist() for column in into.columns), strict=True)
    wanted |= {key: wanted[survivor] for key, survivor in merged if key}
    held = _among(seal.read(folder / ROWS, ["case_key"]).column(0), wanted)
    return {key: wanted[key] for key in dict.fromkeys(held)}


def _among(column: pa.ChunkedArray, keys: Iterable[str]) -> list[str]:
    """The values of a column that are among some keys."""
    found: list[str] = column.filter(
        pc.is_in(column, pa.array(list(keys), pa.string()))
    ).to_pylist()
    return found


def _rewrite(
    seal: Seal, home: Path, landing: Landing, export: str, gone: Mapping[str, str]
) -> Iterator[Removed]:
    """A landed export written anew without some cases; its rows of them are withheld rows from now on."""
    folder = landing.path(export)
    rows = seal.read(folder / ROWS)
    out = rows.filter(pc.is_in(rows.column("case_key"), pa.array(sorted(gone), pa.string())))
    moved: dict[str, int] = {}
    for key in out.column("case_key").to_pylist():
        moved[gone[key]] = moved.get(gone[key], 0) + 1
    aside = folder.with_name(f".{export}-{secrets.token_hex(4)}")
    aside.mkdir()
    counted: dict[str, int] = {}
    unknown: set[str] = (
        set()
    )  # tokens of codes that nobody has mapped, which only these rows may hold
    for path in sorted(folder.glob("*.parquet")):
        table = seal.read(path)
        kept = without(table, gone.keys())
        if kept.num_rows == table.num_rows:
            shutil.copy2(path, aside)
            continue
        counted[path.name] = table.num_rows - kept.num_rows
        unknown |= code_tokens(table) - code_tokens(kept)
        seal.write(kept, aside / path.name)
    counted |= _without_signals(seal, folder, aside, unknown)
    for verdict in sorted(folder.glob("verdict-*")):
        (aside / verdict.name).mkdir()
        counted |= _rewrite_verdict(seal, verdict, aside / verdict.name, out)
    _restate_outcome(folder, aside, moved)
    hashes = {name: sha256(folder / name) for name in counted}
    landing.put(aside, export)
    for name, number in counted.items():
        place = folder / name
        table_name = Path(name).stem
        yield Removed(under(home, place), {table_name: number}, hashes[name], sha256(place))


def without(table: pa.Table, keys: AbstractSet[str]) -> pa.Table:
    """The rows of a landed table that name none of the cases in any of its columns."""
    wanted = pa.array(sorted(keys), pa.string())
    for column in KEYS:
        if column in table.column_names:
            table = table.filter(pc.invert(pc.is_in(table.column(column), wanted)))
    return table


def code_tokens(table: pa.Table) -> set[str]:
    """The tokens of unmapped codes that stand in any column of a table."""
    found: set[str] = set()
    for column, field in zip(table.columns, table.schema, strict=True):
        if pa.types.is_string(field.type) and field.name not in KEYS:
            starting = column.filter(pc.starts_with(column, CODE_TOKEN))
            found |= {text for text in starting.unique().to_pylist() if is_token(text)}
    return found


def _without_signals(seal: Seal, folder: Path, aside: Path, gone: set[str]) -> dict[str, int]:
    """Drop the signals of unmapped codes that only removed rows held."""
    signals = seal.read(folder / "signals.parquet")
    is_gone = [str(d).partition(",")[0] in gone for d in signals.column("detail").to_pylist()]
    if not any(is_gone):
        return {}
    seal.write(signals.filter(pa.array([not one for one in is_gone])), aside / "signals.parquet")
    return {"signals.parquet": sum(is_gone)}


def _rewrite_verdict(seal: Seal, verdict: Path, aside: Path, out: pa.Table) -> dict[str, int]:
    """A verdict without the failures of removed source rows; what its rules counted stays."""
    failures = seal.read(verdict / FAILURES)
    places = set(zip(*(out.column(c).to_pylist() for c in ("source", "source_row")), strict=True))
    of_rows = zip(*(failures.column(c).to_pylist() for c in ("source", "source_row")), strict=True)
    kept = failures.filter(pa.array([place not in places for place in of_rows], pa.bool_()))
    for path in verdict.iterdir():
        shutil.copy2(path, aside)
    if kept.num_rows == failures.num_rows:
        return {}
    seal.write(kept, aside / FAILURES)
    said = json.loads((verdict / VERDICT).read_text("utf-8"))
    said["quarantined"] = kept.group_by(["source", "source_row"]).aggregate([]).num_rows
    text = json.dumps(said, indent=2, ensure_ascii=False) + "\n"
    (aside / VERDICT).write_text(text, "utf-8")
    return {f"{verdict.name}/{FAILURES}": failures.num_rows - kept.num_rows}


def _restate_outcome(folder: Path, aside: Path, moved: Mapping[str, int]) -> None:
    """Landed rows that became withheld ones: read = landed + withheld + blank still holds."""
    said = json.loads((folder / OUTCOME).read_text("utf-8"))
    for reason, rows in moved.items():
        said["withheld"][reason] = said["withheld"].get(reason, 0) + rows
    said["rows_landed"] -= sum(moved.values())
    text = json.dumps(said, indent=1, ensure_ascii=False) + "\n"
    (aside / OUTCOME).write_text(text, "utf-8")


def _reduce(home: Path, landing: Landing, export: str) -> Iterator[Removed]:
    folder = landing.path(export)
    found = [(path, sha256(path)) for path in sorted(folder.rglob("*.parquet"))]
    landing.reduce(export)
    for path, before in found:
        if not path.exists():
            yield Removed(under(home, path), {}, before, None)


def _recount(seal: Seal, landing: Landing) -> None:
    """Let every night's record say what its export says by now."""
    for record in landing.records(date.max):
        outcome = landing.outcome(record.export) if record.export else None
        if outcome is None or record.verdict is None or not landing.is_whole(outcome.export):
            continue
        if (record.withheld or {}) == outcome.withheld:
            continue
        folder = landing.path(outcome.export)
        if not (folder / record.verdict / FAILURES).exists():
            continue  # this night's verdict was given up for a newer one: it is settled with that
        quarantined = quarantined_rows(seal, folder, folder / record.verdict).num_rows
        landing.save(
            record.with_(
                withheld=outcome.withheld,
                rows_quarantined=quarantined,
                rows_accepted=outcome.rows_landed - quarantined,
            )
        )


def under(home: Path, path: Path) -> str:
    """A file as receipts name it: by its place under the home."""
    return str(path.relative_to(home))


__all__ = ["Removed", "purge"]
