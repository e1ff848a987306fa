"""The steps of a night, called by the DAG, the command line, the tests and the benchmarks alike.

In: settings and a night. Out: what each step did, as small objects without anything personal.
plan → ingest (one mission each) → validate → transform → gates → publish → report. Every step can
be repeated: what is already done is found in landing and not done again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterflow import connections, contracts, disk, formats, keys
from counterflow.contracts import Contract
from counterflow.contracts.digest import reading_digest
from counterflow.depersonalise import MissionKeys
from counterflow.dropping import DropTransport, waiting
from counterflow.dropping import clear as clear_drop
from counterflow.fates import (
    kept,
    link_failed,
    mark_failed,
    open_record,
    refuse_older,
    refused,
    stale,
    standing,
    superseded,
    without_export,
)
from counterflow.keys import Keyring
from counterflow.landing import (
    PENDING,
    Landing,
    NightRecord,
    Outcome,
    export_name,
    next_reading,
)
from counterflow.lateness import last_success
from counterflow.locks import exclusive, refresh, shared
from counterflow.observing import measure, observed
from counterflow.reporting import Line, Report, make_report
from counterflow.restating import restate
from counterflow.retention import refuse_too_late
from counterflow.settings import Settings
from counterflow.sources import (
    Delivery,
    FolderTransport,
    LinkRefusedError,
    Refused,
    Transport,
    UnreachableError,
)

if TYPE_CHECKING:
    from counterflow.ingest import Landed
    from counterflow.telling import Told
    from counterflow.warehouse.gates import GateResult
    from counterflow.warehouse.manifest import Build
    from counterflow.warehouse.publication import Publication

Progress = Callable[[str, int, int], None]
HISTORY = "history"  # the step of `transform` that derives past nights
_LOOKS = 8  # servers that the plan looks at at once
_UNSETTLED = (PENDING, "refused", "failed")


@dataclass(frozen=True, slots=True)
class Plan:
    """Which missions' exports are to be ingested, and what is known of the others already."""

    night: date
    changed: list[str]
    statuses: dict[str, str]
    sizes: dict[str, int] = field(default_factory=dict)  # of the changed, in bytes, as far as told

    def to_dict(self) -> dict[str, Any]:
        """For logs and XCom."""
        return {"night": str(self.night), "changed": self.changed, "statuses": self.statuses}


@dataclass(frozen=True, slots=True)
class Ingested:
    """What became of one mission's export at ingest: `landed`, `refused` or `failed`."""

    mission: str
    status: str
    message: str
    rows_read: int = 0

    def to_dict(self) -> dict[str, Any]:
        """For logs and XCom."""
        return {
            "mission": self.mission,
            "status": self.status,
            "message": self.message,
            "rows_read": self.rows_read,
        }


def mission_keys(settings: Settings, mission: str) -> MissionKeys:
    """The keys of a mission; a laptop that has no keys yet gets some."""
    return MissionKeys.of(keyring(settings), mission)


def keyring(settings: Settings) -> Keyring:
    """The agency's keys, made if there are none and nothing was landed yet."""
    made = any((settings.keys / name).exists() for name in (keys.MASTER, keys.LINKING))
    if not made and settings.store is None and not any(settings.landing.glob("*/exports/*")):
        keys.begin(settings)
    return keys.keyring(settings)


def transport(settings: Settings, contract: Contract) -> Transport:
    """How the mission's export is fetched: as its connection says; from the folder of exports if there is none; by hand.

    Raises LinkRefusedError for a connection that cannot be used, UnreachableError if Airflow does not tell it.
    """

    def own() -> Transport:
        connection = connections.find(settings, contract.source.connection)
        if connection is None:
            return FolderTransport(settings.exports)
        from counterflow.sources.links import linked

        return linked(settings, contract, connection, keyring(settings))

    return DropTransport(settings, contract, own) if waiting(settings, contract.mission) else own()


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look at a mission's source found: its newest delivery, and its hash if that cost no fetching."""

    delivery: Delivery | None
    sha256: str | None


