"""What a night would make of a sample under a draft: the night's own steps, in a home that is thrown away.

In: the sample's path and a contract's text. Out: `DryRun`: rows accepted, quarantined and why, withheld,
blank. The keys are made for this run and forgotten; the sample is linked and not copied; the data home
is not touched.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from counterflow import nightly
from counterflow.contracts import ContractError, load
from counterflow.contracts.check import check_folder
from counterflow.landing import Landing
from counterflow.sealing import Seal
from counterflow.settings import Settings


@dataclass(slots=True)
class DryRun:
    """What the night would say of the mission. Rows are source rows."""

    status: str  # loaded, refused, failed, or unusable (the contract itself)
    message: str = ""
    rows_read: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    rows_blank: int = 0
    withheld: dict[str, int] = field(default_factory=dict)
    failing: list[tuple[str, str, int, int]] = field(
        default_factory=list
    )  # rule, severity, failed, checked
    signals: list[tuple[str, str, str, str, int]] = field(default_factory=list)
    tables: dict[str, int] = field(default_factory=dict)  # landing rows by canonical table
    problems: list[str] = field(default_factory=list)  # of the contract

    @property
    def rows_withheld(self) -> int:
        """Source rows withheld, all reasons."""
        return sum(self.withheld.values())

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self) | {"rows_withheld": self.rows_withheld}


def dry_run(sample: Path, text: str, mission: str, settings: Settings, night: date) -> DryRun:
    """One night of one mission, under a contract that is not committed."""
    with _aside(text, mission, settings) as own:
        problems = checked(own.missions)
        if problems:
            return DryRun("unusable", "the draft is no sound contract", problems=problems)
        contract = load(own.missions / f"{mission}.yml").contract
        place = own.exports / mission / contract.source.path.format(night=night)
        place.parent.mkdir(parents=True)
        place.symlink_to(sample.resolve())
        nightly.plan(own, night, [mission])
        ingested = nightly.ingest(own, night, mission)
        if ingested.status != "landed":
            return DryRun(ingested.status, ingested.message)
        return _judged(own, night, mission)


def _judged(own: Settings, night: date, mission: str) -> DryRun:
    """The verdict on what was landed; where everything is withheld there is nothing to judge."""
    landing = Landing(own.landing, mission)
    record = landing.record(night)
    outcome = landing.outcome(record.tried or "") if record is not None else None
    if record is None or outcome is None:
        return DryRun("failed", "the night left no record")
    found = DryRun("withheld")
    found.rows_read, found.rows_blank = outcome.rows_read, outcome.rows_blank
    found.withheld = dict(outcome.withheld)
    if outcome.rows_landed:
        nightly.validate(own, night, [mission])
        record = landing.record(night) or record
        found.status, found.message = record.status, record.message
        found.rows_accepted = record.rows_accepted
        found.rows_quarantined = record.rows_quarantined
    folder = landing.path(outcome.export)
    _details(Seal.of(own), found, folder, folder / (record.tried_verdict or "none"))
    return found


def checked(missions: Path) -> list[str]:
    """What is wrong with the contract in a folder; nothing of the shared files."""
    try:
        report = check_folder(missions)
    except ContractError as error:
        return [str(error)]
    return [str(error) for error in report.errors]


@contextmanager
def _aside(text: str, mission: str, settings: Settings) -> Iterator[Settings]:
    """A home of its own with one contract, the committed dialects and lists beside it."""
    with tempfile.TemporaryDirectory(prefix="counterflow-onboard-") as folder:
        root = Path(folder)
        yield prepared(root, text, mission, settings)


def prepared(root: Path, text: str, mission: str, settings: Settings) -> Settings:
    """Settings of a home in `root` in which `text` is the only contract."""
    missions = root / "missions"
    missions.mkdir()
    for name in ("dialects", "codes"):
        if (settings.missions / name).is_dir():
            (missions / name).symlink_to((settings.missions / name).resolve())
    (missions / f"{mission}.yml").write_text(text, "utf-8")
    return Settings(
        home=root / "home",
        exports=root / "exports",
        missions=missions,
        expectations=settings.expectations,
        dbt_project=settings.dbt_project,
        workers=1,
    )


def _details(seal: Seal, found: DryRun, export: Path, verdict: Path) -> None:
    """Rules that failed, signals, and landing rows by table; nothing of them is a person's."""
    summed: dict[tuple[str, str, str, str], int] = {}
    if (verdict / "results.parquet").exists():
        for row in seal.read(verdict / "results.parquet").to_pylist():
            if row["rows_failed"]:
                counts = (row["rows_failed"], row["rows_checked"])
                found.failing.append((row["rule_id"], row["severity"], *counts))
    found.failing.sort(key=lambda f: (f[1] != "critical", -f[2], f[0]))
    if (export / "signals.parquet").exists():
        for row in seal.read(export / "signals.parquet").to_pylist():
            # tokens are made with keys that are thrown away: they tell nobody anything
            detail = re.sub(r"#[0-9a-f]{32}, ", "a value of ", row["detail"])
            signal = (row["kind"], row["table_name"], row["field"], detail)
            summed[signal] = summed.get(signal, 0) + row["rows"]
    found.signals = [(*signal, rows) for signal, rows in summed.items()]
    for path in sorted(export.glob("*.parquet")):
        if path.stem not in ("rows", "withheld", "signals", "profile"):
            found.tables[path.stem] = seal.count(path)
