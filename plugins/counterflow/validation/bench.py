"""`make bench-validation`: one row of each kind beside GX's plain forms, pandera and dbt, in one run.

In: the exports that a night of made-up cases landed, and the real suites. Out: a section of docs/benchmarks.md with
seconds, CPU seconds and whether verdicts and failing rows are the same. Each round does every form once, one after
the other; the first round is a warm-up and does not count. pandera has an environment of its own, from
`tests/peers/pandera.lock`.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from counterflow import local, nightly
from counterflow.bench.world import World
from counterflow.judging import landed_exports
from counterflow.keys import init
from counterflow.missions import keyring
from counterflow.sealing import Seal
from counterflow.settings import PROJECT, Settings
from counterflow.validation import frames, gx
from counterflow.validation.judge import judge
from counterflow.validation.rules import Suite, load_suites

PAGE = PROJECT / "docs" / "benchmarks.md"
HEADING = "## Validation"
LOCK = PROJECT / "tests" / "peers" / "pandera.lock"
NIGHT = date(2010, 11, 25)
TABLES = ("case", "assistance", "control", "citizenship", "recruitment", "route_leg")
TARGET = 8.0
LARGE = 1_600_000
SUMMARY = {"result_format": "SUMMARY", "partial_unexpected_count": 0}
PLAIN = {"result_format": "COMPLETE"}
NAMED = {"result_format": "COMPLETE", "unexpected_index_column_names": ["row_id"]}
OURS = "one row of each kind (what a night does)"
COMPLETE = "GX, COMPLETE, all rows"

Rows = dict[str, list[Any]]  # rule -> how many rows fail, and a hash of which


@dataclass(slots=True)
class Work:
    """One table: all that each form needs, made before anything is timed."""

    suite: Suite
    prepared: dict[str, frames.Prepared]
    data: Any  # pandas, all missions; `row_id` is the place


@dataclass(slots=True)
class Form:
    """One way of judging, and what it took."""

    name: str
    run: Callable[[], dict[str, Any]]
    says: str
    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rows: Rows = field(default_factory=dict)


@dataclass(slots=True)
class Sized:
    """What was measured on so many cases; `rows` by table."""

    cases: int
    rows: dict[str, int]
    critical: set[str]
    rules: int
    rounds: int
    forms: list[Form]


def main() -> int:
    """Measure and write the section; 0 even if the target is missed: the page says so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, nargs="+", default=[160_000, LARGE])
    parser.add_argument("--repeat", type=int, default=5, help=f"of {LARGE:,} cases or more: once")
    parser.add_argument("--folder", type=Path, default=PROJECT / "var" / "bench", help="of exports")
    options = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory(prefix="counterflow-validation-") as folder:
        python = _environment(Path(folder))
        for cases in options.cases:
            rounds = 1 if cases >= LARGE else options.repeat
            found.append(_sized(Path(folder), python, World.of(options.folder, cases), rounds))
    section = _section(found)
    PAGE.write_text(with_section(PAGE.read_text("utf-8"), section), "utf-8")
    print(section)
    return 0


def _sized(folder: Path, python: Path, world: World, rounds: int) -> Sized:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        work = _work(_landed(Path(own) / "home", world))
        forms = _measured(Path(own), python, work, rounds)
        rules = {r: rule.severity for one in work for r, rule in one.suite.rules.items()}
        return Sized(
            world.cases,
            {one.suite.name: len(one.data) for one in work},
            {rule for rule, severity in rules.items() if severity == "critical"},
            sum(len(one.suite.expectations) for one in work),
            rounds,
            forms,
        )


def with_section(page: str, section: str) -> str:
    """The page with this section in the place of the one before, or at its end; all others stay."""
    before, _, after = page.partition(HEADING)
    _, more, rest = after.partition("\n## ")
    return before.rstrip() + "\n\n" + section + (more + rest)


def _landed(home: Path, world: World) -> Settings:
    """A home in which the first night of `world` has landed and nothing is judged."""
    settings = dataclasses.replace(world.settings(), home=home)
    init(settings.keys)
    planned = nightly.plan(settings, NIGHT)
    local._ingest(settings, NIGHT, planned.changed, False, lambda *_: None)
    return settings


def _work(settings: Settings) -> list[Work]:
    ring = keyring(settings)
    todo = list(nightly._to_judge(settings, NIGHT, None, lambda record: record.tried))
    exports = landed_exports(settings, ring, Seal(ring.master, ring.key_id), todo)
    codes = [frames.code_lookup(export.code_map) for export in exports]
    book = load_suites(settings.expectations)
    work = []
    for name in TABLES:
        suite = book[name]
        prepared = {
            export.mission_code: frames.prepared(export, suite, known)
            for export, known in zip(exports, codes, strict=True)
        }
        work.append(Work(suite, prepared, whole(prepared.values())))
    return work


