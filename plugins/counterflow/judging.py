"""Between landing and validation: what a landed export is judged against, and what follows.

In: a night's record and the verdict on its export. Out: the record settled: loaded or refused,
with its rows accounted for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterflow.contracts import Contract
from counterflow.contracts.tables import asked, code_map
from counterflow.depersonalise import MissionKeys
from counterflow.forks import Died, spread
from counterflow.keys import Keyring
from counterflow.landing import PENDING, Landing, NightRecord
from counterflow.lateness import is_overdue, late_message
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.validation import LandedExport, Status, Verdict, gx
from counterflow.validation.quarantine import quarantined_rows

ToJudge = tuple[Contract, NightRecord, str]  # and the name of the export


def landed_exports(
    settings: Settings, ring: Keyring, seal: Seal, todo: Sequence[ToJudge]
) -> list[LandedExport]:
    """The exports of many missions, whose code maps are compiled in processes beside this one.

    If one of them was never judged, this one loads Great Expectations meanwhile.
    """
    jobs = [partial(_compiled, contract, ring) for contract, _, _ in todo]
    new = any(record.status == PENDING for _, record, _ in todo)
    alone = settings.workers < 2
    meanwhile = gx.load if new and not alone else None
    workers = max(1, settings.workers - (meanwhile is not None))
    compiled: dict[int, tuple[pa.Table, pa.Table]] = {}
    for place, found in spread(jobs, workers, meanwhile):
        if isinstance(found, Died):
            found = jobs[place]()
        elif isinstance(found, BaseException):
            raise found
        compiled[place] = found
    return [
        landed_export(settings, seal, contract, record, export, *compiled[place])
        for place, (contract, record, export) in enumerate(todo)
    ]


def _compiled(contract: Contract, ring: Keyring) -> tuple[pa.Table, pa.Table]:
    return code_map(contract, MissionKeys.of(ring, contract.mission)), asked(contract)


def landed_export(
    settings: Settings,
    seal: Seal,
    contract: Contract,
    record: NightRecord,
    export: str,
    codes: pa.Table,
    questions: pa.Table,
) -> LandedExport:
    """The export with its code map, its assertions and the profile it is compared with."""
    landing = Landing(settings.landing, contract.mission)
    assertions = {
        name: {"min_rows": a.rows.min, "max_fall": a.rows.fall, "filled": dict(a.filled)}
        for name, a in contract.assert_.items()
    }
    compared = _compared_with(landing, record, export)
    return LandedExport(
        mission_code=contract.mission,
        path=landing.path(export),
        code_map=codes,
        assertions=assertions,
        previous=_profile(seal, landing.path(compared)) if compared else None,
        night=record.night,
        seal=seal,
        asked=questions,
    )


def _compared_with(landing: Landing, record: NightRecord, export: str) -> str | None:
    """The export that was in force before `export` first was; the same on every later night."""
    if record.export == export and record.status != PENDING:
        return record.compared_with
    before = landing.before(record.night)
    if before is None:
        return None
    return before.compared_with if before.export == export else before.export


def _profile(seal: Seal, path: Path) -> dict[str, dict[str, Any]]:
    rows = seal.read(path / "profile.parquet", ["table_name", "rows", "newest_month"])
    return {
        row["table_name"]: {"rows": row["rows"], "newest_month": row["newest_month"]}
        for row in rows.to_pylist()
    }


def settle(
    settings: Settings, seal: Seal, contract: Contract, record: NightRecord, verdict: Verdict
) -> NightRecord:
    """The record with what the verdict says, saved."""
    landing = Landing(settings.landing, contract.mission)
    if verdict.export.name == record.tried and record.status != "loaded":
        if verdict.status is not Status.ACCEPTED:
            return landing.save(_not_taken(record, verdict))
        taken = _taken(seal, landing, record, verdict, record.tried or "")
        delivered = record.delivered or record.night
        if taken.status == "unchanged" and is_overdue(contract.cadence, delivered, record.night):
            said = late_message(contract, delivered, record.night)
            taken = taken.with_(status="late", is_stale=True, message=said)
        return landing.save(taken)
    if verdict.status is Status.ACCEPTED and record.verdict != verdict.folder.name:
        renewed = _counted(seal, landing, record, verdict, record.export or "")
        return landing.save(renewed.with_(tried_verdict=renewed.verdict))
    return record


def _taken(
    seal: Seal, landing: Landing, record: NightRecord, verdict: Verdict, export: str
) -> NightRecord:
    """Tonight's export is in force. The same bytes keep the night on which they were first loaded."""
    same = record.export_sha256 == record.tried_sha256 and record.loaded_night is not None
    first: date = record.loaded_night if same and record.loaded_night else record.night
    counted = _counted(seal, landing, record, verdict, export)
    return counted.with_(
        status="unchanged" if first < record.night else "loaded",
        export=export,
        export_sha256=record.tried_sha256,
        loaded_night=first,
        is_stale=False,
        message="",
        tried_verdict=verdict.folder.name,
    )


def _not_taken(record: NightRecord, verdict: Verdict) -> NightRecord:
    """Refused or not to be judged: what was in force stays, with its own counts."""
    return record.with_(
        status=verdict.status.value,
        message=verdict.message,
        is_stale=record.export is not None,
        tried_verdict=verdict.folder.name if verdict.folder.exists() else None,
    )


def _counted(
    seal: Seal, landing: Landing, record: NightRecord, verdict: Verdict, export: str
) -> NightRecord:
    outcome = landing.outcome(export)
    assert outcome is not None
    quarantined = quarantined_rows(seal, landing.path(export), verdict.folder).num_rows
    return record.with_(
        verdict=verdict.folder.name,
        compared_with=_compared_with(landing, record, export),
        rows_read=outcome.rows_read,
        rows_blank=outcome.rows_blank,
        withheld=outcome.withheld,
        rows_quarantined=quarantined,
        rows_accepted=outcome.rows_landed - quarantined,
    )
