"""What a night did, for the engineer who reads it in the morning: one line a mission, and the cure.

In: the records of a night. Out: `Report`, as text and as data. Nothing personal is in either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from counterflow.landing import NightRecord
from counterflow.settings import Settings
from counterflow.warehouse.manifest import MANIFEST, read_manifest


@dataclass(frozen=True, slots=True)
class Line:
    """One mission's night. Rows are source rows of the export in force."""

    mission: str
    status: str
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    rows_withheld: int
    rows_blank: int
    is_stale: bool
    message: str
    days_since_success: int | None = None  # since the date of the last delivery that was taken


@dataclass(frozen=True, slots=True)
class Report:
    """The night as a whole. `published` is the night of the warehouse that analysts open."""

    night: date
    published: date | None
    lines: tuple[Line, ...]
    stopped: str = ""  # why nothing was published, if something stopped it
    untold: tuple[str, ...] = ()  # channels that the digest did not reach, and why
    unshown: tuple[str, ...] = ()  # sets of pages that were not built, and why

    @property
    def is_published(self) -> bool:
        """Whether analysts open this night or one after it, and nothing stopped this run."""
        return not self.stopped and self.published is not None and self.published >= self.night

    @property
    def statuses(self) -> dict[str, int]:
        """How many missions have each status."""
        return dict(sorted(Counter(line.status for line in self.lines).items()))

    @property
    def text(self) -> str:
        """The report as a person reads it: the sum, then what needs somebody."""
        counts = ", ".join(f"{count} {status}" for status, count in self.statuses.items())
        if self.published == self.night:
            state = "published"
        elif self.published is not None and self.published > self.night and not self.stopped:
            state = f"past; analysts open the night of {self.published}"
        else:
            state = f"NOT published (analysts open: {self.published or 'nothing yet'})"
        lines = [f"Night {self.night}: {state}. {len(self.lines)} missions: {counts or 'none'}."]
        lines += [f"  {self.stopped}"] if self.stopped else []
        lines += [f"  {line.message}" for line in self.lines if line.message]
        if self.untold:
            channels = ", ".join(self.untold)
            lines.append(f"  not told by {channels}. See docs/runbooks/notification_failed.md")
        if self.unshown:
            names = ", ".join(self.unshown)
            lines.append(
                f"  pages not built: {names}; what was there stays. See docs/missions_page.md"
            )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """For logs, XCom and `--json`."""
        return {
            "night": str(self.night),
            "published": str(self.published) if self.published else None,
            "statuses": self.statuses,
            "stopped": self.stopped,
            "missions": [asdict(line) for line in self.lines],
        }


def make_report(
    settings: Settings,
    night: date,
    records: Sequence[NightRecord],
    successes: Mapping[str, date | None] | None = None,
) -> Report:
    """The report of a night from its missions' records, and when each delivered last what was taken."""
    days = {code: (night - last).days for code, last in (successes or {}).items() if last}
    manifest = read_manifest(settings.warehouse / MANIFEST)
    lines = tuple(
        Line(
            record.mission_code,
            record.status,
            record.rows_read,
            record.rows_accepted,
            record.rows_quarantined,
            sum((record.withheld or {}).values()),
            record.rows_blank,
            record.is_stale,
            record.message,
            days.get(record.mission_code),
        )
        for record in records
    )
    return Report(night, manifest.night if manifest else None, lines)
