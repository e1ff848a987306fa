"""The layout of what lies in a home, by number: what an older program cannot read it refuses, in one line.

In: a home. Out: its numbers from `format.json`, written by the first night and by `counterflow migrate`. A number grows when an
older program would read the files wrongly, not when something is added that it may overlook.

1  plain Parquet, case keys that are a keyed hash alone (0.1 before encryption): no `format.json`
2  sealed landing and build, two keys, tokens of withheld cases
"""

from __future__ import annotations

import json
from pathlib import Path

from counterflow import disk

FILE = "format.json"
MIGRATING = "master.migrating.key"  # in keys/, while a migration is unfinished
LANDING = 2
WAREHOUSE = 2
_PAGE = "See docs/runbooks/upgrade.md"


class FormatRefusedError(Exception):
    """The files of a home are of another version of the program."""


def read(home: Path) -> dict[str, int] | None:
    """The numbers of a home; None if it has none yet."""
    try:
        said = json.loads((home / FILE).read_text("utf-8"))
        return {"landing": int(said["landing"]), "warehouse": int(said["warehouse"])}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise FormatRefusedError(
            f"{home / FILE} cannot be read: restore it from the backup. {_PAGE}"
        ) from None


def write(home: Path) -> None:
    """Say that the home is of this program."""
    if read(home) == {"landing": LANDING, "warehouse": WAREHOUSE}:
        return
    home.mkdir(parents=True, exist_ok=True)
    disk.write_text(home / FILE, json.dumps({"landing": LANDING, "warehouse": WAREHOUSE}) + "\n")


def refuse_newer(home: Path) -> None:
    """Refuse what a newer program wrote."""
    found = read(home)
    newer = {
        k: v
        for k, v in (found or {}).items()
        if v > {"landing": LANDING, "warehouse": WAREHOUSE}[k]
    }
    if newer:
        said = ", ".join(f"{name} {number}" for name, number in newer.items())
        raise FormatRefusedError(
            f"{home} was written by a newer Counterflow ({said}; this one knows {LANDING} and {WAREHOUSE}): use that one. {_PAGE}"
        )


def refuse_other(home: Path) -> None:
    """Refuse a newer layout, and an older one that has to be migrated first."""
    refuse_newer(home)
    if read(home) is None and is_first(home):
        raise FormatRefusedError(
            f"{home} was written by an older Counterflow: run `counterflow migrate` once, after a backup. {_PAGE}"
        )


def is_first(home: Path) -> bool:
    """Whether a landing is of layout 1: an export whose outcome names no key."""
    if (home / "keys" / MIGRATING).exists():
        return True  # a migration was begun and is not at its end
    for outcome in home.glob("landing/[A-Z][A-Z][A-Z]/exports/[!.]*/outcome.json"):
        return "key_id" not in json.loads(outcome.read_text("utf-8"))
    return False
