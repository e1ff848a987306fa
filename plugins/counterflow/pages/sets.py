"""The sets of pages that a publication builds, and the step that builds them.

In: settings. Out: each set of `SETS` that would say something new, on the shelf. One that fails is told, and harms
neither the others nor what is published. A new set is a function here and a line of `SETS`; what it reads besides the
warehouse belongs into `edition`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from counterflow import disk
from counterflow.pages import shelf
from counterflow.pages.edition import edition
from counterflow.refusals import is_refusal
from counterflow.settings import Settings
from counterflow.warehouse.manifest import MANIFEST, read_manifest

Builder = Callable[[Settings, Path], None]
Progress = Callable[[str, int, int], None]
log = logging.getLogger("counterflow.pages")


def _analysts(settings: Settings, folder: Path) -> None:
    from counterflow import site  # what draws is heavy: only when it is needed

    shown = settings.pages / "analysts"
    site.build(settings.warehouse / "warehouse.duckdb", folder, settings, shown)


def _checks(settings: Settings, folder: Path) -> None:
    from counterflow.pages import checks

    checks.build(settings, folder)


def _dbt(settings: Settings, folder: Path) -> None:
    from counterflow.pages import dbt_docs

    dbt_docs.build(settings, folder)


def _stewards(settings: Settings, folder: Path) -> None:
    from counterflow.pages import stewards

    stewards.build(settings, folder)


SETS: dict[str, Builder] = {
    "stewards": _stewards,
    "checks": _checks,
    "dbt": _dbt,
    "analysts": _analysts,
}
# Sets that show small counts of the warehouse: for who may have the file itself.
FOR_ANALYSTS = frozenset({"analysts"})
# What the navigation calls a set that is on the shelf.
TITLES = {
    "analysts": "For analysts",
    "checks": "Data docs",
    "dbt": "dbt docs",
    "stewards": "For stewards",
}


@dataclass(frozen=True, slots=True)
class Shelved:
    """What became of the sets: those that were built, and those that were not, with the reason."""

    built: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def text(self) -> str:
        """For a log and a report."""
        said = f"pages built: {', '.join(self.built) or 'none was due'}"
        if self.failed:
            said += f"; not built: {', '.join(self.failed)}. What was there stays. See docs/missions_page.md"
        return said


def build(
    settings: Settings,
    names: Sequence[str] | None = None,
    anew: bool = False,
    progress: Progress | None = None,
    sets: Mapping[str, Builder] | None = None,
) -> Shelved:
    """Build the sets of `names` (those of the settings) that are of another edition; all of them if `anew`.

    Raises ValueError for a name that is none.
    """
    known = SETS if sets is None else sets
    wanted = settings.pages_built if names is None else tuple(names)
    chosen = list(known) if wanted == ("all",) else list(wanted)
    if unknown := sorted(set(chosen) - known.keys()):
        raise ValueError(f"no pages are called {', '.join(unknown)}; there are: {', '.join(known)}")
    published = read_manifest(settings.warehouse / MANIFEST)
    built: list[str] = []
    failed: list[str] = []
    if published is None:
        return Shelved((), ())
    now = edition(settings, published)
    for number, name in enumerate(chosen, start=1):
        if anew or shelf.edition(settings, name) != now:
            try:
                _one(settings, name, now, known[name])
            except Exception as error:  # noqa: BLE001 - one set harms no other, and no night
                failed.append(f"{name} ({_reason(error)})")
                log.warning("the pages %s were not built (%s)", name, type(error).__name__)
            else:
                built.append(name)
        if progress is not None:
            progress("pages", number, len(chosen))
    return Shelved(tuple(built), tuple(failed))


def _one(settings: Settings, name: str, now: str, builder: Builder) -> None:
    shelf.replace(settings, name, now, lambda folder: builder(settings, folder))


def _reason(error: Exception) -> str:
    """Why, without the text of what is not ours: it may hold anything."""
    said = disk.refused(error) or (str(error) if is_refusal(error) else type(error).__name__)
    return said.removesuffix(".")
