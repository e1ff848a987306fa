"""What machines of one agency share: parts of the home, mirrored to S3-compatible storage.

In: the settings' `store` (s3://bucket/prefix) and the locks' word on when. Out: `pull`, after which a part of the
home is what the store holds, and `push`, after which the store holds what the home does. The home is a worker's
cache: it may be lost at any moment, and every step can be done again on another machine.

A part (`landing/MDA`, `warehouse`, …) is one index and the objects it names:

    <prefix>/landing/MDA.json       path → sha256, size, mode, moment
    <prefix>/landing/MDA/<sha256>   a file's bytes

Objects are written first and never changed; then the index is replaced in one conditional put: another machine sees
all that a step made or nothing of it, and of two that would write one is refused. What the index no longer names is
removed at once, and what a killed worker had left, at the next push. Nothing here opens a file: what holds rows is
sealed before it is pushed (Settings refuses a store without COUNTERFLOW_ENCRYPT_WAREHOUSE=1).
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterflow import disk

if TYPE_CHECKING:
    from counterflow.settings import Settings

MIRROR = ".mirror"  # in the home: what it has of the store
MANY = ("landing", "drop")  # of a part each mission's folder is one of its own
_INSIDE = (".inside", ".candidate-")  # of releases: hidden, and kept
_BUILD = ("warehouse.duckdb", "scratch.duckdb", "manifest.json", "gates.json", "sources")
_THREADS = 8
_GONE = ("404", "NoSuchKey", "NotFound")
_RUNBOOK = "See docs/runbooks/store_unreachable.md"

Entry = dict[str, Any]


class StoreUnreachableError(ConnectionError):
    """The store does not answer: the next try may find it."""


class StoreRefusedError(Exception):
    """The store cannot be used as it is, or another machine was first."""


@dataclass(frozen=True, slots=True)
class Index:
    """What the store says of a part: its files by their path, and the tag that changes with them."""

    tag: str
    files: Mapping[str, Entry]


class Store:
    """One bucket's prefix, and the home that mirrors it."""

    def __init__(self, client: Any, url: str, home: Path) -> None:
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self._client, self._url, self._home = client, url, home
        self._bucket, self._prefix = bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @classmethod
    def of(cls, settings: Settings) -> Store:
        """The store of these settings. Raises ValueError if it cannot be used."""
        assert settings.store is not None
        client = _client(settings, os.getpid())
        return cls(client, settings.store, settings.home)

    # --- from the store ----------------------------------------------------------------------------

    def parts(self, part: str) -> dict[str, str]:
        """The parts that the store holds → their tag, of one part or of all missions' of MANY."""
        if part not in MANY:
            tags = dict(self._list(f"{part}.json", flat=True))
            return {part: tags[f"{part}.json"]} if f"{part}.json" in tags else {}
        found = self._list(f"{part}/", flat=True)
        return {key.removesuffix(".json"): tag for key, tag in found if key.endswith(".json")}

    def pull(self, part: str) -> None:
        """Let the home hold of `part` what the store does, and nothing else."""
        tags = self.parts(part)
        known = [own for own in self._local(part) if own not in tags]
        for one, tag in [*sorted(tags.items()), *((own, "") for own in sorted(known))]:
            self._pull(one, tag)

    def _pull(self, part: str, tag: str) -> None:
        state = self._state(part)
        if not tag:
            if state is not None and state.tag:
                raise StoreRefusedError(
                    f"the store no longer has {part}, which this home pulled from it: restore the bucket from "
                    f"its backup, or begin with an empty home. {_RUNBOOK}"
                )
            return  # the store is new: the next push gives it what is here
        if state is None and any(self._walk(part)):
            raise StoreRefusedError(
                f"{self._home} holds {part} that does not come from the store: begin with an empty home "
                f"(COUNTERFLOW_HOME), or with an empty prefix. {_RUNBOOK}"
            )
        for _ in range(5):  # an object is removed only when a newer index no longer names it
            index = state if state is not None and state.tag == tag else self._index(part)
            if index is None:
                break
            if state is None:  # from now on the home is the store's, though the pull be killed
                self._remember(part, Index("", {}))
            with contextlib.suppress(_ObjectGone):
                self._fetch(part, index, state)
                return
            state, tag = self._state(part), ""
        raise StoreRefusedError(f"objects of {part} are missing from the store. {_RUNBOOK}")

    def _fetch(self, part: str, index: Index, state: Index | None) -> None:
        """Bring the home to an index: what differs is fetched, what is not named goes."""
        here = dict(self._walk(part))
        have = state.files if state is not None else {}
        wanted: dict[str, list[str]] = {}
        for path, entry in index.files.items():
            if path in here and _is_same(have.get(path), entry, here[path]):
                continue
            if "link" in entry:
                self._link(part, path, entry["link"])
            else:
                wanted.setdefault(entry["sha256"], []).append(path)
        for path, place in here.items():
            if path not in index.files:
                self._drop(part, place)
        _together(
            lambda one: self._get(part, one[0], one[1], index.files[one[1][0]]), wanted.items()
        )
        if wanted and (self._folder(part) / "exports").is_dir():
            os.utime(
                self._folder(part) / "exports"
            )  # by which keys.py sees that it may hold other ones
        self._remember(part, self._seen(part, index))

    def _get(self, part: str, sha256: str, paths: list[str], entry: Entry) -> None:
        """One object, to all the paths that have its bytes."""
        first, *others = (self._folder(part) / path for path in paths)
        _make(first.parent)
        aside = first.with_name(f".{first.name}-{secrets.token_hex(4)}")
        try:
            with self._asked():
                self._client.download_file(self._bucket, self._key(f"{part}/{sha256}"), str(aside))
            if disk.sha256(aside) != sha256:
                raise StoreRefusedError(
                    f"an object of {part} is not what was put there ({sha256[:12]}…): restore it. {_RUNBOOK}"
                )
            os.chmod(aside, entry["mode"])
            os.utime(aside, ns=(entry["moment"], entry["moment"]))
            for other in others:  # as publication links a kept file to the published one
                _make(other.parent)
                again = other.with_name(f".{other.name}-{secrets.token_hex(4)}")
                os.link(aside, again)
                os.replace(again, other)
            os.replace(aside, first)
        finally:
            aside.unlink(missing_ok=True)

    def _link(self, part: str, path: str, target: str) -> None:
        place = self._folder(part) / path
        _make(place.parent)
        aside = place.with_name(f".{place.name}-{secrets.token_hex(4)}")
        os.symlink(self._home / target, aside)
        os.replace(aside, place)

    def _index(self, part: str) -> Index | None:
        try:
            with self._asked():
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key(f"{part}.json"))
                body = answer["Body"].read()
        except _ObjectGone:
            return None
        said = json.loads(body)
        if said.get("version") != 1:
            raise StoreRefusedError(
                f"{part} was put into the store by a newer Counterflow: upgrade this one"
            )
        return Index(answer["ETag"], said["files"])

    # --- to the store ------------------------------------------------------------------------------

    def push(self, part: str) -> None:
        """Let the store hold of `part` what the home does. Raises StoreRefusedError if another was first."""
        for one in self._local(part) if part in MANY else [part]:
            self._push(one)

    def _push(self, part: str) -> None:
        state = self._state(part) or Index("", {})
        files: dict[str, Entry] = {}
        new: dict[str, Path] = {}
        known = {entry["sha256"] for entry in state.files.values() if "sha256" in entry}
        for path, place in self._walk(part):
            entry = self._entry(place, state.files.get(path))
            files[path] = entry
            if "sha256" in entry and entry["sha256"] not in known:
                new.setdefault(entry["sha256"], place)
        if _plain(files) == _plain(state.files) and (state.tag or not files):
            return
        _together(lambda one: self._put(part, one[0], one[1]), new.items())
        tag = self._replace(part, _plain(files), state.tag)
        self._remember(part, Index(tag, files))
        self._sweep(part, files)

    def _entry(self, place: Path, known: Entry | None) -> Entry:
        """What the index says of a file; its bytes are read only if it changed since it was last seen."""
        if place.is_symlink():
            return {"link": str(place.readlink().relative_to(self._home))}
        seen = _stamp(place)
        if known is not None and known.get("seen") == seen:
            return known
        found = place.stat()
        return {
            "sha256": disk.sha256(place),
            "size": found.st_size,
            "mode": found.st_mode & 0o777,
            "moment": found.st_mtime_ns,
            "seen": seen,
        }

    def _put(self, part: str, sha256: str, place: Path) -> None:
        with self._asked():
            self._client.upload_file(str(place), self._bucket, self._key(f"{part}/{sha256}"))

    def _replace(self, part: str, files: Mapping[str, Entry], tag: str) -> str:
        """Put the index in place of the one that was pulled, or of none."""
        body = json.dumps({"version": 1, "files": files}, indent=1, sort_keys=True).encode()
        condition = {"IfMatch": tag} if tag else {"IfNoneMatch": "*"}
        with self._asked(part):
            answer = self._client.put_object(
                Bucket=self._bucket,
                Key=self._key(f"{part}.json"),
                Body=body,
                ContentType="application/json",
                **condition,
            )
        return str(answer["ETag"])

    def sweep(self, part: str) -> int:
        """Remove what no index names: a worker was killed while it pushed. The lock is held alone."""
        left = 0
        for one in self.parts(part):
            index = self._index(one)
            left += self._sweep(one, index.files if index is not None else {})
        return left

    def _sweep(self, part: str, files: Mapping[str, Entry]) -> int:
        named = {f"{part}/{entry['sha256']}" for entry in files.values() if "sha256" in entry}
        left = [key for key, _ in self._list(f"{part}/", flat=True) if key not in named]
        _together(self._remove, left)
        return len(left)

    def _remove(self, key: str) -> None:
        with self._asked():
            self._client.delete_object(Bucket=self._bucket, Key=self._key(key))

    def make_bucket(self) -> None:
        """Make the bucket if it is not there."""
        with contextlib.suppress(_ObjectGone):
            with self._asked():
                self._client.head_bucket(Bucket=self._bucket)
            return
        with self._asked():
            self._client.create_bucket(Bucket=self._bucket)

    # --- the home ----------------------------------------------------------------------------------

    def _folder(self, part: str) -> Path:
        return self._home / part

    def _local(self, part: str) -> list[str]:
        """The parts that the home has, of one part or of all missions' of MANY."""
        if part not in MANY:
            return [part]
        found = {f"{part}/{path.name}" for path in (self._home / part).glob("[A-Z][A-Z][A-Z]")}
        states = (self._home / MIRROR).glob(f"{part}.*.json")
        return sorted(found | {path.stem.replace(".", "/", 1) for path in states})

    def _walk(self, part: str) -> Iterator[tuple[str, Path]]:
        """The files of a part that are shared, by their path in it."""
        folder = self._folder(part)
        for place in sorted(folder.rglob("*")):
            path = place.relative_to(folder)
            if part == "build" and path.parts[0] not in _BUILD:
                continue
            hidden = (name for name in path.parts if name.startswith("."))
            if any(part != "releases" or not name.startswith(_INSIDE) for name in hidden):
                continue
            if place.is_symlink() or place.is_file():
                yield path.as_posix(), place

    def _drop(self, part: str, place: Path) -> None:
        """Remove a file, and the folders that this empties: they are no exports and no releases."""
        _make(place.parent)
        place.unlink()
        for folder in place.parents:
            if folder == self._folder(part) or any(folder.iterdir()):
                return
            folder.rmdir()

    def _state(self, part: str) -> Index | None:
        """What the home last had of a part; None if it was never the store's."""
        try:
            said = json.loads(self._state_file(part).read_text("utf-8"))
        except FileNotFoundError:
            return None
        if said["store"] != self._url:
            raise StoreRefusedError(
                f"{self._home} mirrors {said['store']}, and COUNTERFLOW_STORE is {self._url}: each store has homes "
                f"of its own. {_RUNBOOK}"
            )
        return Index(said["tag"], said["files"])

    def _remember(self, part: str, index: Index) -> None:
        path = self._state_file(part)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        aside.write_text(
            json.dumps({"store": self._url, "tag": index.tag, "files": index.files}), "utf-8"
        )
        os.replace(aside, path)

    def _state_file(self, part: str) -> Path:
        return self._home / MIRROR / f"{part.replace('/', '.')}.json"

    def _seen(self, part: str, index: Index) -> Index:
        """An index with how its files look here, so that a change of one is noticed without reading it."""
        folder = self._folder(part)
        files = {
            path: entry if "link" in entry else {**entry, "seen": _stamp(folder / path)}
            for path, entry in index.files.items()
        }
        return Index(index.tag, files)

    # --- the bucket --------------------------------------------------------------------------------

    def _key(self, key: str) -> str:
        return f"{self._prefix}{key}"

    def _list(self, under: str, flat: bool = False) -> list[tuple[str, str]]:
        """Keys without the prefix and their tags; `flat`: without what lies a folder deeper."""
        found: list[tuple[str, str]] = []
        asked: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._key(under)}
        if flat:
            asked["Delimiter"] = "/"
        with self._asked():
            for page in self._client.get_paginator("list_objects_v2").paginate(**asked):
                for one in page.get("Contents", []):
                    found.append((one["Key"].removeprefix(self._prefix), one["ETag"]))
        return found

    @contextlib.contextmanager
    def _asked(self, part: str = "") -> Iterator[None]:
        """What the store may answer, in our words: a client's own may show an address or a key."""
        import botocore.exceptions as faults
        from boto3.exceptions import Boto3Error

        try:
            yield
        except faults.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in _GONE:
                raise _ObjectGone from None
            if status == 412 or code in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise StoreRefusedError(
                    f"another machine changed {part} meanwhile: this step's work is not shared. Run it again"
                ) from None
            if status >= 500 or status in (408, 429):
                raise StoreUnreachableError(_says(self._url, f"answers {status} {code}")) from None
            raise StoreRefusedError(_says(self._url, f"refuses ({status} {code})")) from None
        except (faults.BotoCoreError, Boto3Error, OSError) as error:
            if isinstance(error, OSError) and error.filename is not None:
                raise  # a file of the home
            raise StoreUnreachableError(
                _says(self._url, f"is not reached ({type(error).__name__})")
            ) from None


