"""From the files of the release before to those of this one: plain landing with one key in, sealed landing with two out.

In: a home of layout 1 (counterflow.formats). Out: the same exports, nights and verdicts, sealed, and with the case keys that later
nights give. No mission is asked for anything: the release before made a case key with the hash that is now the inner half
of a pseudonym, under the key of that time. That key becomes `linking.key`, and a new `master.key` is put on top.

Each export is replaced in one rename and says by its outcome under which key it is; killed anywhere, the next call goes on.
The publication and the build go: they hold the old case keys, and the next night derives every night again from landing.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from counterflow import disk, formats, keys
from counterflow.depersonalise import MissionKeys, Pseudonyms
from counterflow.keys import LINKING, MASTER, Keyring
from counterflow.landing import OUTCOME, Landing, columns_digest
from counterflow.locks import exclusive
from counterflow.rekeying import SUPPRESSED, Change, is_mission, sorted_anew
from counterflow.settings import Settings
from counterflow.suppression import WITHHELD_SCHEMA

Told = Callable[[str, int, int], None]
_PAGE = "See docs/runbooks/upgrade.md"


class MigrationRefusedError(Exception):
    """The home cannot be migrated; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Migrated:
    """What was brought over. `exports` is 0 where there was nothing to do."""

    exports: int
    missions: int
    key_id: str


class _Plain:
    """In place of a cipher where a pseudonym is still the hash alone."""

    def encrypt(self, blocks: bytes) -> bytes:
        return blocks

    def decrypt(self, blocks: bytes) -> bytes:
        return blocks


class _OnTop(Change):
    """The change from a hash alone to the hash under a cipher."""

    def _keys(self, mission: str) -> tuple[MissionKeys, MissionKeys]:
        new = MissionKeys.of(self.new, mission)
        plain: object = _Plain()
        return (
            MissionKeys(
                mission, "", "",
                case=Pseudonyms(b"", plain),  # type: ignore[arg-type]
                code=Pseudonyms(b"", plain),  # type: ignore[arg-type]
                suppression=plain,  # type: ignore[arg-type]
            ),
            new,
        )  # fmt: skip


def migrate(settings: Settings, told: Told | None = None) -> Migrated:
    """Bring a home to this program's layout. Raises MigrationRefusedError or FormatRefusedError before anything changes."""
    formats.refuse_newer(settings.home)
    if not formats.is_first(settings.home):
        ring = keys.keyring(settings)
        formats.write(settings.home)
        return Migrated(0, 0, ring.key_id)
    if settings.key_source != "files":
        raise MigrationRefusedError(
            f"the release before had its key in a file: migrate with COUNTERFLOW_KEYS=files, then put both keys into the vault. {_PAGE}"
        )
    with _alone(settings):
        _refuse_what_is_not_known(settings)
        ring = _keys(settings)
        change = _OnTop(ring, ring)
        landings = [
            Landing(settings.landing, p.name)
            for p in sorted(settings.landing.glob("*"))
            if is_mission(p.name)
        ]
        exports = 0
        for at, landing in enumerate(landings, start=1):
            landing.tidy()
            exports += sum(_exports(change, landing))
            # what its contract compiled to last has tokens of the old kind; the next night compiles it anew
            shutil.rmtree(landing.folder / "contract", ignore_errors=True)
            if told is not None:
                told("landing", at, len(landings))
        for folder in (settings.build, settings.warehouse):
            shutil.rmtree(folder, ignore_errors=True)
        os.sync()  # before the keys change their names, all that is under the new one is on the disk
        os.replace(settings.keys / formats.MIGRATING, settings.keys / MASTER)
        disk.sync(settings.keys)
        formats.write(settings.home)
    return Migrated(exports, len(landings), ring.key_id)


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """No night, build or ingest meanwhile."""
    with ExitStack() as stack:
        for lock in (settings.home / "night.lock", settings.build_lock, settings.landing_lock):
            stack.enter_context(exclusive(lock))
        yield


def _refuse_what_is_not_known(settings: Settings) -> None:
    """A landing that the release before did not write so is not guessed at."""
    for path in settings.landing.glob("[A-Z][A-Z][A-Z]/exports/[!.]*/outcome.json"):
        said = json.loads(path.read_text("utf-8"))
        if "key_id" in said:
            continue
        missing = [
            name
            for name in ("case", "rows", "profile", "signals")
            if not (path.parent / f"{name}.parquet").exists()
        ]
        if missing:
            raise MigrationRefusedError(
                f"{path.parent} lacks {', '.join(missing)}: it is of a version that is not known. Set this landing aside, keep its "
                f"key, and load anew from the missions' exports. {_PAGE}"
            )


def _keys(settings: Settings) -> Keyring:
    """The old key as the linking key, and a new one, which takes the old one's place at the end."""
    linking, new = settings.keys / LINKING, settings.keys / formats.MIGRATING
    if not new.exists():
        old = keys.read_file(settings.keys / MASTER)
        if linking.exists() and keys.read_file(linking) != old:
            raise MigrationRefusedError(
                f"{linking} is there, and the landing was made without one: restore the keys that it was made with. {_PAGE}"
            )
        if not linking.exists():
            aside = settings.keys / f".{LINKING}-{secrets.token_hex(4)}"
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(old.hex() + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, linking)
        keys.make(new)
    return Keyring(keys.read_file(new), keys.read_file(linking))


def _exports(change: Change, landing: Landing) -> Iterator[int]:
    for path in sorted((landing.folder / "exports").glob(f"[!.]*/{OUTCOME}")):
        said = json.loads(path.read_text("utf-8"))
        if "key_id" in said:
            yield 0
            continue
        folder = path.parent
        aside = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}")
        aside.mkdir()
        columns: dict[str, str] = {}
        for one in sorted(folder.rglob("*")):
            place = aside / one.relative_to(folder)
            if one.is_dir():
                place.mkdir()
            elif one.suffix == ".parquet":
                table = sorted_anew(one, _table(change, landing.mission, one))
                change.after.write(table, place)
                if one.parent == folder:
                    columns[one.stem] = columns_digest(table.schema)
            elif one.name != OUTCOME:
                shutil.copy2(one, place)
        if not (aside / "withheld.parquet").exists():
            change.after.write(WITHHELD_SCHEMA.empty_table(), aside / "withheld.parquet")
        ids = {"key_id": change.new.key_id, "linking_id": change.new.linking_id, "columns": columns}
        text = json.dumps({**said, **ids}, indent=1, ensure_ascii=False)
        (aside / OUTCOME).write_text(text + "\n", "utf-8")
        landing.put(aside, folder.name)
        yield 1


def _table(change: Change, mission: str, path: Path) -> pa.Table:
    """A plain table of the release before, with today's pseudonyms and the columns that carry them."""
    table = pq.read_table(path)
    if path.stem == "withheld":
        table = table.rename_columns(
            [SUPPRESSED if name == "case_key" else name for name in table.column_names]
        )
    table = change.table(mission, table)
    if path.stem == "case":
        made = pa.array([change.new.key_id] * table.num_rows, pa.string())
        table = table.add_column(table.column_names.index("form_version"), "key_id", made)
    return table