def whole(parts: Iterable[frames.Prepared]) -> Any:
    """The rows of all missions as pandas; `row_id` is a row's place."""
    data = pa.concat_tables([_plain(one.data) for one in parts]).to_pandas(date_as_object=False)
    data["row_id"] = np.arange(len(data))
    return data


def _plain(table: pa.Table) -> pa.Table:
    """Texts as texts, as anybody has them."""
    types = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, types, strict=True))))


def _measured(folder: Path, python: Path, work: Sequence[Work], rounds: int) -> list[Form]:
    shared = folder / "peers"
    shared.mkdir()
    for one in work:
        pq.write_table(
            pa.Table.from_pandas(one.data, preserve_index=False),
            shared / f"{one.suite.name}.parquet",
        )
        file = PROJECT / "expectations" / f"{one.suite.name}.json"
        (shared / file.name).write_bytes(file.read_bytes())
    here = Path(__file__).parent
    pandera = _Peer(python, here / "peer_pandera.py", shared)
    dbt = _Peer(Path(sys.executable), here / "peer_dbt.py", shared)
    forms = [
        Form(OURS, _timed(lambda: _ours(work)), "ids of rows"),
        Form(
            "GX, two passes: SUMMARY, ids of failed rules",
            _timed(lambda: _two(work)),
            "ids of rows",
        ),
        Form(COMPLETE, _timed(lambda: _whole(work, PLAIN)), "ids of rows, values"),
        Form(
            "GX, COMPLETE, `unexpected_index_column_names`",
            _timed(lambda: _whole(work, NAMED)),
            "ids of rows, values",
        ),
        Form("pandera, `lazy=True`", pandera.run, "ids of rows, values"),
        Form("dbt test", dbt.run, "counts; rows only if stored"),
    ]
    warm = 1 if rounds > 1 else 0
    for number in range(warm + rounds):
        for form in forms:
            took = form.run()
            print(
                number,
                form.name,
                f"{took['seconds']:.2f} s, CPU {took['cpu']:.2f} s",
                file=sys.stderr,
                flush=True,
            )
            if number >= warm:
                form.seconds.append(took["seconds"])
                form.cpu.append(took["cpu"])
            form.rows = took["rows"]
    for peer in (pandera, dbt):
        peer.end()
    return forms


def _timed(run: Callable[[], Mapping[str, Any]]) -> Callable[[], dict[str, Any]]:
    def timed() -> dict[str, Any]:
        wall, cpu = time.perf_counter(), time.process_time()
        found = run()
        took = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        return {**took, "rows": {rule: _hashed(at) for rule, at in found.items() if len(at)}}

    return timed


def _hashed(places: Any) -> list[Any]:
    at = np.sort(np.asarray(places, dtype=np.int64))
    return [len(at), hashlib.sha256(at.tobytes()).hexdigest()]


def _ours(work: Sequence[Work]) -> dict[str, Any]:
    """From all rows of each mission to the failing ones, in this process alone."""
    found: dict[str, list[Any]] = {}
    for one in work:
        parts = [frames.part_of(mission, one.suite, all_) for mission, all_ in one.prepared.items()]
        start = 0
        judgements = judge(parts, one.suite)
        for part in parts:
            for rule, at in judgements[part.mission_code].failures.items():
                found.setdefault(rule, []).append(at + start)
            start += len(part.source)
    return {rule: np.concatenate(places) for rule, places in found.items()}


def _judged(batch: Any, suite: Suite, places: Sequence[int], form: Mapping[str, Any]) -> list[Any]:
    from great_expectations import ExpectationSuite

    asked = ExpectationSuite(
        name=suite.name, expectations=[gx._form(suite.expectations[n], n) for n in places]
    )
    results = list(batch.validate(asked, result_format=dict(form)).results)
    assert not any(
        gx._read(one.result, one.exception_info).error for one in results if form is not NAMED
    )
    return results


def _whole(work: Sequence[Work], form: Mapping[str, Any]) -> dict[str, Any]:
    """One pass over all rows."""
    found: dict[str, Any] = {}
    for one in work:
        with gx._silence():
            results = _judged(
                gx._batch(one.data), one.suite, range(len(one.suite.expectations)), form
            )
        found |= _ids(one.suite, results)
    return found


def _two(work: Sequence[Work]) -> dict[str, Any]:
    """A summary of all rules, then ids of those that failed: what a night did before."""
    found: dict[str, Any] = {}
    for one in work:
        with gx._silence():
            batch = gx._batch(one.data)
            all_ = _judged(batch, one.suite, range(len(one.suite.expectations)), SUMMARY)
            failed = [
                r.expectation_config.meta["place"] for r in all_ if r.result["unexpected_count"]
            ]
            results = _judged(batch, one.suite, failed, gx.ROW_IDS) if failed else []
        found |= _ids(one.suite, results)
    return found


