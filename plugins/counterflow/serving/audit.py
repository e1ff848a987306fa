"""Who asked what and when: a file of JSON lines a day under `$COUNTERFLOW_HOME/serve/audit/` (0600).

In: a query as it arrives, and how it ended. Out: two lines with the same `id`, `asked` before the query runs and
`ended` after it, so that a query that took the server down is on record too. Queries of analysts may name
values, so the log is read by who may read the warehouse, and kept no longer than it must be.
"""

from __future__ import annotations

import json
import os
import secrets
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from counterflow.serving.tokens import folder
from counterflow.settings import Settings

KEEP_DAYS = 365
_LONGEST = 20_000  # characters of a query that are kept


class Audit:
    """The log, open for appending."""

    def __init__(self, settings: Settings, keep_days: int = KEEP_DAYS) -> None:
        self._folder = folder(settings) / "audit"
        self._keep = keep_days
        self._day: date | None = None

    def asked(self, analyst: str, client: str, query: str) -> str:
        """A query arrived; its id in the log."""
        number = secrets.token_hex(8)
        cut: dict[str, object] = {"cut": len(query)} if len(query) > _LONGEST else {}
        whose: dict[str, object] = {"analyst": analyst, "client": client}
        self._line({"event": "asked", "id": number} | whose | {"query": query[:_LONGEST]} | cut)
        return number

    def ended(self, number: str, analyst: str, outcome: str, rows: int, seconds: float) -> None:
        """It ended: `answered`, `failed`, `refused`, `too long`, `ended` or `left`."""
        self._line(
            {"event": "ended", "id": number, "analyst": analyst, "outcome": outcome}
            | {"rows": rows, "seconds": round(seconds, 3)}
        )

    def told(self, event: str, analyst: str = "", client: str = "") -> None:
        """Anything else: a client connected, was refused, left."""
        self._line({"event": event, "analyst": analyst, "client": client})

    def _line(self, data: dict[str, object]) -> None:
        now = datetime.now(UTC)
        if now.date() != self._day:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            sweep(self._folder, now.date() - timedelta(days=self._keep))
            self._day = now.date()
        line = json.dumps({"when": now.isoformat(timespec="milliseconds")} | data)
        file = self._folder / f"{now.date()}.jsonl"
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{line}\n".encode())
        finally:
            os.close(descriptor)


def sweep(folder: Path, before: date) -> None:
    """Remove the files of days before that one."""
    for file in folder.glob("*.jsonl"):
        try:
            day = date.fromisoformat(file.stem)
        except ValueError:
            continue
        if day < before:
            file.unlink(missing_ok=True)