class _ObjectGone(Exception):
    """The object is not there."""


def _says(url: str, what: str) -> str:
    return f"the store {url} (COUNTERFLOW_STORE) {what}. {_RUNBOOK}"


def _plain(files: Mapping[str, Entry]) -> dict[str, Entry]:
    """Entries without how the files look in this home."""
    return {
        path: {key: value for key, value in entry.items() if key != "seen"}
        for path, entry in files.items()
    }


def _is_same(had: Entry | None, wanted: Entry, place: Path) -> bool:
    """Whether a file is what the index wants, by what was last seen of it."""
    if had is None:
        return False
    if "link" in wanted:
        return place.is_symlink() and had.get("link") == wanted["link"]
    return (
        had.get("sha256") == wanted["sha256"]
        and not place.is_symlink()
        and had.get("seen") == _stamp(place)
    )


def _stamp(place: Path) -> list[int]:
    found = place.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino]


def _make(folder: Path) -> None:
    """A folder with those above it; hidden ones are the agency's own."""
    if folder.exists():
        if not os.access(folder, os.W_OK):  # a release's, which was closed when it was handed out
            folder.chmod(0o755)
        return
    _make(folder.parent)
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700 if folder.name.startswith((".", "drop")) else 0o777)


def _together(work: Callable[[Any], None], todo: Iterable[Any]) -> None:
    """Transfers at the same time; the first that fails is raised."""
    listed = list(todo)
    if len(listed) < 2:
        for one in listed:
            work(one)
        return
    with ThreadPoolExecutor(min(_THREADS, len(listed))) as pool:
        for done in [pool.submit(work, one) for one in listed]:
            done.result()