def _look(settings: Settings, night: date, contract: Contract) -> _Look:
    fetcher = transport(settings, contract)
    try:
        delivery = fetcher.newest(contract, night)
        return _Look(delivery, fetcher.known(delivery) if delivery is not None else None)
    finally:
        fetcher.close()


@contextmanager
def _looking(
    settings: Settings, night: date, missions: Sequence[str]
) -> Iterator[Callable[[Contract], _Look]]:
    """How the sources of these missions are looked at: servers, several at a time, from the beginning."""
    ahead: dict[str, Future[_Look]] = {}
    with ThreadPoolExecutor(_LOOKS) as pool:
        for mission in missions:
            with suppress(Exception):  # whatever it is, it is said where the mission's turn comes
                contract = contract_of(settings, mission)
                if connections.find(settings, contract.source.connection) is not None:
                    ahead[mission] = pool.submit(_look, settings, night, contract)

        def look(contract: Contract) -> _Look:
            begun = ahead.get(contract.mission)
            return begun.result() if begun is not None else _look(settings, night, contract)

        yield look


@lru_cache(maxsize=512)
def _contract(path: Path, _stamp: contracts.Stamp) -> Contract:
    return contracts.load_contract(path)


def contract_of(settings: Settings, mission: str) -> Contract:
    """The contract of one mission, as it and all that it builds on stand now. Raises ContractError."""
    path = settings.missions / f"{mission}.yml"
    return _contract(path, contracts.stamp(path))


@observed("plan")
def plan(
    settings: Settings,
    night: date,
    missions: Sequence[str] | None = None,
    full_refresh: bool = False,
) -> Plan:
    """Find what was delivered, settle every mission whose export did not change, list the rest.

    Raises ValueError for a mission without a contract, KeyRefusedError without a usable key, TooLateError
    for a night whose exports retention has removed.
    """
    keyring(settings)  # a missing key is said at once, not 72 times
    formats.write(settings.home)
    known = {path.stem for path in contracts.contract_files(settings.missions)}
    if not known:
        raise ValueError(f"there is no contract in {settings.missions} (COUNTERFLOW_MISSIONS)")
    if unknown := sorted(set(missions or []) - known):
        raise ValueError(f"no contract for {', '.join(unknown)} in {settings.missions}")
    changed: list[str] = []
    statuses: dict[str, str] = {}
    sizes: dict[str, int] = {}
    todo = sorted(missions or known)
    mend(settings)
    with shared(settings.landing_lock), _looking(settings, night, todo) as look:
        refuse_too_late(settings, night)
        for mission in todo:
            try:
                contract = contract_of(settings, mission)
                found = look(contract)
                sizes[mission] = found.delivery.size if found.delivery is not None else 0
                record = _settled(settings, night, contract, full_refresh, found)
                if record is not None and found.delivery is not None and found.delivery.by_hand:
                    clear_drop(settings, found.delivery)  # landed by a run that was killed then
            except (UnreachableError, Refused):  # its own task tries again, and says what is wrong
                record = None
            except Exception as error:  # noqa: BLE001 - one mission stops no other
                record = mark_failed(settings, night, mission, error)
            if record is None:
                changed.append(mission)
                open_record(Landing(settings.landing, mission), night)
            else:
                # loaded by an earlier run of this night: this run finds it unchanged
                done = record.status == "loaded"
                statuses[mission] = "unchanged" if done else record.status
    return Plan(night, changed, statuses, sizes)


def mend(settings: Settings) -> None:
    """End what a killed run began in landing: until then an export may be between two names."""
    if any(settings.landing.glob("*/exports/.*")):
        with exclusive(settings.landing_lock):
            for folder in settings.landing.glob("[A-Z][A-Z][A-Z]"):
                Landing(settings.landing, folder.name).finish()


