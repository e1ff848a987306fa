"""A candidate for a release: from the published warehouse to a folder that has passed every gate.

In: settings and the policy. Out: a `Candidate` that waits for a person's decision, and its line in the ledger.
Nothing that a gate stops is left behind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from counterflow import disk, keys
from counterflow.locks import refresh
from counterflow.release import (
    about,
    cells,
    contents,
    folder,
    formats,
    gates,
    inside,
    ledger,
    microdata,
    places,
)
from counterflow.release import policy as policies
from counterflow.release.describe import MICRODATA
from counterflow.release.errors import ReleaseRefused
from counterflow.release.inside import Inside
from counterflow.release.losses import losses
from counterflow.release.microdata import Earlier
from counterflow.release.policy import ReleasePolicy
from counterflow.sealing import Seal
from counterflow.settings import PROJECT, Settings
from counterflow.warehouse.gates import GateResult
from counterflow.warehouse.manifest import published_night

_NUMBER = re.compile(r"[0-9]{3,}")
STEPS = ("cases", "microdata", "tables", "files", "gates")
Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Built:
    """A candidate: counts only, for logs, XCom and whoever decides."""

    number: str
    night: str
    digest: str
    counts: Mapping[str, int | float]
    gates: tuple[GateResult, ...]

    def to_dict(self) -> dict[str, Any]:
        """For XCom and `--json`."""
        return {**asdict(self), "gates": [gate.to_dict() for gate in self.gates]}

    @property
    def text(self) -> str:
        """What a person decides on, in Markdown."""
        lines = [f"Release {self.number}, as of the night of {self.night}", ""]
        lines += ["| | |", "|---|---|"]
        lines += [f"| {name} | {value:,} |" for name, value in self.counts.items()]
        lines += ["", "| gate | result |", "|---|---|"]
        lines += [f"| {gate.gate} | {gate.detail} |" for gate in self.gates]
        return "\n".join([*lines, "", f"Candidate {self.digest[:16]}"])


def build(
    settings: Settings,
    policy: ReleasePolicy | None = None,
    number: str | None = None,
    replace: bool = False,
    told: Told = lambda *_: None,
) -> Built:
    """Make the next candidate and run its gates. Raises ReleaseRefused, and leaves nothing, if it may not be released."""
    chosen = policies.checked(policy) if policy else policies.load()
    refresh(settings.build_lock)
    seal = Seal.of(settings)
    night = published_night(settings)
    if night is None or not (settings.warehouse / "warehouse.duckdb").exists():
        raise ReleaseRefused("nothing has been published: run `counterflow nightly` first")
    with places.locked(settings) as releases:
        chain = ledger.broken(releases)
        if chain:
            raise ReleaseRefused(
                f"the ledger is not whole ({chain[0]}): restore releases/{ledger.FILE} from its backup"
            )
        name = number or places.following(releases)
        if not _NUMBER.fullmatch(name):
            raise ReleaseRefused(f"{name!r} is no number of a release: write three digits, as 007")
        if (releases / name).exists() or any(
            e["event"] == "released" for e in ledger.of(releases, name)
        ):
            raise ReleaseRefused(
                f"the number {name} is taken: a release is never made anew; leave --number out for the next"
            )
        waiting = places.pending(releases)
        if waiting and not replace:
            raise ReleaseRefused(
                f"candidate {waiting} waits for a decision: approve or reject it, or take its place with --replace"
            )
        if waiting:
            ledger.append(releases, "abandoned", waiting, reason="another candidate took its place")
            places.discard(releases, waiting)
        try:
            return _built(settings, releases, seal, chosen, name, night, told)
        except BaseException:
            places.discard(releases, name)
            raise


def _built(
    settings: Settings,
    releases: Path,
    seal: Seal,
    policy: ReleasePolicy,
    number: str,
    night: Any,
    told: Told,
) -> Built:
    started = time.monotonic()
    with attached(settings) as connection:
        told("cases", 0, 1)
        contents.define(connection)
        contents.profile(connection, list(policy.columns))
        base = connection.execute("select * from release_case order by case_key").to_arrow_table()
        if base.num_rows < policy.floor_cases:
            raise ReleaseRefused(
                f"{base.num_rows} accepted cases, and a release needs {policy.floor_cases}: of so few, what is left would single persons out"
            )
        told("cases", 1, 1)
        last = last_inside(releases, seal)
        told("microdata", 0, 1)
        earlier = earlier_rows(releases, seal)
        columns = policy.released()
        before = microdata.recolumned(last.classes, last.columns, columns) if last else ()
        rows = microdata.make(base, policy, int(number), before, [e for _, e in earlier])
        told("microdata", 1, 1)
        told("tables", 0, 1)
        key = keys.derive(keys.keyring(settings).master, keys.AGENCY, "release")
        counted = cells.make(connection, policy, key, last.cells if last else None)
        tables = {MICRODATA: rows.table} | cells.published(connection, policy, counted.values)
        told("tables", 1, 1)
        said = about.about(connection, number, night, policy, code_version())
    told("files", 0, 1)
    aside = releases / f".making-{number}"
    shutil.rmtree(aside, ignore_errors=True)
    folder.write(aside, said, tables)
    os.chmod(aside, 0o700)
    made = Inside(columns, rows.classes, counted, gates.rows_of(tables[MICRODATA]))
    inside.write(made, places.inside_of_candidate(releases, number), seal)
    disk.replace(aside, places.candidate(releases, number))
    told("files", 1, 1)
    told("gates", 0, 1)
    results = check(settings, releases, seal, places.candidate(releases, number), made)
    told("gates", 1, 1)
    shown = tables[MICRODATA].num_rows
    lost = losses(tables[MICRODATA], policy)
    counts: dict[str, int | float] = {
        "accepted cases": base.num_rows,
        "rows of the microdata": shown,
        "cases not shown": base.num_rows - shown,
        "classes": len(rows.shown),
        "cells that show nothing, %": round(
            100 * sum(one.suppressed for one in lost) / len(lost), 1
        ),
        **{name: int(count) for name, count in sorted((rows.notes + counted.notes).items())},
        "seconds": round(time.monotonic() - started, 1),
    }
    held = places.digest(places.candidate(releases, number))
    entry = {
        "night": night,
        "digest": held,
        "policy_sha256": policy.digest,
        "k": policy.k,
        "l": policy.l,
        "minimum_cell": policy.minimum_cell,
        "method": policy.method,
        "version": said.version,
        "key_id": seal.key_id,
        "counts": counts,
        "gates": [r.to_dict() for r in results],
    }
    if any(not result.passed for result in results):
        ledger.append(releases, "refused", number, **entry)
        raise gates.GatesFailed(results)
    ledger.append(releases, "candidate", number, **entry)
    return Built(number, str(night), held, counts, tuple(results))


def check(
    settings: Settings, releases: Path, seal: Seal, where: Path, made: Inside
) -> list[GateResult]:
    """All gates on a folder, against the releases before it and the warehouse as it is now."""
    try:
        material = folder.read(where)
    except ValueError as error:
        return [GateResult("files", False, str(error))]
    with attached(settings) as connection:
        accepted = connection.execute("select case_key from published.core.fct_case").fetchall()
    numbers = places.released(releases)
    last_tables: dict[str, pa.Table] = {}
    if numbers:
        old = about.read(releases / numbers[-1]).policy
        last_tables = {
            n: formats.read(releases / numbers[-1] / "data", n, "csv") for n in old.tables
        }
    return gates.run(
        gates.Candidate(
            material,
            made,
            last_inside(releases, seal),
            last_tables,
            earlier_rows(releases, seal),
            frozenset(case for (case,) in accepted),
        )
    )


@contextmanager
def attached(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in memory with the published warehouse as `published`, read-only.

    The candidate may have been made on another machine, and this one know nothing of the warehouse yet.
    """
    refresh(settings.build_lock)
    with duckdb.connect() as connection:
        seal = Seal.of(settings)
        seal.attach(connection, settings.warehouse / "warehouse.duckdb", "published")
        yield connection


def last_inside(releases: Path, seal: Seal) -> Inside | None:
    """What is remembered of the last release."""
    numbers = places.released(releases)
    return inside.read(inside.folder(releases, numbers[-1]), seal) if numbers else None


def earlier_rows(releases: Path, seal: Seal) -> list[tuple[str, Earlier]]:
    """The microdata of every earlier release: as first handed out, which somebody may have kept, and as it is."""
    found = []
    for number in places.released(releases):
        kept = inside.read(inside.folder(releases, number), seal)
        now = formats.read(releases / number / "data", MICRODATA, "csv")
        found.append((number, Earlier(kept.columns, kept.rows)))
        if (rows := gates.rows_of(now)) != kept.rows:
            found.append((number, Earlier(tuple(now.column_names), rows)))
    return found


def code_version() -> str:
    """What made it: the package's version, and the commit where there is one."""
    told = version("counterflow")
    done = subprocess.run(
        ["git", "-C", str(PROJECT), "describe", "--always", "--dirty", "--abbrev=10"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    commit = done.stdout.strip()
    return f"{told} ({commit})" if done.returncode == 0 and commit else told
