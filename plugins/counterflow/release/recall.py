"""What a kept release does when a person's consent ends, or the keys change.

In: case keys. Out: releases without the rows that look like those persons', in every format, as a new revision; and
an inside that remembers how many left, and not who.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Protocol

import duckdb

from counterflow.release import describe, folder, formats, inside, ledger, places
from counterflow.release.cells import Cells
from counterflow.release.inside import Inside
from counterflow.release.microdata import Class, Rows, diversify
from counterflow.sealing import Seal, SealRefusedError
from counterflow.settings import Settings
from counterflow.warehouse.manifest import published_night


def forget(settings: Settings, mission: str, case_keys: Set[str], night: date | None = None) -> int:
    """Take these cases of `mission`, and whoever is shown with them, out of every kept release.

    The rows that are shown with a case, k of them at least, leave together, so the difference to the revision before
    shows no one. Counts stay as they are: each is of many, and a changed one would say more than an unchanged one. A
    candidate that has one of the cases is taken away. Returns how many rows of microdata were removed.
    """
    if not settings.releases.exists() or not case_keys:
        return 0
    seal = Seal.of(settings)
    removed = 0
    with places.locked(settings) as releases:
        waiting = places.pending(releases)
        if waiting:
            kept = inside.read(places.inside_of_candidate(releases, waiting), seal)
            if not kept.cases.isdisjoint(case_keys):
                reason = f"a consent behind it ended in {mission}: build it again"
                ledger.append(releases, "abandoned", waiting, reason=reason)
                places.discard(releases, waiting)
        when = night or published_night(settings)
        for number in places.released(releases):
            removed += _forget_in(releases, number, seal, case_keys, when)
    return removed


def _forget_in(releases: Path, number: str, seal: Seal, gone: Set[str], night: date | None) -> int:
    where = inside.folder(releases, number)
    kept = inside.read(where, seal)
    if kept.cases.isdisjoint(gone):
        return 0
    leaving = [one for one in kept.classes if one.is_shown and not one.cases.isdisjoint(gone)]
    material = folder.read(releases / number)
    policy = material.about.policy
    classes = diversify([_without(one, gone) for one in kept.classes], None, policy)
    rows = sum(len(one.cases) for one in leaving)
    if leaving:
        revision = len(material.about.revisions) + 1
        told = {"revision": revision, "night": str(night), "rows_removed": rows}
        about = replace(material.about, revisions=(*material.about.revisions, told))
        made = Rows(kept.columns, tuple(classes), frozenset())
        tables = {describe.MICRODATA: made.table}
        tables |= {name: material.table(name) for name in policy.tables}
        aside = releases / f".making-{number}"
        folder.write(aside, about, tables)
        formats.freeze(aside)
        places.swap(releases, number, aside)
        standing = ledger.standing(releases, number) or {}
        ledger.append(
            releases,
            "revised",
            number,
            **told,
            digest=places.digest(releases / number),
            policy_sha256=standing.get("policy_sha256"),
            files=describe.sums(releases / number),
        )
    cells = _cells_without(kept.cells, gone)
    inside.write(replace(kept, classes=tuple(classes), cells=cells), where, seal)
    return rows


def _without(one: Class, gone: Set[str]) -> Class:
    left = len(one.cases & gone)
    if not left:
        return one
    return replace(one, cases=one.cases - gone, departures=one.departures + left, is_shown=False)


def _cells_without(cells: Cells, gone: Set[str]) -> Cells:
    """The cells without these cases: each remembers how many left it."""
    with duckdb.connect() as connection:
        for name, table in (("said", cells.values), ("members", cells.cases), ("keys", cells.keys)):
            connection.register(name, table)
        connection.execute("create table gone (case_key varchar)")
        connection.executemany("insert into gone values (?)", [[case] for case in sorted(gone)])
        connection.execute(
            "create table left_cells as select m.id, count(*) as n from members as m join keys using (place) "
            "join gone using (case_key) group by m.id"
        )
        values = connection.execute(
            'select s.cell, s."count", s.departures + coalesce(l.n, 0) as departures from said as s '
            "left join left_cells as l on l.id = md5_number_lower(s.cell) order by s.cell"
        ).to_arrow_table()
        cases = connection.execute(
            "select m.id, m.place from members as m join keys using (place) "
            "anti join gone using (case_key) order by all"
        ).to_arrow_table()
        keys = connection.execute(
            "select place, case_key from keys anti join gone using (case_key) order by place"
        ).to_arrow_table()
    return Cells(values.cast(cells.values.schema), cases, keys, Counter())


class Change(Protocol):
    """What a rotation of the keys says: the seal that was, and the one that will be."""

    @property
    def before(self) -> Seal:
        """What inside files are sealed with until it has come to them."""

    @property
    def after(self) -> Seal:
        """What they are sealed with from then on."""


def rekey(settings: Settings, mapping: Mapping[str, str], change: Change | None = None) -> int:
    """Give the cases that are remembered inside their new keys, and seal them anew; of how many releases.

    A case that the mapping has neither as an old nor as a new key is nowhere else any more: it is reduced to
    a number, as one that left. Done again after a kill, it goes on where it stopped.
    """
    if not settings.releases.exists():
        return 0
    done = 0
    with places.locked(settings) as releases:
        waiting = places.pending(releases)
        where = [inside.folder(releases, number) for number in inside.numbers(releases)]
        where += [places.inside_of_candidate(releases, waiting)] if waiting else []
        for path in where:
            before, after = (change.before, change.after) if change else (Seal.of(settings),) * 2
            try:
                kept = inside.read(path, before)
            except SealRefusedError:
                kept = inside.read(path, after)  # an earlier run came as far as this
            lost = kept.cases - mapping.keys() - set(mapping.values())
            if lost:
                classes = tuple(_fewer(one, lost) for one in kept.classes)
                kept = replace(kept, classes=classes, cells=_cells_without(kept.cells, lost))
            inside.write(_rekeyed(kept, mapping), path, after)
            done += 1
    return done


def _fewer(one: Class, lost: Set[str]) -> Class:
    left = len(one.cases & lost)
    return replace(one, cases=one.cases - lost, departures=one.departures + left) if left else one


def _rekeyed(kept: Inside, mapping: Mapping[str, str]) -> Inside:
    classes = tuple(
        replace(one, cases=frozenset(mapping.get(case, case) for case in one.cases))
        for one in kept.classes
    )
    keys = kept.cells.keys
    place = keys.schema.get_field_index("case_key")
    named = [mapping.get(case, case) for case in keys["case_key"].to_pylist()]
    keys = keys.set_column(place, "case_key", [named])
    return replace(kept, classes=classes, cells=replace(kept.cells, keys=keys))