def _settled(
    settings: Settings, night: date, contract: Contract, full_refresh: bool, found: _Look
) -> NightRecord | None:
    """The record of a mission for which there is nothing to do; None if its export changed, or may have."""
    landing = Landing(settings.landing, contract.mission)
    before, now = landing.before(night), landing.record(night)
    delivery, sha256 = found.delivery, found.sha256
    if delivery is None:
        return landing.save(without_export(contract, landing, night, before))
    if superseded(landing, night, delivery.night):
        done = now is not None and (before is None or now.status in ("loaded", "unchanged", "late"))
        return now if done else kept(contract, landing, night)
    if sha256 is None:
        return None  # only its bytes tell, and they are its task's business
    digest = reading_digest(contract)
    if full_refresh or (now is not None and now.status in ("failed", PENDING)):
        return None
    if (
        now is not None
        and (now.tried_sha256 or now.export_sha256) == sha256
        and now.reading == digest
    ):
        landed = now.tried or now.export
        if landed is not None and landing.find(sha256, digest, night):
            return now  # this night is done; an export that could not be read is tried again
    if before is None or before.export is None or before.export_sha256 != sha256:
        return None
    if before.reading != digest or landing.find(sha256, digest, night) != before.export:
        return None
    return kept(contract, landing, night, delivery.night)


@observed("ingest")
def ingest(settings: Settings, night: date, mission: str, full_refresh: bool = False) -> Ingested:
    """Read, de-personalise and land one mission's export. Never raises for the export's sake.

    ConnectionError and TimeoutError are raised (without their text, unless it is ours): the caller may try again.
    """
    with shared(settings.landing_lock, only=f"landing/{mission}"):
        return _ingested(settings, night, mission, full_refresh)


def _ingested(settings: Settings, night: date, mission: str, full_refresh: bool) -> Ingested:
    """One mission's export landed, or the record of why it was not."""
    landing = Landing(settings.landing, mission)
    tried = _Tried()
    try:
        contract = contract_of(settings, mission)
        return _ingest(settings, night, contract, landing, full_refresh, tried)
    except Refused as error:
        record = stale(
            landing,
            night,
            "refused",
            refused(mission, error),
            tried_sha256=tried.sha256,
            reading=reading_digest(contract),
            delivered=tried.delivery.night if tried.delivery else None,
        )
        return Ingested(mission, "refused", record.message)
    except (ConnectionError, TimeoutError) as error:  # may heal: the record stands if it does not
        said = link_failed(landing, night, error)
        raise type(error)(said) from None
    except LinkRefusedError as error:
        return Ingested(mission, "failed", link_failed(landing, night, error))
    except Exception as error:  # its text and its frames may hold personal data
        if disk.refused(error) is not None:  # no mission's fault: there is no use in going on
            raise
        record = mark_failed(settings, night, mission, error)
        return Ingested(mission, "failed", record.message)


@dataclass(slots=True)
class _Tried:
    """How far an ingest came, for the record of one that is refused."""

    delivery: Delivery | None = None
    sha256: str | None = None


def _ingest(
    settings: Settings,
    night: date,
    contract: Contract,
    landing: Landing,
    full_refresh: bool,
    tried: _Tried,
) -> Ingested:
    fetcher = transport(settings, contract)
    try:
        return _landed(settings, night, contract, landing, full_refresh, tried, fetcher)
    finally:
        fetcher.close()


