"""A night in one process: the DAG's own functions, one after the other, with progress.

In: settings and a night. Out: the report. Ingest runs in as many worker processes as the settings
allow; a mission whose worker dies is marked failed, and the others go on.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import replace
from datetime import date

from counterflow import disk, nightly
from counterflow.display import steps
from counterflow.fates import mark_failed
from counterflow.forks import Died, spread
from counterflow.locks import exclusive, shared
from counterflow.reporting import Report
from counterflow.settings import Settings
from counterflow.warehouse.build import BuildFailed
from counterflow.warehouse.gates import GateFailed

Told = Callable[[str, int, int], None]


class ValidationStopped(Exception):
    """The process that validates was killed."""


def run_night(
    settings: Settings,
    night: date,
    missions: Sequence[str] | None = None,
    full_refresh: bool = False,
    quiet: bool = False,
) -> Report:
    """Plan, ingest, validate, transform, gates, publish, pages; the report says what came of it.

    A second run waits for the first. A build or gate that fails leaves the published warehouse as it was and is said on the terminal.
    """
    with exclusive(settings.night_lock), steps(quiet) as told:
        plan = nightly.plan(settings, night, missions, full_refresh)
        told("plan", len(plan.statuses), len(plan.statuses) + len(plan.changed))
        largest_first = sorted(plan.changed, key=lambda mission: -plan.sizes.get(mission, 0))
        _ingest(settings, night, largest_first, full_refresh, told)
        stopped = _judge_and_publish(settings, night, missions, told)
        unshown = () if stopped else _show(settings, night, told)
        untold = _tell(settings, night)
    report = nightly.report(settings, night, plan.statuses)
    return replace(report, stopped=stopped, untold=tuple(untold), unshown=unshown)


def _show(settings: Settings, night: date, told: Told) -> tuple[str, ...]:
    """Build the pages; which of them could not be, for the report: it fails no night."""
    try:
        return nightly.pages(settings, night, told).failed
    except Exception as error:  # noqa: BLE001 - whatever it is, the night is published
        return (f"none of them ({type(error).__name__})",)


def _tell(settings: Settings, night: date) -> list[str]:
    """Tell people; why that failed, for the report: it fails no night."""
    try:
        return nightly.tell(settings, night).failed
    except Exception as error:  # noqa: BLE001 - of whatever channel
        return [f"the digest ({type(error).__name__})"]


def replay_night(settings: Settings, night: date, quiet: bool = False) -> Report:
    """Judge again what a night landed, under today's contracts and rules; nothing is pulled."""
    with exclusive(settings.night_lock), steps(quiet) as told:
        nightly.mend(settings)
        stopped = _judge_and_publish(settings, night, None, told)
        unshown = () if stopped else _show(settings, night, told)
    return replace(nightly.report(settings, night), stopped=stopped, unshown=unshown)


def _judge_and_publish(
    settings: Settings, night: date, missions: Sequence[str] | None, told: Told
) -> str:
    """Validate, transform, gates, publish; why it stopped, or nothing."""
    _validate(settings, night, missions, told)
    try:
        nightly.transform(settings, night, lambda name, at, of: told(_step(name), at, of))
        nightly.gates(settings, night)
        told("gates", 1, 1)
        nightly.publish(settings, night)
        told("publish", 1, 1)
    except (GateFailed, BuildFailed) as refused:
        return str(refused)
    return ""


def _validate(settings: Settings, night: date, missions: Sequence[str] | None, told: Told) -> None:
    """Validate in a process of its own, while this one loads what builds the warehouse; alone where there is one worker."""
    if settings.workers < 2:
        nightly.validate(settings, night, missions, lambda _, at, of: told("validate", at, of))
        return
    heard, say = os.pipe()

    def judge() -> None:
        with os.fdopen(say, "w", buffering=1) as out:
            nightly.validate(settings, night, missions, lambda _, at, of: print(at, of, file=out))

    def meanwhile() -> None:
        os.close(say)
        with suppress(Exception):  # what fails here fails again when it is needed, and is said then
            nightly.prepare(settings, night)
        with os.fdopen(heard) as lines:  # to the end of the one who says them
            for line in lines:
                at, of = map(int, line.split())
                told("validate", at, of)

    for _, error in spread([judge], 1, meanwhile):
        if isinstance(error, Died):
            raise ValidationStopped(
                "validation stopped before it was done: its process was killed, most often for want of memory. Lower "
                "COUNTERFLOW_WORKERS, then run the night again; what was published stays"
            )
        if error is not None:
            raise error


def _step(name: str) -> str:
    """Past nights that are derived again are a step of their own; dbt's nodes are `transform`."""
    return name if name == nightly.HISTORY else "transform"


def _ingest(
    settings: Settings, night: date, missions: Sequence[str], full_refresh: bool, told: Told
) -> None:
    done = 0
    if settings.workers < 2 or len(missions) < 2:
        for mission in missions:
            _one(settings, night, mission, full_refresh)
            told("ingest", done := done + 1, len(missions))
        return
    import counterflow.ingest  # noqa: F401 - loaded once, before the workers are forked

    context = multiprocessing.get_context("fork")
    left = set(missions)
    with ProcessPoolExecutor(settings.workers, mp_context=context) as pool:
        futures = {pool.submit(_one, settings, night, m, full_refresh): m for m in missions}
        try:
            for future in as_completed(futures):
                if (error := future.exception()) is not None:
                    if isinstance(error, BrokenProcessPool) or disk.refused(error) is not None:
                        raise error
                    _failed(settings, night, futures[future], error)
                left.discard(futures[future])
                told("ingest", done := done + 1, len(missions))
        except BrokenProcessPool:
            pool.shutdown(cancel_futures=True)
    for mission in sorted(left):  # a worker was killed: alone, only its own mission can fail
        with ProcessPoolExecutor(1, mp_context=context) as single:
            try:
                single.submit(_one, settings, night, mission, full_refresh).result()
            except BrokenProcessPool as error:
                _failed(settings, night, mission, error)
        told("ingest", done := done + 1, len(missions))


def _failed(settings: Settings, night: date, mission: str, error: BaseException) -> None:
    """The record of a mission whose worker could not write it; under the lock, or maintenance may sweep it away."""
    with shared(settings.landing_lock, only=mission):
        mark_failed(settings, night, mission, error)


def _one(settings: Settings, night: date, mission: str, full_refresh: bool) -> None:
    """Ingest one mission; a server that does not answer is in its record, and stops no other."""
    with suppress(ConnectionError, TimeoutError):
        nightly.ingest(settings, night, mission, full_refresh)
