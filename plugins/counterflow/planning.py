"""What is there to do tonight: which missions' exports changed, and what is known of the others already.

In: settings, a night, the missions. Out: a Plan; the record of every mission for which nothing is to be done.
Nothing is fetched: servers are asked what they have, several at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from counterflow import collector, connections, contracts, formats
from counterflow.contracts import Contract
from counterflow.contracts.digest import reading_digest
from counterflow.dropping import clear as clear_drop
from counterflow.fates import kept, mark_failed, open_record, superseded, without_export
from counterflow.landing import PENDING, Landing, NightRecord
from counterflow.locks import exclusive, shared
from counterflow.missions import contract_of, keyring, transport
from counterflow.observing import observed
from counterflow.retention import refuse_too_late
from counterflow.settings import Settings
from counterflow.sources import Delivery, Refused, UnreachableError

_LOOKS = 8  # servers that are looked at at once


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


@observed("plan")
@collector.paused()
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
