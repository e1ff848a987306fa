"""A new master key for all that hangs on the old one, and the old one gone. Nothing is asked of any mission.

In: settings. Out: landing, releases and publications under the new key, file by file, each replaced in one rename and
saying by itself which key it is under. Killed anywhere, the next call goes on with the same two keys; until it
is at its end everything else refuses (keys.refuse_unfinished).

Key files: `master.next.key` is made first. When all is written to the disk, `master.key` becomes
`master.retired.key`, the next one `master.key`, and the retired one is overwritten and removed. Keys in a secrets
backend: a person puts the next one there and, when all is done, in place of the old one.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from counterflow import disk, dropping, keys
from counterflow.keys import LINKING, MASTER, NEXT, RETIRED, Keyring
from counterflow.landing import OUTCOME, Landing
from counterflow.locks import Held, exclusive
from counterflow.rekeying import (
    Change,
    RotationRefusedError,
    is_mission,
    refuse_unknown,
    sorted_anew,
)
from counterflow.settings import Settings

Told = Callable[[str, int, int], None]
_STRAY = re.compile(r"#[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did. `promote`: a person has to put the next key in place of the old one."""

    old: str  # key ids
    new: str
    exports: int = 0
    files: int = 0
    releases: int = 0
    promote: bool = False
    analysts_key: Path | None = None


def rotate(settings: Settings, told: Told | None = None) -> Rotation:
    """Re-key everything. Raises RotationRefusedError or KeyRefusedError before anything is changed."""
    if settings.store is not None and settings.key_source == "files":
        raise RotationRefusedError(
            "the keys are files, and other machines that share the store have files of their own: put the keys into a secrets "
            "backend (COUNTERFLOW_KEYS=airflow) and rotate there. See docs/scale.md"
        )
    with _alone(settings) as held, _as_a_whole(held):
        _tidy(settings)
        if (done := _retire(settings)) is not None:
            return done
        change = _change(settings)
        missions = [p.name for p in sorted(settings.landing.glob("*")) if is_mission(p.name)]
        landings = [Landing(settings.landing, mission) for mission in missions]
        refuse_unknown(_ids(landings), change)
        _begin(settings, change)
        for landing in landings:
            landing.tidy()
        releases = _releases(settings, change, landings, told)
        exports = sum(_landings(change, landings, told))
        dropping.reseal(settings, change.old, change.new)
        files = sum(_publications(settings, change, told))
        handed = _hand_out(settings, change)
        _lake(settings, change)
        _give_up_build(settings)
        os.sync()  # before the old key goes, all that is under the new one is on the disk,
        for one in held:  # and in the store
            one.push()
        promote = settings.key_source == "airflow"
        if promote:
            settings.rotation.unlink(missing_ok=True)
        else:
            _finish(settings)
    return Rotation(change.old.key_id, change.new.key_id, exports, files, releases, promote, handed)


@contextmanager
def _alone(settings: Settings) -> Iterator[list[Held]]:
    """No night, build, ingest, erasure or retention meanwhile."""
    with ExitStack() as stack:
        locks = (settings.night_lock, settings.build_lock, settings.landing_lock)
        yield [stack.enter_context(exclusive(lock)) for lock in locks]


@contextmanager
def _as_a_whole(held: list[Held]) -> Iterator[None]:
    """What failed half-way stays on this machine: the others go on under the old key, and the next call ends it."""
    try:
        yield
    except BaseException:
        for one in held:
            one.forsake()
        raise


def _tidy(settings: Settings) -> None:
    """Remove keys that somebody was about to write when killed, and the like of our own note."""
    for path in settings.keys.glob(".*.key-*"):
        keys.shred(path)
    for path in settings.home.glob(f".{settings.rotation.name}-*"):
        path.unlink()


# --- the keys --------------------------------------------------------------------------------------


