"""The log of queries is kept for its days and no longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from counterflow.serving.audit import Audit
from counterflow.settings import Settings


def test_files_of_days_beyond_the_retention_go(tmp_path: Path) -> None:
    folder = tmp_path / "serve" / "audit"
    folder.mkdir(parents=True)
    today = datetime.now(UTC).date()
    for days in (9, 10, 11, 400):
        (folder / f"{today - timedelta(days=days)}.jsonl").write_text("{}\n", "utf-8")
    audit = Audit(Settings(tmp_path, tmp_path, tmp_path), keep_days=10)
    audit.ended(audit.asked("amina", "127.0.0.1", "select 1"), "amina", "answered", 1, 0.5)
    kept = sorted(file.stem for file in folder.iterdir())
    assert kept == sorted(str(today - timedelta(days=days)) for days in (0, 9, 10))