def _ids(suite: Suite, results: Sequence[Any]) -> dict[str, Any]:
    found = {}
    for one in results:
        rule = suite.expectations[one.expectation_config.meta["place"]]
        ids = one.result.get("unexpected_index_list") or []
        found[rule.rule_id] = [i["row_id"] if isinstance(i, dict) else i for i in ids]
    return found


class _Peer:
    """A peer's process, which runs once for each line that it is given."""

    def __init__(self, python: Path, script: Path, folder: Path) -> None:
        kept = {n: v for n, v in os.environ.items() if n != "PYTHONDONTWRITEBYTECODE"}
        self._process = subprocess.Popen(
            [str(python), "-P", str(script), str(folder)],  # not its folder: it has a `profile`
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=kept | {"DO_NOT_TRACK": "1", "DISABLE_PANDERA_IMPORT_WARNING": "True"},
        )

    def run(self) -> dict[str, Any]:
        """One run."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return dict(json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        """No more runs."""
        self._process.communicate()


def _environment(folder: Path) -> Path:
    """Python with pandera, exactly as locked."""
    python = folder / "pandera" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder / "pandera")], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "--requirement", str(LOCK)], check=True)
    return python


def _section(found: Sequence[Sized]) -> str:
    locked = re.search(r"^pandera==(\S+)", LOCK.read_text("utf-8"), re.MULTILINE)
    versions = f"great-expectations {gx.version()}, pandas {metadata.version('pandas')}, pandera {locked and locked[1]}, "
    versions += (
        f"dbt-core {metadata.version('dbt-core')}, dbt-duckdb {metadata.version('dbt-duckdb')}"
    )
    lines = [
        HEADING,
        "",
        "Written by `make bench-validation`; do not edit. The real suites on what a night of made-up cases landed. Medians of",
        "rounds after a warm-up, or one round; a round does every form once. Importing, reading files and making frames are",
        "not counted. dbt uses all cores and its time holds its own start of a run; the others use one.",
        "",
        f"Machine: {len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.machine()}, Python "
        f"{platform.python_version()}; {versions}.",
    ]
    for one in found:
        lines += _table(one)
    lines += [
        "",
        "Ours gives GX one row of each kind (`validation/kinds.py`): what it takes is mostly that of the rules, some 10 ms each,",
        "and grows little with the rows; so the ratio grows with them. Two passes over all rows, what a night did before, cost",
        "more than one: of these rules half fail somewhere, and those are run twice. Ours gives ids of critical rules only. GX and",
        "pandera hold values of the data in these forms; dbt gives counts of rows, and needs the tables in its database.",
    ]
    return "\n".join(lines) + "\n"


def _table(one: Sized) -> list[str]:
    """What was measured on one number of cases."""
    ours, complete = one.forms[0], next(form for form in one.forms if form.name == COMPLETE)
    ratios = [c / o for c, o in zip(complete.cpu, ours.cpu, strict=True)]
    ratio = statistics.median(ratios)
    rows = ", ".join(f"{name} {count:,}" for name, count in one.rows.items())
    times = f"medians of {one.rounds} rounds" if one.rounds > 1 else "one round"
    lines = [
        "",
        f"{one.cases:,} cases: rows of {rows}; {one.rules} rules; {times}.",
        "",
        "| form | seconds | CPU seconds | CPU ÷ ours (by round) | says | same failing rows as ours |",
        "|---|---|---|---|---|---|",
    ]
    for form in one.forms:
        by_round = statistics.median(c / o for c, o in zip(form.cpu, ours.cpu, strict=True))
        lines.append(
            f"| {form.name} | {statistics.median(form.seconds):.2f} | {statistics.median(form.cpu):.2f} | "
            f"{by_round:.1f} | {form.says} | {_same(form, ours, one.critical)} |"
        )
    verdict = "pass" if ratio >= TARGET else "falls short"
    said = f"; {min(ratios):.1f} to {max(ratios):.1f} over the rounds" if one.rounds > 1 else ""
    return [
        *lines,
        "",
        f"Target, {one.cases:,} cases: plain COMPLETE ÷ ours ≥ {TARGET:g}: **{ratio:.1f}, {verdict}** (CPU seconds{said}).",
    ]


def _same(form: Form, ours: Form, critical: set[str]) -> str:
    if form is ours:
        return ""
    if form.says.startswith("counts"):
        pairs = {r: f[0] for r, f in form.rows.items() if r in critical}
        return (
            "counts: yes" if pairs == {r: f[0] for r, f in ours.rows.items()} else "counts: **no**"
        )
    return "yes" if {r: f for r, f in form.rows.items() if r in critical} == ours.rows else "**no**"


if __name__ == "__main__":
    sys.exit(main())
