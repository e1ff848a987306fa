"""What is quarantined and why, and judging it again: the exports in force of a night in.

Out: counts by mission and rule, or the places of a mission's rows. A row is told by its source and
its number in the export, which its steward can look up; what it holds is never shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date

from counterflow import contracts
from counterflow.landing import Landing
from counterflow.sealing import Seal
from counterflow.settings import Settings


@dataclass(frozen=True, slots=True)
class Failing:
    """One critical rule that rows of a mission's export in force fail. Rows are source rows."""

    mission: str
    rule_id: str
    source: str
    rows: int
    places: tuple[int, ...]  # the first of them, 1-based in the source, blank rows counted

    def to_dict(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self)


def failing(
    settings: Settings, night: date, mission: str | None = None, shown: int = 20
) -> Iterator[Failing]:
    """Every failing rule of the exports in force on `night`, by mission and rule."""
    seal = Seal.of(settings)
    for path in contracts.contract_files(settings.missions):
        if mission is not None and path.stem != mission:
            continue
        landing = Landing(settings.landing, path.stem)
        record = landing.record(night)
        if record is None or record.export is None or record.verdict is None:
            continue
        failures = landing.path(record.export) / record.verdict / "failures.parquet"
        if not failures.exists():  # retention has reduced the export to counts
            continue
        table = seal.read(failures)
        found: dict[tuple[str, str], set[int]] = {}
        for row in table.select(["rule_id", "source", "source_row"]).to_pylist():
            found.setdefault((row["rule_id"], row["source"]), set()).add(row["source_row"])
        for (rule_id, source), rows in sorted(found.items()):
            places = tuple(sorted(rows)[:shown])
            yield Failing(path.stem, rule_id, source, len(rows), places)
