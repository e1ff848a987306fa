"""The journal of a night as a whole: which step was done, what stopped it, who was told.

In: steps as they end. Out: `$COUNTERFLOW_HOME/nights/<night>.json`, replaced atomically. What a night did to a mission
stands in landing; this is for whoever is woken (counterflow.standing) and decides nothing of what is loaded.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from counterflow import disk
from counterflow.locks import exclusive
from counterflow.settings import Settings

STEPS = ("plan", "validate", "transform", "gates", "publish")  # ingest is told by its missions
DONE, FAILED = "done", "failed"


@dataclass(slots=True)
class Journal:
    """What is known of one night."""

    night: date
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)  # name → state, seconds, ended
    stopped: str = ""  # the text of what stopped it: ours, without a value of an export
    gates: list[str] = field(default_factory=list)  # names of the gates that failed
    news: int = 0  # lines of the last digest
    told: dict[str, str] = field(default_factory=dict)  # channel → `sent`, or why not
    run: str = ""  # the id of the run of Airflow that began it last; empty: begun elsewhere

    @property
    def failed_step(self) -> str:
        """The step that stopped the night; empty if none did."""
        return next((name for name, said in self.steps.items() if said["state"] == FAILED), "")

    @property
    def untold(self) -> list[str]:
        """The channels that a digest did not reach."""
        return sorted(channel for channel, said in self.told.items() if said != "sent")

    def save(self, settings: Settings) -> None:
        """Replace the night's file. A disk that takes nothing more stops no night for its journal's sake."""
        folder = settings.nights
        text = json.dumps({**asdict(self), "night": str(self.night)}, indent=1) + "\n"
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            disk.write_text(folder / f"{self.night}.json", text)


def journal(settings: Settings, night: date) -> Journal:
    """The journal of a night; an empty one if there is none, or if it cannot be read."""
    try:
        said = json.loads((settings.nights / f"{night}.json").read_text("utf-8"))
        return Journal(**{**said, "night": night})
    except (OSError, ValueError, TypeError):
        return Journal(night)


def came_from(settings: Settings, night: date, run: str) -> None:
    """Write down which run of Airflow loads a night, so that its page can lead there."""
    with exclusive(settings.nights_lock):
        book = journal(settings, night)
        book.run = run
        book.save(settings)


def newest(settings: Settings) -> date | None:
    """The newest night that was begun."""
    found = [_night(path) for path in settings.nights.glob("????-??-??.json")]
    return max((night for night in found if night is not None), default=None)


def _night(path: Path) -> date | None:
    try:
        return date.fromisoformat(path.stem)
    except ValueError:
        return None
