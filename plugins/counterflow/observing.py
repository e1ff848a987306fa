"""What operators watch: how long each step took and how it ended, as a log line, a metric, lineage and a line of the journal.

In: a step that runs. Out: one structured log line with night, step and mission; a timing for StatsD
(COUNTERFLOW_STATSD=host:port); lineage events (counterflow.lineage); the night's journal (counterflow.nights). Nothing here can stop a night, and
nothing here holds a value of an export: names of steps, missions, statuses, counts and seconds.
"""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Protocol, TypeVar, cast

from counterflow import lineage, nights
from counterflow.locks import exclusive
from counterflow.settings import Settings
from counterflow.store import StoreRefusedError

if TYPE_CHECKING:
    from counterflow.reporting import Report

P = ParamSpec("P")
R = TypeVar("R")
Step = Callable[Concatenate[Settings, date, P], R]
log = logging.getLogger("counterflow")
log.addHandler(logging.NullHandler())  # on a command line nothing is said unless it is asked for


class Meter(Protocol):
    """The little of StatsD that is used."""

    def gauge(self, stat: str, value: float) -> None:
        """A value that holds until the next one."""

    def timing(self, stat: str, delta: float) -> None:
        """Milliseconds."""

    def incr(self, stat: str) -> None:
        """One more."""


def observed(name: str) -> Callable[[Step[P, R]], Step[P, R]]:
    """Decorate a step of the night, which takes settings, the night, and for `ingest` a mission."""

    def decorate(step: Step[P, R]) -> Step[P, R]:
        @functools.wraps(step)
        def called(settings: Settings, night: date, *args: P.args, **kwargs: P.kwargs) -> R:
            mission = str(args[0]) if name == "ingest" else ""
            began = time.monotonic()
            told = lineage.Told(settings, night, name, mission)
            try:
                found = step(settings, night, *args, **kwargs)
            except Exception as error:
                told.failed(error)
                _ended(settings, night, name, mission, time.monotonic() - began, error)
                raise
            told.done(found)
            _ended(settings, night, name, mission, time.monotonic() - began)
            return found

        return cast("Step[P, R]", called)

    return decorate


def _ended(
    settings: Settings,
    night: date,
    step: str,
    mission: str,
    seconds: float,
    error: Exception | None = None,
) -> None:
    state = nights.FAILED if error else nights.DONE
    said = {"night": str(night), "step": step, "state": state, "seconds": round(seconds, 3)}
    if mission:
        said["mission"] = mission
    if error is not None:
        said["error"] = type(error).__name__  # its text may hold what the log must not
    text = " ".join(f"{name}={value}" for name, value in said.items())
    log.log(logging.ERROR if error else logging.INFO, text, extra={"said": said})
    if (meter := meter_of(settings)) is not None:
        meter.timing(f"step.{step}", seconds * 1000)
        if error is not None:
            meter.incr(f"step.{step}.failed")
    if step in nights.STEPS:
        try:
            with exclusive(settings.nights_lock):
                _write_down(settings, night, step, said, error)
        except (ConnectionError, StoreRefusedError, ValueError) as lost:
            log.warning(f"the journal of the night has no line of {step} ({type(lost).__name__})")


def _write_down(
    settings: Settings, night: date, step: str, said: Mapping[str, object], error: Exception | None
) -> None:
    book = nights.Journal(night) if step == "plan" else nights.journal(settings, night)
    if step == "plan":  # a run begins; whom the night's last digest reached is still so
        before = nights.journal(settings, night)
        book.news, book.told = before.news, before.told
    ended = datetime.now(UTC).isoformat(timespec="seconds")
    book.steps[step] = {"state": said["state"], "seconds": said["seconds"], "ended": ended}
    if error is not None:
        from counterflow.fates import fault
        from counterflow.refusals import is_refusal

        results = getattr(error, "results", None) or []
        book.gates = [one.gate for one in results if not one.passed]
        book.stopped = str(error) if is_refusal(error) else fault(error)
    book.save(settings)


class AsJson(logging.Formatter):
    """A log line as one JSON object: night, step, mission, state, seconds."""

    def format(self, record: logging.LogRecord) -> str:
        """The fields of a step; of another line its text."""
        said = getattr(record, "said", None) or {"message": record.getMessage()}
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"time": when, "level": record.levelname.lower(), **said})


def log_as_json() -> None:
    """Write the log to standard error, one JSON object a line (COUNTERFLOW_LOG=json)."""
    handler = logging.StreamHandler()
    handler.setFormatter(AsJson())
    log.addHandler(handler)
    log.setLevel(logging.INFO)


def measure(settings: Settings, report: Report) -> None:
    """The gauges of a night that is over: missions by status, rows, staleness, whether it was published."""
    meter = meter_of(settings)
    if meter is None:
        return
    statuses = dict.fromkeys(("loaded", "unchanged", "late", "missing", "refused", "failed"), 0)
    for status, count in (statuses | report.statuses).items():
        meter.gauge(f"missions.{status}", count)
    for name in ("read", "accepted", "quarantined", "withheld", "blank"):
        meter.gauge(f"rows.{name}", sum(getattr(line, f"rows_{name}") for line in report.lines))
    meter.gauge("missions.stale", sum(line.is_stale for line in report.lines))
    meter.gauge("published", int(report.is_published))
    meter.gauge("gates.failed", len(nights.journal(settings, report.night).gates))
    if (age := publication_age(settings)) is not None:
        meter.gauge("publication.age_seconds", round(age))


def publication_age(settings: Settings) -> float | None:
    """Seconds since analysts were last given a new file; None if they never were."""
    try:
        published = (settings.warehouse / "manifest.json").stat().st_mtime
    except FileNotFoundError:
        return None
    return max(0.0, time.time() - published)


def meter_of(settings: Settings) -> Meter | None:
    """Where metrics go, None if nowhere, or if the address cannot be resolved."""
    return _meter(settings.statsd) if settings.statsd else None


@lru_cache(maxsize=4)
def _meter(address: str) -> Meter | None:
    from statsd import StatsClient

    host, _, port = address.rpartition(":")
    try:
        client: Meter = StatsClient(host.strip("[]"), int(port), prefix="counterflow")
    except OSError:
        log.warning("metrics are off: the host of COUNTERFLOW_STATSD is not known")
        return None
    return client