def _landed(
    settings: Settings,
    night: date,
    contract: Contract,
    landing: Landing,
    full_refresh: bool,
    tried: _Tried,
    fetcher: Transport,
) -> Ingested:
    from counterflow import export_keys, isolation
    from counterflow.ingest import ingest as read_export  # Arrow: not needed to plan
    from counterflow.sealing import Seal
    from counterflow.sources import checksums
    from counterflow.suppression import erased_cases, remember_merged

    started = time.monotonic()
    delivery = tried.delivery = fetcher.newest(contract, night)
    if delivery is None:
        raise Refused(
            "missing", "the export is gone since the plan was made", "Run the night again"
        )
    sha256, digest = fetcher.sha256(delivery), reading_digest(contract)
    tried.sha256 = sha256
    if superseded(landing, night, delivery.night):
        raise Refused(
            "older_export",
            "an export of a newer date is in force",
            "Ask the mission for its newest export",
        )
    refuse_older(landing, night, sha256)
    name = None if full_refresh else landing.find(sha256, digest, night)
    if name is None:
        data = fetcher.fetch(delivery, contract.source.limits.packed)
        checksums.verify(fetcher, delivery, contract.source.checksum, data)
        fetcher.close()  # its server has done its part
        sha256 = hashlib.sha256(data).hexdigest()  # of what is read, not of what was planned
        tried.sha256 = sha256
        own_keys = mission_keys(settings, contract.mission)
        seal = Seal.of(settings)
        erased = erased_cases(seal, landing, own_keys)
        means = export_keys.means(settings, contract, fetcher, delivery)

        def read() -> Landed:
            return read_export(data, contract, own_keys, night, erased, delivery.by_hand, means)

        landed = isolation.run(read, contract.source.limits) if settings.isolated else read()
        again = next_reading(landed.next_reading, night)
        name = export_name(sha256, digest, again, night)
        outcome = Outcome(
            mission_code=contract.mission,
            export=name,
            export_sha256=sha256,
            reading=digest,
            rows_read=landed.rows_read,
            rows_blank=landed.rows_blank,
            withheld=landed.withheld,
            rows_landed=landed.rows.num_rows,
            next_reading=again,
            key_id=own_keys.key_id,
            linking_id=own_keys.linking_id,
            seconds=round(time.monotonic() - started, 3),
        )
        extra = {"rows": landed.rows, "signals": landed.signals, "profile": landed.profile}
        extra["withheld"] = landed.withheld_cases
        landing.write(seal, outcome, {**landed.tables, **extra}, full_refresh)
        remember_merged(seal, landing, landed.withheld_cases, night)
    found = landing.outcome(name)
    assert found is not None
    base = standing(landing, night, PENDING)
    landing.save(
        base.with_(
            night=night,
            status=PENDING,
            tried=name,
            tried_sha256=sha256,
            reading=digest,
            delivered=delivery.night,
            tried_verdict=None,
        )
    )
    if delivery.by_hand:
        clear_drop(settings, delivery)
    return Ingested(contract.mission, PENDING, "", found.rows_read)