@lru_cache(maxsize=4)
def _client(settings: Settings, _process: int) -> Any:
    """A client of the store: a process that was forked makes its own."""
    import boto3
    from botocore.config import Config

    from counterflow import database

    found = database.shared_connection(settings, settings.store_connection)
    if found is None:
        raise ValueError(
            f"there is no connection {settings.store_connection} (COUNTERFLOW_STORE_CONNECTION), by which the store "
            "is reached. See docs/scale.md"
        )
    client = boto3.client(
        "s3",
        endpoint_url=found.word("endpoint_url") or None,
        region_name=found.word("region_name") or None,
        aws_access_key_id=found.login or None,
        aws_secret_access_key=found.password or None,
        verify=found.word("ca_file") or None,
        config=Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"mode": "standard", "max_attempts": 5},
            max_pool_connections=_THREADS * 2,
            s3={"addressing_style": found.word("addressing_style", "path")},
            # not every server reads the checksums that are sent behind a body
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    assert settings.store is not None
    _refuse_versions(client, settings.store)
    return client


def _refuse_versions(client: Any, url: str) -> None:
    """A bucket that keeps old versions keeps whom a purge took out."""
    import botocore.exceptions as faults

    bucket = url.removeprefix("s3://").partition("/")[0]
    try:
        said = client.get_bucket_versioning(Bucket=bucket).get("Status")
    except faults.ClientError:
        return  # the server knows no versions, or does not tell us
    except faults.BotoCoreError as error:
        raise StoreUnreachableError(
            _says(url, f"is not reached ({type(error).__name__})")
        ) from None
    if said == "Enabled":
        raise StoreRefusedError(
            f"the bucket of {url} keeps old versions of its objects: turn versioning off and remove them, or cases "
            "whose consent was withdrawn stay in it. See docs/scale.md"
        )


__all__ = ["Store", "StoreRefusedError", "StoreUnreachableError"]