def _change(settings: Settings) -> Change:
    """The two keys: those of a rotation that was begun, or the one in use and a new one."""
    if settings.key_source == "airflow":
        return _change_of_backend(settings)
    read = keys.reader(settings)
    ring = Keyring(read(MASTER), read(LINKING))
    path = settings.keys / NEXT
    if not path.exists():
        keys.refuse_others(ring, settings.landing)
        keys.make(path)
    return Change(ring, Keyring(read(NEXT), ring.linking))


def _change_of_backend(settings: Settings) -> Change:
    from counterflow import keys_airflow

    keys_airflow.forget()
    read = keys.reader(settings)
    ring = Keyring(read(MASTER), read(LINKING))
    variable, used = (keys_airflow.VARIABLES[name] for name in (NEXT, MASTER))
    text = keys_airflow.find(NEXT)
    if text is None:
        raise RotationRefusedError(
            f"the keys are in Airflow's secrets backends: put a new one there as {variable} (64 hexadecimal digits), "
            "then run this again. See docs/engineers.md"
        )
    new = Keyring(keys.parse(text, keys_airflow.said(NEXT)), ring.linking)
    if new == ring:
        raise RotationRefusedError(
            f"{variable} is the key in use: there is nothing to rotate. Remove it, or put a new value there"
        )
    if settings.rotation.exists():
        begun = json.loads(settings.rotation.read_text("utf-8"))
        if (begun["old"], begun["new"]) != (ring.key_id, new.key_id):
            raise RotationRefusedError(
                f"a rotation from {begun['old']} to {begun['new']} was not finished, and the keys are now "
                f"{ring.key_id} and {new.key_id}: put those two back as {used} and {variable}"
            )
    return Change(ring, new)


def _begin(settings: Settings, change: Change) -> None:
    """Say that a rotation is under way, where no key file says it."""
    if settings.key_source == "airflow" and not settings.rotation.exists():
        text = json.dumps({"old": change.old.key_id, "new": change.new.key_id})
        disk.write_text(settings.rotation, text + "\n")


def _finish(settings: Settings) -> None:
    os.replace(settings.keys / MASTER, settings.keys / RETIRED)
    os.replace(settings.keys / NEXT, settings.keys / MASTER)
    disk.sync(settings.keys)
    keys.shred(settings.keys / RETIRED)


def _retire(settings: Settings) -> Rotation | None:
    """End a rotation of which only the old key was left to be removed."""
    retired = settings.keys / RETIRED
    if settings.key_source == "airflow" or not retired.exists():
        return None
    if not (settings.keys / MASTER).exists():
        os.replace(settings.keys / NEXT, settings.keys / MASTER)
        disk.sync(settings.keys)
    keys.shred(retired)
    read = keys.reader(settings)
    return Rotation("", Keyring(read(MASTER), read(LINKING)).key_id)


# --- the data --------------------------------------------------------------------------------------


def _ids(landings: Sequence[Landing]) -> Iterator[tuple[str, str]]:
    for landing in landings:
        for path in sorted((landing.folder / "exports").glob(f"[!.]*/{OUTCOME}")):
            said = json.loads(path.read_text("utf-8"))
            yield f"{landing.mission}'s export {path.parent.name}", said.get("key_id", "")


def _landings(change: Change, landings: Sequence[Landing], told: Told | None) -> Iterator[int]:
    """Every landed export, what contracts compiled to, who was erased, the records of nights."""
    for at, landing in enumerate(landings, start=1):
        for path in sorted((landing.folder / "exports").glob(f"[!.]*/{OUTCOME}")):
            yield _export(change, landing, path.parent.name)
        for path in sorted(
            [*landing.folder.glob("*.parquet"), *landing.folder.glob("contract/*.parquet")]
        ):
            change.parquet(path, partial(change.table, landing.mission))
        for path in sorted(landing.folder.glob("nights/*.json")):
            _refuse_stray(path)
        if told is not None:
            told("landing", at, len(landings))