@observed("validate")
def validate(
    settings: Settings,
    night: date,
    missions: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[NightRecord]:
    """Judge what landed tonight, and what is in force under rules or mappings that have changed."""
    return _validate(settings, night, missions, progress)


def _validate(
    settings: Settings,
    night: date,
    missions: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> list[NightRecord]:
    from counterflow import validation  # pandas: not needed to plan
    from counterflow.judging import landed_export, settle

    def judge(wanted: Callable[[NightRecord], str | None]) -> list[NightRecord]:
        todo = list(_to_judge(settings, night, missions, wanted))
        landed = [
            landed_export(
                settings, contract, record, export, mission_keys(settings, contract.mission)
            )
            for contract, record, export in todo
        ]
        verdicts = validation.validate(landed, settings.expectations, progress=progress)
        return [
            settle(settings, contract, record, verdict)
            for (contract, record, _), verdict in zip(todo, verdicts, strict=True)
        ]

    with shared(settings.landing_lock):
        # A refused export too: its contract's assertions or codes may have been repaired since.
        tried = judge(lambda record: record.tried if record.status in _UNSETTLED else None)
        in_force = judge(lambda record: record.export)
    return [*tried, *in_force]


def _to_judge(
    settings: Settings,
    night: date,
    missions: Sequence[str] | None,
    wanted: Callable[[NightRecord], str | None],
) -> Iterator[tuple[Contract, NightRecord, str]]:
    """Contract, record and export of each mission of which `wanted` names an export."""
    for path in contracts.contract_files(settings.missions):
        if missions and path.stem not in missions:
            continue
        record = Landing(settings.landing, path.stem).record(night)
        export = wanted(record) if record is not None else None
        if record is None or export is None:
            continue
        try:
            yield contract_of(settings, path.stem), record, export
        except contracts.ContractError as error:  # what is in force keeps the verdict it has
            mark_failed(settings, night, path.stem, error)


@contextmanager
def _building(settings: Settings) -> Iterator[None]:
    """The build, and the landing that it was made of: on whatever machine."""
    with exclusive(settings.build_lock), shared(settings.landing_lock):
        yield


@observed("transform")
def transform(settings: Settings, night: date, progress: Progress | None = None) -> Build:
    """Write the sources of the night and build the warehouse beside the published one.

    What is built is always the newest recorded night. Nights before it whose history is missing, or
    was made of other exports or verdicts (a past night was run again, a file came late), are derived
    first, oldest first and from landing alone; `progress` hears of each under the name HISTORY.

    Before anything is built, every case that is withheld or erased is taken out of all that is kept of
    it, also of what analysts have open now (counterflow.purging): whatever becomes of this build.
    """
    from counterflow.purging import purge
    from counterflow.warehouse import history
    from counterflow.warehouse.build import build, build_past
    from counterflow.warehouse.sources import write_sources

    codes = [path.stem for path in contracts.contract_files(settings.missions)]
    with exclusive(settings.build_lock) as held:
        ring = keyring(settings)  # not before: a rotation may have held the lock
        mission_keys_ = {code: MissionKeys.of(ring, code) for code in codes}
        with shared(settings.landing_lock):  # as it is by now, wherever it was landed
            due = history.derivation(settings, night)
        if due.nights != (night,):
            for one in due.nights:
                _restate(settings, one)
        purge(settings)
        held.push()  # who is out is out everywhere before a build that may take its time
        history.begin(settings, due.base)
        try:
            for number, one in enumerate(due.nights, start=1):
                write_sources(settings, one, mission_keys_)
                history.write_derived_night(settings, one)
                if one != due.nights[-1]:
                    build_past(settings, one)
                    history.go_on(settings)
                    if progress is not None:
                        progress(HISTORY, number, len(due.nights) - 1)
            return build(settings, due.nights[-1], time.monotonic, progress)
        finally:
            history.end(settings)


def _restate(settings: Settings, night: date) -> None:
    """Settle and judge a recorded night on the nights before it, from landing alone."""
    sound = []
    for path in contracts.contract_files(settings.missions):
        try:
            if restate(settings, contract_of(settings, path.stem), night) is not None:
                sound.append(path.stem)
        except contracts.ContractError:
            continue  # a contract that broke since says nothing of that night: its record stays
    if sound:
        _validate(settings, night, sound)


@observed("gates")
def gates(settings: Settings, night: date) -> list[GateResult]:
    """Run all gates on the build that a run of `night` made. Raises GateFailed."""
    from counterflow.warehouse.gates import run_gates
    from counterflow.warehouse.history import newest_night

    with _building(settings):
        return run_gates(settings, newest_night(settings, night))


@observed("publish")
def publish(settings: Settings, night: date) -> Publication:
    """Let the build take the place of the published warehouse. Raises GateFailed."""
    from counterflow.warehouse import lake
    from counterflow.warehouse.history import newest_night
    from counterflow.warehouse.publication import publish as replace_published

    with _building(settings):
        publication = replace_published(settings, newest_night(settings, night))
        lake.follow(settings)  # a retry too: it may have been killed in between
        return publication


def report(settings: Settings, night: date, planned: Mapping[str, str] | None = None) -> Report:
    """What the night did to each mission and what to do about it.

    `planned`: the statuses of this run's plan; a mission that an earlier run of the night loaded is
    reported as unchanged, while `quality.load` keeps what the night did.
    """
    for lock in (settings.landing_lock, settings.build_lock):
        refresh(lock)
    records, successes = [], {}
    for path in contracts.contract_files(settings.missions):
        landing = Landing(settings.landing, path.stem)
        record = landing.record(night)
        if record is not None:
            records.append(record.with_(status=(planned or {}).get(path.stem, record.status)))
            successes[path.stem] = last_success(landing.newest_first(night))
    return make_report(settings, night, records, successes)


def tell(settings: Settings, night: date) -> Told:
    """Tell people what is new of the night, and operators' metrics what came of it."""
    from counterflow.telling import tell as tell_people

    measure(settings, report(settings, night))
    with exclusive(settings.nights_lock):
        return tell_people(settings, night)


__all__ = [
    "Ingested",
    "Line",
    "Plan",
    "Report",
    "gates",
    "ingest",
    "keyring",
    "mend",
    "plan",
    "publish",
    "report",
    "tell",
    "transform",
    "validate",
]
