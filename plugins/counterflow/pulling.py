"""One mission's export, from its server to landing: the only step that sees personal data.

In: settings, a night, a mission. Out: an Ingested, the landed export and the night's record of the mission.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import date
from typing import Any

from counterflow import disk
from counterflow.contracts import Contract
from counterflow.contracts.digest import reading_digest
from counterflow.dropping import clear as clear_drop
from counterflow.fates import (
    link_failed,
    mark_failed,
    refuse_older,
    refused,
    stale,
    standing,
    superseded,
)
from counterflow.landing import PENDING, Landing, Outcome, export_name, next_reading
from counterflow.locks import shared
from counterflow.missions import contract_of, mission_keys, transport
from counterflow.observing import observed
from counterflow.settings import Settings
from counterflow.sources import Delivery, LinkRefusedError, Refused, Transport


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


@observed("ingest")
def ingest(settings: Settings, night: date, mission: str, full_refresh: bool = False) -> Ingested:
    """Read, de-personalise and land one mission's export. Never raises for the export's sake.

    ConnectionError and TimeoutError are raised (without their text, unless it is ours): the caller may try again.
    """
    with shared(settings.landing_lock, only=mission):
        return _ingested(settings, night, mission, full_refresh)


def _ingested(settings: Settings, night: date, mission: str, full_refresh: bool) -> Ingested:
    """One mission's export landed, or the record of why it was not."""
    landing = Landing(settings.landing, mission)
    try:
        pull = _Pull(settings, night, contract_of(settings, mission), landing, full_refresh)
        try:
            return pull.done()
        except Refused as error:
            return pull.refused(error)
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
class _Pull:
    """One mission's export on its way to landing, and how far it came: the record of a refusal says so."""

    settings: Settings
    night: date
    contract: Contract
    landing: Landing
    full_refresh: bool
    delivery: Delivery | None = None
    sha256: str | None = None

    def done(self) -> Ingested:
        """The export fetched, read and landed, unless it was before."""
        fetcher = transport(self.settings, self.contract)
        try:
            return self._landed(fetcher)
        finally:
            fetcher.close()

    def refused(self, error: Refused) -> Ingested:
        """The record of an export that is not read; what was in force before stays so."""
        record = stale(
            self.landing,
            self.night,
            "refused",
            refused(self.contract.mission, error),
            tried_sha256=self.sha256,
            reading=reading_digest(self.contract),
            delivered=self.delivery.night if self.delivery else None,
        )
        return Ingested(self.contract.mission, "refused", record.message)

    def _landed(self, fetcher: Transport) -> Ingested:
        night, contract, landing = self.night, self.contract, self.landing
        delivery = self.delivery = fetcher.newest(contract, night)
        if delivery is None:
            raise Refused(
                "missing", "the export is gone since the plan was made", "Run the night again"
            )
        self.sha256, digest = fetcher.sha256(delivery), reading_digest(contract)
        if superseded(landing, night, delivery.night):
            raise Refused(
                "older_export",
                "an export of a newer date is in force",
                "Ask the mission for its newest export",
            )
        refuse_older(landing, night, self.sha256)
        name = None if self.full_refresh else landing.find(self.sha256, digest, night)
        if name is None:
            name = self._read(fetcher, delivery, digest)
        found = landing.outcome(name)
        assert found is not None
        base = standing(landing, night, PENDING)
        landing.save(
            base.with_(
                night=night,
                status=PENDING,
                tried=name,
                tried_sha256=self.sha256,
                reading=digest,
                delivered=delivery.night,
                tried_verdict=None,
            )
        )
        if delivery.by_hand:
            clear_drop(self.settings, delivery)
        return Ingested(contract.mission, PENDING, "", found.rows_read)

    def _read(self, fetcher: Transport, delivery: Delivery, digest: str) -> str:
        """The name of the export in landing, once it has been fetched, read and written there."""
        from counterflow import export_keys, isolation  # Arrow and DuckDB: not needed to plan
        from counterflow.growing import LandedFiles
        from counterflow.ingest import Reading
        from counterflow.sealing import Seal
        from counterflow.sources import checksums
        from counterflow.suppression import erased_cases, remember_merged

        settings, night, contract, landing = self.settings, self.night, self.contract, self.landing
        started = time.monotonic()
        data = fetcher.fetch(delivery, contract.source.limits.packed)
        checksums.verify(fetcher, delivery, contract.source.checksum, data)
        fetcher.close()  # its server has done its part
        # of what is read, not of what was planned
        sha256 = self.sha256 = hashlib.sha256(data).hexdigest()
        own_keys = mission_keys(settings, contract.mission)
        seal = Seal.of(settings)
        erased = erased_cases(seal, landing, own_keys)
        means = export_keys.means(settings, contract, fetcher, delivery)

        reading = Reading(data, contract, own_keys, night, erased, delivery.by_hand, means)
        with landing.aside() as aside:
            files = LandedFiles(seal, aside)
            try:
                if settings.isolated:
                    totals = isolation.run(reading, contract.source.limits, files.add)
                else:
                    for part in reading.parts():
                        files.add(part)
                    totals = reading.totals()
                withheld = files.withheld()
                columns = files.end(
                    signals=totals.signals, profile=totals.profile, withheld=withheld
                )
            finally:
                files.stop()
            again = next_reading(totals.next_reading, night)
            name = export_name(sha256, digest, again, night)
            outcome = Outcome(
                mission_code=contract.mission,
                export=name,
                export_sha256=sha256,
                reading=digest,
                rows_read=totals.rows_read,
                rows_blank=totals.rows_blank,
                withheld=totals.withheld,
                rows_landed=files.rows,
                next_reading=again,
                key_id=own_keys.key_id,
                linking_id=own_keys.linking_id,
                seconds=round(time.monotonic() - started, 3),
                columns=columns,
            )
            landing.take(seal, aside, outcome, self.full_refresh)
        remember_merged(seal, landing, withheld, night)
        return name
