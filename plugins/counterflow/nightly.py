"""The steps of a night, called by the DAG, the command line, the tests and the benchmarks alike.

In: settings and a night. Out: what each step did, as small objects without anything personal.
plan → ingest (one mission each) → validate → transform → gates → publish → pages → tell → report. Every step can
be repeated: what is already done is found in landing and not done again. `plan` is in
counterflow.planning, `ingest` in counterflow.pulling; each later step is wiring of its own part.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from counterflow import contracts
from counterflow.contracts import Contract
from counterflow.depersonalise import MissionKeys
from counterflow.fates import mark_failed
from counterflow.landing import PENDING, Landing, NightRecord
from counterflow.lateness import last_success
from counterflow.locks import exclusive, refresh, shared
from counterflow.missions import contract_of, keyring
from counterflow.observing import measure, observed
from counterflow.planning import Plan, mend, plan
from counterflow.pulling import Ingested, ingest
from counterflow.reporting import Line, Report, make_report
from counterflow.restating import restate
from counterflow.settings import Settings

if TYPE_CHECKING:
    from counterflow.pages.sets import Shelved
    from counterflow.telling import Told
    from counterflow.warehouse.gates import GateResult
    from counterflow.warehouse.manifest import Build
    from counterflow.warehouse.publication import Publication

Progress = Callable[[str, int, int], None]
HISTORY = "history"  # the step of `transform` that derives past nights
_UNSETTLED = (PENDING, "refused", "failed")
_WRITERS = 4  # records that are written at once


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
    from counterflow.judging import landed_exports, settle
    from counterflow.sealing import Seal

    def judge(todo: Sequence[tuple[Contract, NightRecord, str]]) -> list[NightRecord]:
        if not todo:
            return []
        ring = keyring(settings)
        seal = Seal(ring.master, ring.key_id, settings.home)
        landed = landed_exports(settings, ring, seal, todo)
        verdicts = validation.validate(
            landed, settings.expectations, progress=progress, workers=settings.workers
        )
        with ThreadPoolExecutor(_WRITERS) as pool:  # they wait for the disk
            settled = [
                pool.submit(settle, settings, seal, contract, record, verdict)
                for (contract, record, _), verdict in zip(todo, verdicts, strict=True)
            ]
        return [one.result() for one in settled]

    with shared(settings.landing_lock):
        # A refused export too: its contract's assertions or codes may have been repaired since.
        tried = judge(list(_to_judge(settings, night, missions, _tried)))
        # What is in force since a moment ago has been judged.
        new = {one.mission_code: one for one in tried if one.export == one.tried}
        in_force = list(_to_judge(settings, night, missions, lambda record: record.export))
        judged = judge([one for one in in_force if one[0].mission not in new])
    known = new | {one.mission_code: one for one in judged}
    return [*tried, *(known[contract.mission] for contract, _, _ in in_force)]


def _tried(record: NightRecord) -> str | None:
    return record.tried if record.status in _UNSETTLED else None


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


@contextmanager
def _kept_if_sound(settings: Settings) -> Iterator[None]:
    """Let the build after one that did not pass be made whole: a fault in its files must not outlive the night."""
    from counterflow.warehouse import reuse
    from counterflow.warehouse.gates import GateFailed

    try:
        yield
    except GateFailed:
        reuse.forget(settings)
        raise


def prepare(settings: Settings, night: date) -> None:
    """Load what `transform` needs, in a process that has time before. Nothing of the night is changed."""
    import pandas  # noqa: F401 - Arrow does, as soon as it is given a list

    from counterflow import purging  # noqa: F401
    from counterflow.warehouse import build

    build.prepare(settings, night)


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
    from counterflow.warehouse.build import build, build_past, discard
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
        if purge(settings):
            discard(settings)  # the last build may hold who is out, in a table or in a freed page
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

    with _building(settings), _kept_if_sound(settings):
        return run_gates(settings, newest_night(settings, night))


@observed("publish")
def publish(settings: Settings, night: date) -> Publication:
    """Let the build take the place of the published warehouse. Raises GateFailed."""
    from counterflow.warehouse import lake
    from counterflow.warehouse.history import newest_night
    from counterflow.warehouse.publication import publish as replace_published

    with _building(settings), _kept_if_sound(settings):
        publication = replace_published(settings, newest_night(settings, night))
        lake.follow(settings)  # a retry too: it may have been killed in between
        return publication


@observed("pages")
def pages(settings: Settings, night: date, progress: Progress | None = None) -> Shelved:
    """Build the pages of what was published; what fails is told, and `night` stays published."""
    from counterflow.pages.sets import build

    return build(settings, progress=progress)


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
    "mend",
    "pages",
    "plan",
    "prepare",
    "publish",
    "report",
    "tell",
    "transform",
    "validate",
]