def _export(change: Change, landing: Landing, export: str) -> int:
    """One landed export with its verdicts, whole, in one rename; 0 if it is done already."""
    folder = landing.path(export)
    said = json.loads((folder / OUTCOME).read_text("utf-8"))
    if said["key_id"] == change.new.key_id:
        return 0
    aside = folder.with_name(f".{export}-{secrets.token_hex(4)}")
    aside.mkdir()
    for path in sorted(folder.rglob("*")):
        place = aside / path.relative_to(folder)
        if path.is_dir():
            place.mkdir()
        elif path.suffix == ".parquet":
            table = change.table(landing.mission, change.before.read(path))
            change.after.write(sorted_anew(path, table), place)
        elif path.name == OUTCOME:
            text = json.dumps({**said, "key_id": change.new.key_id}, indent=1, ensure_ascii=False)
            place.write_text(text + "\n", "utf-8")
        else:
            _refuse_stray(path)
            shutil.copy2(path, place)
    landing.put(aside, export)
    return 1


def _refuse_stray(path: Path) -> None:
    """Records and verdicts hold no token today; one that did would keep it for ever."""
    if _STRAY.search(path.read_text("utf-8")):
        raise RotationRefusedError(f"{path} holds a token, which nobody expected there: report it")


def _releases(
    settings: Settings, change: Change, landings: Sequence[Landing], told: Told | None
) -> int:
    """What is remembered of kept releases. It has no missions: the new keys come from all that has."""
    if not settings.releases.is_dir():
        return 0
    from counterflow.release import recall
    from counterflow.warehouse import rekeyed

    mapping: dict[str, str] = {}
    for paths in rekeyed.files(settings):
        mapping |= rekeyed.pairs(change, paths[0])
    for landing in landings:
        mapping |= _pairs(change, landing)
    done = recall.rekey(settings, mapping, change)
    if told is not None:
        told("releases", done, done)
    return done


def _pairs(change: Change, landing: Landing) -> dict[str, str]:
    """Old case key → new one, of every case that a mission's landed exports name."""
    found: dict[str, str] = {}
    for path in sorted((landing.folder / "exports").glob("[!.]*/rows.parquet")):
        said = json.loads((path.parent / OUTCOME).read_text("utf-8"))
        is_new = said["key_id"] == change.new.key_id
        seal = change.after if is_new else change.before
        held = seal.read(path, ["case_key"]).column(0).drop_null().unique().to_pylist()
        if is_new:
            found |= zip(change.earlier_cases(landing.mission, held), held, strict=True)
        else:
            found |= zip(held, change.cases(landing.mission, held), strict=True)
    return found


def _publications(settings: Settings, change: Change, told: Told | None) -> Iterator[int]:
    from counterflow.warehouse import rekeyed

    rekeyed.tidy(settings)
    listed = rekeyed.files(settings)
    for at, paths in enumerate(listed, start=1):
        yield int(rekeyed.rekey(settings, change, paths))
        if told is not None:
            told("publications", at, len(listed))


def _hand_out(settings: Settings, change: Change) -> Path | None:
    """Where what is published is encrypted, analysts need its new key."""
    from counterflow.warehouse.publication import KEY_FILE, hand_out

    path = settings.keys / KEY_FILE
    if not path.exists():
        return None
    hand_out(change.after, path)
    return path


def _lake(settings: Settings, change: Change) -> None:
    """A DuckLake holds case keys too: it follows what was published anew."""
    from counterflow.warehouse import lake

    lake.follow(settings, change.after)


def _give_up_build(settings: Settings) -> None:
    """A build is made anew by any night: it is not carried over, published or not."""
    from counterflow.warehouse.gates import PASSED
    from counterflow.warehouse.manifest import MANIFEST
    from counterflow.warehouse.replacing import PART
    from counterflow.warehouse.sources import SAID

    for pattern in (
        "*.duckdb*",
        ".*.duckdb*",
        "sources",
        ".sources-*",
        PART,
        MANIFEST,
        PASSED,
        SAID,
    ):
        for path in settings.build.glob(pattern):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
