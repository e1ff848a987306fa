"""One mission's exports of all nights, with their truth: a `Job` in, files and counts out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

from counterflow.synthetic import answers, defects, forms, nights, notes, people
from counterflow.synthetic.export import Sink, open_sink
from counterflow.synthetic.forms.base import Form, Mission
from counterflow.synthetic.model import Case
from counterflow.synthetic.nights import Event
from counterflow.synthetic.truth import Truth

UNKNOWN_CASE = "0-0-0-{index}"  # a case number no mission gives


@dataclass(frozen=True, slots=True)
class Job:
    """One mission's share of the work."""

    out: Path
    mission: Mission
    size: int
    seed: int
    nights: int
    first_night: date
    planted: dict[int, tuple[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class Delivered:
    """What one mission delivered: cases of the first night, and per night status and reason."""

    mission: str
    cases: int
    rows: int = 0
    statuses: list[tuple[str, str]] = field(default_factory=list)


def deliver(job: Job) -> Delivered:
    """Write the mission's exports and their truth, night by night."""
    form = forms.build(job.mission)
    folder = job.out / "exports" / job.mission.code
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "FORM.txt").write_text(notes.write(form), encoding="utf-8")
    done = Delivered(job.mission.code, job.size)
    last_good: Path | None = None
    for number in range(1, job.nights + 1):
        night = job.first_night + timedelta(days=number - 1)
        path = folder / night.strftime(form.path)
        event = nights.event(number, job.mission.code)
        if event in (Event.FIRST, Event.UPDATE):
            truth = Truth(job.out / "truth" / night.isoformat() / job.mission.code)
            done.rows += write(job, form, number, path, truth)
            truth.close()
            last_good = path
        elif event is Event.SAME and last_good is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(last_good, path)
        elif event is Event.RUBBISH:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(nights.RUBBISH, encoding="ascii")
        elif event is Event.RENAMED:
            write(job, nights.renamed(form), number, path, None)
        elif event is Event.HALF:
            write(job, form, number, path, None, half=True)
        done.statuses.append((str(nights.STATUS[event]), nights.REASON[event]))
    return done


def cases(job: Job, form: Form, number: int) -> Iterator[Case]:
    """The mission's cases as they are on night number `number`, defects included."""
    for index in range(1, job.size + 1):
        citizenship, destination = job.planted.get(index, ("", ""))
        case = people.make(form, job.seed, index, citizenship, destination)
        nights.age(case, form, job.seed, number, job.first_night, index in job.planted)
        if index not in job.planted:
            defects.spoil(form, case, job.seed)
        yield case
    added = nights.new_cases(job.size, job.mission.code, number)
    for index, since in enumerate(added, job.size + 1):
        registered = job.first_night + timedelta(days=since - 1 - index % 4)
        yield people.make(form, job.seed, index, registered=registered)


def write(
    job: Job, form: Form, number: int, path: Path, truth: Truth | None, half: bool = False
) -> int:
    """Write one export; its number of case rows. Without `truth` nobody needs to know."""
    sink = open_sink(form, path)
    held: list[Case] = []  # second rows of repeated and conflicting cases, at the end of the file
    for case in cases(job, form, number):
        if half and case.index > job.size // 2:
            break
        _write_case(form, case, sink, truth)
        if case.copies:
            held.append(case)
    for case in held:
        _write_copy(form, case, job, sink, truth)
    blanks = sink.close()
    if truth is not None:
        for row in blanks:
            truth.fate("case", row, "", "blank")
    return job.size


def _write_case(form: Form, case: Case, sink: Sink, truth: Truth | None) -> None:
    outcome, rule, reason = case.outcome
    number = "" if "case.key" in case.bad else case.number
    for source, cells, own_rule in form.lines(case):
        row = sink.line(source, cells)
        if truth is None:
            continue
        if source == "case" or outcome == "withheld":
            truth.fate(source, row, number, outcome, rule if source == "case" else "", reason)
        elif outcome == "quarantined":
            truth.fate(source, row, number, outcome, "parent_quarantined")
        else:
            truth.fate(source, row, number, "quarantined" if own_rule else "accepted", own_rule)
    if truth is not None and outcome == "accepted":
        for table, answer in answers.rows(form, case):
            truth.add(table, answer)
    if case.blank_after:
        source = list(form.sources)[case.index % len(form.sources)]
        blank = sink.blank(source)
        if truth is not None and blank is not None:
            truth.fate(source, blank, "", "blank")
    if case.orphan:
        _write_orphan(form, case, sink, truth)


def _write_copy(form: Form, case: Case, job: Job, sink: Sink, truth: Truth | None) -> None:
    """The case row once more: the same, or with another answer to one question."""
    copy = replace(case, rng=people.stream(job.seed, job.mission.code, case.index, "spelling"))
    outcome, rule, reason = case.outcome
    if case.copies == "conflict":
        copy.gender = "masculine" if case.gender == "feminine" else "feminine"
    elif outcome == "accepted":
        outcome, rule = "quarantined", "case.key_repeat"
    cells = [column.fill(form, copy, copy) for column in form.sources["case"]]
    row = sink.line("case", cells)
    if truth is not None:
        truth.fate("case", row, case.number, outcome, rule, reason)


def _write_orphan(form: Form, case: Case, sink: Sink, truth: Truth | None) -> None:
    """A child row of a case that is not in the export, or of no case at all."""
    nobody = case.orphan == "nobody"
    source = "assistance" if nobody else case.orphan
    number = "" if nobody else UNKNOWN_CASE.format(index=case.index)
    stray = replace(
        case,
        number=number,
        bad={},
        exploitations=case.exploitations[:1],
        legs=case.legs[:1],
        services=case.services[:1],
        screenings=case.screenings[:1],
        referrals=case.referrals[:1],
    )
    rule = f"{source}.case_present" if nobody else f"{source}.case_known"
    for place, cells, _ in form.lines(stray):
        if place == source:
            row = sink.line(source, cells)
            if truth is not None:
                truth.fate(source, row, number, "quarantined", rule)
