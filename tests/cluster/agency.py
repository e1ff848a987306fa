"""An agency as it is in the field: each mission on a server of its own kind, and locked in a way of its own.

In: plain exports and the contracts of the repository. Out: copies of the contracts that say how each export is
locked, the locked exports, and the keys that open them. Servers and locks are dealt out so that every kind
of lock arrives over every kind of server.
"""

from __future__ import annotations

import io
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterflow import contracts
from counterflow.settings import PROJECT
from tests import locks
from tests.servers.nginx import nginx
from tests.servers.s3 import s3
from tests.servers.sshd import sshd
from tests.sources.linked import over_https, over_s3, over_sftp

TRANSPORTS = ("SFTP", "S3", "HTTPS")
PLAIN = "none"
FORM = "FORM.txt"  # of the synthetic exports, for people


@dataclass(frozen=True)
class Field:
    """`keys` are texts by the name in a contract; `ways` a mission's transport and lock."""

    missions: Path
    exports: Path
    keys: Mapping[str, str]
    ways: Mapping[str, tuple[str, str]]

    def said(self) -> str:
        """How many missions arrive in which way, as a table."""
        count = Counter(self.ways.values())
        kinds = sorted({lock for _, lock in count})
        lines = [f"{'':<6}" + "".join(f"{kind:>10}" for kind in kinds)]
        for transport in TRANSPORTS:
            lines.append(f"{transport:<6}" + "".join(f"{count[transport, k]:>10}" for k in kinds))
        return "\n".join(lines)

    def variables(self) -> dict[str, str]:
        """The keys, as Airflow's secrets backends hold them."""
        return {f"counterflow_export_{name}": text for name, text in self.keys.items()}


def locked(root: Path, exports: Path, missions: Sequence[str]) -> Field:
    """Lock the exports of these missions, and say so in copies of their contracts."""
    copied = root / "missions"
    shutil.copytree(PROJECT / "dags" / "missions", copied)
    keys: dict[str, str] = {}
    ways: dict[str, tuple[str, str]] = {}
    turns: Counter[Any] = Counter()
    for mission in missions:
        source = contracts.load_contract(copied / f"{mission}.yml").source
        files = [path for path in _files(exports / mission) if path.name != FORM]
        possible = _possible(source, all(zipfile.is_zipfile(path) for path in files))
        lock = possible[turns[possible] % len(possible)]
        turns[possible] += 1
        ways[mission] = (TRANSPORTS[turns[lock] % 3], lock)
        turns[lock] += 1
        key = f"{mission.lower()}_2026"
        if lock != PLAIN:
            keys[key] = _key(lock, key)
            _say(copied / f"{mission}.yml", lock, key)
        for path in files:
            there = root / "locked" / path.relative_to(exports)
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(_locked(path.read_bytes(), lock, key))
    return Field(copied, root / "locked", keys, ways)


def _files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def _possible(source: Any, is_whole: bool) -> tuple[str, ...]:
    """The locks that an export of this kind can have; one in each kind's turn stays without.

    A file that is damaged on purpose has no inside to lock; OpenPGP and age lock whatever bytes there are.
    """
    own: tuple[str, ...] = ()
    if is_whole:
        own = ("zip",) if source.archive else ("workbook",) if source.format == "xlsx" else ()
    return (*own, "pgp", "age", *own, PLAIN)


def _key(lock: str, name: str) -> str:
    if lock == "pgp":
        return str(locks.pgp_key(name))
    if lock == "age":
        return str(locks.identity(name))
    return f"{locks.PHRASE}-{name}"


def _locked(data: bytes, lock: str, name: str) -> bytes:
    if lock == "pgp":
        return locks.pgp(data, name)
    if lock == "age":
        return locks.age(data, name)
    if lock == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as plain:
            files = {one: plain.read(one) for one in plain.namelist()}
        return locks.aes_zip(files, _key(lock, name))
    return locks.locked_workbook(data, _key(lock, name)) if lock == "workbook" else data


def _say(path: Path, lock: str, key: str) -> None:
    """One line more in the contract, below its connection."""
    lines = path.read_text("utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if line.strip().startswith("connection:"))
    lines.insert(at + 1, f"  encryption: {{{lock}: {key}}}")
    path.write_text("\n".join(lines) + "\n", "utf-8")


@contextmanager
def served(field: Field) -> Iterator[dict[str, Any]]:
    """The three servers with the locked exports, and the missions' connections to them."""
    with ExitStack() as stack:
        servers = [stack.enter_context(one) for one in (sshd(), s3("exports"), nginx())]
        made = [over_sftp(servers[0]), over_s3(servers[1]), over_https(servers[2])]
        known = {}
        for mission, (transport, _) in field.ways.items():
            at = TRANSPORTS.index(transport)
            contract = contracts.load_contract(field.missions / f"{mission}.yml")
            known[contract.source.connection] = made[at]
            for path in _files(field.exports / mission):
                servers[at].put(str(path.relative_to(field.exports)), path.read_bytes())
        yield known
