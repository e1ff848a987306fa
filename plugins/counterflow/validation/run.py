"""`validate`: landed exports in, one verdict for each out, written beside the export.

The work goes by shards, as many missions as fit a number of rows, and in a shard by tables, which are
shared out among processes: GX costs 10 ms a rule whatever the rows, so its cost must grow with rules, not
with rules x missions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from counterflow.forks import Died, spread
from counterflow.validation import gx, record
from counterflow.validation.errors import told
from counterflow.validation.frames import (
    Codes,
    Part,
    code_lookup,
    landed_rows,
    read_part,
)
from counterflow.validation.judge import Judgement, Result, crashed, judge
from counterflow.validation.model import LandedExport, Reason, Status, Verdict
from counterflow.validation.profile import Profile, profile
from counterflow.validation.rules import PROFILE, Suite, load_suites, rules_hash

# Called after each table of each shard: its name, steps done, steps in all.
Progress = Callable[[str, int, int], None]
_WRITERS = 4  # verdicts that are written at once


@dataclass(slots=True)
class _Case:
    """One export on its way to a verdict."""

    export: LandedExport
    rules: str
    codes: Codes
    counted: dict[str, tuple[int, int]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    failures: list[pa.Table] = field(default_factory=list)
    errors: list[Reason] = field(default_factory=list)
    refusals: list[Reason] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Judged:
    """What was found of one table of one mission."""

    judgement: Judgement
    counted: tuple[int, int] = (0, 0)  # coded values, unmapped values
    failures: tuple[pa.Table, ...] = ()


def validate(
    exports: Sequence[LandedExport],
    suites: Path,
    progress: Progress | None = None,
    max_rows_per_shard: int = 4_000_000,
    workers: int = 1,
) -> list[Verdict]:
    """The verdicts of `exports`, in their order. One mission's failure costs no other anything.

    A verdict already given under the same rules is read, not made again. `workers`: as many processes
    judge tables; what they find does not depend on their number.
    """
    missions = [export.mission_code for export in exports]
    if len(set(missions)) != len(missions):
        raise ValueError("validate() takes one export a mission")
    hashes = {export.mission_code: rules_hash(export, suites) for export in exports}
    verdicts = {
        export.mission_code: verdict
        for export in exports
        if (verdict := record.kept(export, hashes[export.mission_code])) is not None
    }
    todo = [export for export in exports if export.mission_code not in verdicts]
    if todo:
        book = load_suites(suites)
        gx.check(book.values())
        shards = list(_shards(todo, max_rows_per_shard))
        steps = len(shards) * len(book)
        for number, (shard, rows) in enumerate(shards):
            cases = [_Case(e, hashes[e.mission_code], code_lookup(e.code_map)) for e in shard]
            judging = _judge_shard(cases, book, workers, rows > max_rows_per_shard)
            for step, name in enumerate(judging, start=number * len(book) + 1):
                if progress is not None:
                    progress(name, step, steps)
            with ThreadPoolExecutor(_WRITERS) as pool:  # they wait for the disk
                decided = pool.map(_decide, cases)
                verdicts |= {verdict.mission_code: verdict for verdict in decided}
    return [verdicts[mission] for mission in missions]


def _judge_shard(
    cases: Sequence[_Case], book: Mapping[str, Suite], workers: int, is_large: bool
) -> Iterator[str]:
    """Judge all that a shard holds; the name of each table as it is done."""
    found = {}
    suites = [suite for name, suite in book.items() if name != PROFILE]
    for name, judged in _judge_tables(cases, suites, workers, is_large):
        found[name] = judged
        yield name
    for name in (name for name in book if name in found):  # whichever was done first
        for case in cases:
            one = found[name][case.export.mission_code]
            _take(case, book[name], one.judgement)
            case.counted[name] = one.counted
            case.failures.extend(one.failures)
    _judge_profiles(cases, book[PROFILE])
    yield PROFILE


def _judge_tables(
    cases: Sequence[_Case], suites: Sequence[Suite], workers: int, is_large: bool
) -> Iterator[tuple[str, dict[str, _Judged]]]:
    """Each table of all missions. Where a process dies it is judged by halves, until the culprit is alone.

    A table is held whole while it is judged: those of a mission that fills more than a shard go one after the
    other, in a process whose memory goes with it.
    """
    open_: dict[str, int] = {suite.name: 1 for suite in suites}
    found: dict[str, dict[str, _Judged]] = {suite.name: {} for suite in suites}
    work = [(suite, tuple(cases)) for suite in suites]
    while work:
        again: list[tuple[Suite, tuple[_Case, ...]]] = []
        jobs = [partial(_judge_table, some, suite) for suite, some in work]
        for place, judged in spread(*((jobs, 1, _nothing) if is_large else (jobs, workers))):
            suite, some = work[place]
            if isinstance(judged, Died) and len(some) > 1:
                half = len(some) // 2
                again += [(suite, some[:half]), (suite, some[half:])]
                open_[suite.name] += 1
                continue
            if isinstance(judged, Died):
                judged = {some[0].export.mission_code: _Judged(crashed(suite, told(judged)))}
            elif isinstance(judged, BaseException):
                raise judged
            found[suite.name] |= judged
            open_[suite.name] -= 1
            if not open_[suite.name]:
                yield suite.name, found[suite.name]
        work = again


def _nothing() -> None:
    """What this process does while another works for it."""


def _shards(exports: Sequence[LandedExport], most: int) -> Iterator[tuple[list[LandedExport], int]]:
    """Missions in order of their code, as many together as `most` rows allow, at least one; and their rows."""
    shard: list[LandedExport] = []
    rows = 0
    for export in sorted(exports, key=lambda e: e.mission_code):
        own = _rows(export)
        if shard and rows + own > most:
            yield shard, rows
            shard, rows = [], 0
        shard.append(export)
        rows += own
    if shard:
        yield shard, rows


def _rows(export: LandedExport) -> int:
    try:
        return landed_rows(export)
    except Exception:  # noqa: BLE001  # an unreadable file is told of when its table is read
        return 0


def _judge_table(cases: Sequence[_Case], suite: Suite) -> dict[str, _Judged]:
    """Judge one canonical table of all missions of a shard."""
    parts: dict[str, Part] = {}
    judged: dict[str, _Judged] = {}
    for case in cases:
        mission = case.export.mission_code
        try:
            parts[mission] = read_part(case.export, suite, case.codes)
        except Exception as error:  # noqa: BLE001  # one mission's file is not another's problem
            judged[mission] = _Judged(crashed(suite, told(error)))
    judgements = judge(list(parts.values()), suite) if parts else {}
    for mission, judgement in judgements.items():
        part = parts[mission]
        rows = tuple(_failing_rows(part, suite, judgement))
        judged[mission] = _Judged(Judgement(judgement.results), (part.coded, part.unmapped), rows)
    return judged


def _judge_profiles(cases: Sequence[_Case], suite: Suite) -> None:
    """Judge the exports of a shard as wholes."""
    profiles: dict[str, Profile] = {}
    for case in cases:
        try:
            profiles[case.export.mission_code] = profile(case.export, suite, case.counted)
        except Exception as error:  # noqa: BLE001
            _take(case, suite, crashed(suite, told(error)))
    judgements = judge([p.part for p in profiles.values()], suite) if profiles else {}
    for case in cases:
        mission = case.export.mission_code
        if mission in judgements:
            _take(case, suite, judgements[mission])
            case.refusals.extend(_refusals(profiles[mission], suite, judgements[mission]))


def _take(case: _Case, suite: Suite, judgement: Judgement) -> None:
    """Note the results, and a reason for each critical rule that could not run."""
    case.results.extend(judgement.results)
    broken = [r for r in judgement.results if r.error is not None and r.severity == "critical"]
    if broken:
        case.errors.append(
            Reason(
                broken[0].rule_id,
                f"{len(broken)} critical rules on {suite.name} could not run, so nothing is known "
                f"about the data; the last good export stays in force.",
                f"Not the mission's fault: look at landing {case.export.path.name} and at "
                f"expectations/{suite.name}.json ({broken[0].error}), repair, and run the night "
                f"again; nothing needs to be pulled.",
                suite.name,
                {"rules": len(broken), "error": str(broken[0].error)},
            )
        )


def _failing_rows(part: Part, suite: Suite, judgement: Judgement) -> Iterator[pa.Table]:
    for rule_id, places in judgement.failures.items():
        rows = pa.array(places)
        yield pa.table(
            {
                "table_name": pa.array([suite.name] * len(places), pa.string()),
                "source": part.source.take(rows),
                "source_row": part.source_row.take(rows),
                "rule_id": pa.array([rule_id] * len(places), pa.string()),
            }
        )


def _refusals(found: Profile, suite: Suite, judgement: Judgement) -> Iterator[Reason]:
    tables = found.part.source.to_pylist()
    for rule_id, places in judgement.failures.items():
        rule = suite.rules[rule_id]
        for table in (tables[place] for place in places):
            numbers = found.observed.get((table, rule_id), {})
            yield Reason(rule_id, rule.reason, rule.cure, table, numbers)


def _decide(case: _Case) -> Verdict:
    """A rule that could not run wins over a refusal: what was not judged cannot be refused."""
    status, reasons = Status.ACCEPTED, case.errors or case.refusals
    if reasons:
        status = Status.FAILED if case.errors else Status.REFUSED
    failures = record.failure_table(case.failures)
    quarantined = failures.select(["source", "source_row"]).group_by(["source", "source_row"])
    verdict = Verdict(
        case.export.mission_code,
        case.export.path,
        status,
        tuple(reasons),
        case.rules,
        quarantined.aggregate([]).num_rows,
    )
    try:
        record.write(case.export.seal, verdict, case.results, failures)
    except OSError as error:
        unwritten = Reason(
            "verdict.written",
            "The verdict could not be written beside the export, so nobody could read it.",
            "Check that the export's folder exists and that its disk has room; run the night "
            "again.",
            PROFILE,
            {"error": told(error)},
        )
        return replace(verdict, status=Status.FAILED, reasons=(*verdict.reasons, unwritten))
    return verdict
