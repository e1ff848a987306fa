"""The fate of every source row: blank, withheld, or landed with how its case was read.

In: the columns of one source after the other, cases first. Out: `Source`: its keys, the rows that are kept, and
how they were read; counts of the others. Whatever one row of a case has against it holds for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from itertools import compress

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from counterflow import consent as consent_gate
from counterflow.columns import Cells, Mask, Places, gather
from counterflow.contracts import Contract
from counterflow.contracts.model import Header
from counterflow.depersonalise import case_keys
from counterflow.fields import FieldReader
from counterflow.merging import BLANK, OK, survivors
from counterflow.minors import minors
from counterflow.sources.errors import Refused
from counterflow.sources.headers import Columns
from counterflow.suppression import ERASED, whole_persons, withheld_table
from counterflow.text import fold

Texts = npt.NDArray[np.object_]  # one of a few texts per row


@dataclass(slots=True)
class Counts:
    """Rows of an export, counted over its parts; `delivered` and `held_back` by source."""

    read: int = 0
    blank: int = 0
    landed: int = 0
    withheld: dict[str, int] = field(default_factory=dict)  # by reason
    delivered: dict[str, int] = field(default_factory=dict)  # blank ones not among them
    held_back: dict[str, int] = field(default_factory=dict)

    @property
    def cases(self) -> int:
        """Rows of cases that are not blank."""
        return self.delivered.get("case", 0)

    def add(self, source: str, withheld: list[str], blank: Mask) -> None:
        """Count the rows of a source; `withheld`: of each that is, why."""
        for reason, rows in Counter(withheld).items():
            self.withheld[reason] = self.withheld.get(reason, 0) + rows
        blanks = int(blank.sum())
        self.read += len(blank)
        self.blank += blanks
        self.delivered[source] = self.delivered.get(source, 0) + len(blank) - blanks
        self.held_back[source] = self.held_back.get(source, 0) + len(withheld)


@dataclass(slots=True)
class Source:
    """One source with the fate of each of its rows."""

    columns: Columns
    keys: pa.Array  # case key per row, null where there is no case number
    kept: Places  # rows that are landed
    readings: pa.Array  # key_reading or case_reading per row
    owners: pa.Array  # per row the key of the case that what it says in other tables is of
    own: dict[str, pa.Array] = field(default_factory=dict)  # further landed columns of its own rows


def no_rows() -> Refused:
    """The refusal of an export that holds nobody."""
    return Refused(
        "no_rows", "there is not one case in the file", "Ask the mission to export again"
    )


class Gate:
    """The fate of every source row: blank, withheld, or landed with how its case was read."""

    def __init__(
        self, contract: Contract, reader: FieldReader, erased: AbstractSet[str], is_whole: bool
    ) -> None:
        self.contract, self.mission_keys, self.is_whole = contract, reader.keys, is_whole
        self.reader, self.missing, self.erased = reader, reader.missing, erased
        # number → case key: every source has mostly the same cases, and a key costs more than all else of a row
        self.keyed: dict[tuple[str, ...], str | None] = {}
        self.case_reason: dict[str, str] = {}  # case key → why withheld
        self.case_keys: set[str] = set()  # keys of landed case rows
        self.survivors: dict[str, str] = {}  # key of a merged record → key of the case it is of

    def judge(self, name: str, source: Columns, used: list[Cells], counts: Counts) -> Source:
        """Count blank and withheld rows into `counts`; return the rest."""
        numbers = self._numbers(name, source)
        blank = _blank(source, self.contract, name)
        keys, places = self._keys(numbers, source.rows)
        if name == "case" and self.is_whole and blank.all():
            raise no_rows()
        own: dict[str, pa.Array] = {}
        if name == "case":
            reasons, read = self._cases(source, used, keys, places, blank)
            own = self._merge(source, keys, places, blank, reasons, read)
            readings = pa.array(read, pa.string())
        else:
            keys = self._of_survivors(keys)
            reasons, readings = self._children(keys, places)
        withheld = (reasons != consent_gate.GIVEN) & ~blank
        counts.add(name, reasons[withheld].tolist(), blank)
        kept = np.flatnonzero(~blank & ~withheld)
        if name == "case":
            self.case_keys = {keys[place] for place in np.unique(places[kept])} - {None}
        owners = self._of_survivors(keys)
        return Source(
            source,
            gather(pa.array(keys, pa.string()), places),
            kept.astype(np.int64),
            readings,
            gather(pa.array(owners, pa.string()), places),
            own,
        )

    def _of_survivors(self, keys: list[str | None]) -> list[str | None]:
        """The keys, those of merged records replaced by their survivors'."""
        return [self.survivors.get(key, key) if key is not None else None for key in keys]

    def withheld_cases(self) -> pa.Table:
        """The cases that are withheld, by their suppression tokens: for the purge of older exports."""
        return withheld_table(self.mission_keys, self.case_reason)

    def _numbers(self, name: str, source: Columns) -> list[Cells]:
        spec = self.contract.tables[name]
        case = self.contract.tables["case"].key or []
        if spec.key:
            headers = spec.key
        elif spec.records:
            headers = [Header(label=f"^.{header}") for header in case]
        else:
            headers = case
        if not source.table.labels and not source.rows:
            return []
        return [source.need(header) for header in headers]

    def _keys(self, numbers: list[Cells], rows: int) -> tuple[list[str | None], Places]:
        """Distinct case keys, and the place of each row's key among them."""
        if not numbers:
            return [], np.zeros(rows, np.int64)
        if len(numbers) == 1:
            cells = numbers[0]
            return self._keyed([(value,) for value in cells.values]), cells.places
        combined: dict[tuple[int, ...], int] = {}
        places = np.fromiter(
            (
                combined.setdefault(parts, len(combined))
                for parts in zip(*(c.places.tolist() for c in numbers), strict=True)
            ),
            np.int64,
            rows,
        )
        texts = [
            tuple(c.values[p] for c, p in zip(numbers, parts, strict=True)) for parts in combined
        ]
        return self._keyed(texts), places

    def _keyed(self, numbers: list[tuple[str, ...]]) -> list[str | None]:
        """The case key of each number, None where it or a part of it is missing."""
        new = [number for number in numbers if number not in self.keyed]
        told = [all(n) and not any(fold(part) in self.missing for part in n) for n in new]
        keys = iter(case_keys(self.mission_keys, compress(new, told)))
        self.keyed |= {n: next(keys) if one else None for n, one in zip(new, told, strict=True)}
        return [self.keyed[number] for number in numbers]

    def _cases(
        self,
        source: Columns,
        used: list[Cells],
        keys: list[str | None],
        places: Places,
        blank: Mask,
    ) -> tuple[Texts, Texts]:
        """Per row why it is withheld, and how its number was read."""
        spec = self.contract.consent.research
        ages = partial(minors, self.contract, source, self.reader)
        reasons = consent_gate.reasons(spec, source, self.reader, ages)
        told = _of_rows([key is not None for key in keys], places)
        readings = np.where(told, "ok", "blank").astype(object)
        for rows in _repeated(keys, places, blank):
            cells = [tuple(c.places[r] for c in used) for r in rows]
            if len(set(cells)) == 1:
                readings[rows[1:]] = "repeat"
                continue
            readings[rows] = "conflict"
            reasons[rows] = consent_gate.strongest(reasons[rows])
        if self.erased:
            erased = _of_rows([key in self.erased for key in keys], places)
            reasons[erased & ~blank] = ERASED
        for row in np.flatnonzero(~blank & told & (reasons != consent_gate.GIVEN)).tolist():
            self.case_reason[keys[places[row]] or ""] = reasons[row]
        return reasons, readings

    def _merge(
        self,
        source: Columns,
        keys: list[str | None],
        places: Places,
        blank: Mask,
        reasons: Texts,
        readings: Texts,
    ) -> dict[str, pa.Array]:
        """Into which case each record was merged, if any; whatever one of a person's records has
        against it withholds them all, but for an answer that is missing where the survivor has one.

        A number that several different rows claim is not followed: which of them is right is unknown.
        """
        merged = self.contract.tables["case"].merged
        if merged is None:
            return {}
        targets, at = self._keys([source.need(header) for header in merged.from_], source.rows)
        named = [targets[place] for place in at]
        rows = np.flatnonzero(~blank).tolist()
        into = {
            key: target
            for row in rows
            if (key := keys[places[row]]) is not None
            and (target := named[row]) is not None
            and readings[row] != "conflict"
        }
        self.survivors, lost = survivors(into, {k for r in rows if (k := keys[places[r]])})
        # a record that is merged with an erased one is of the same person
        self.erased = whole_persons(self.erased, {key: {target} for key, target in into.items()})
        for row in rows:
            if (key := keys[places[row]]) is not None and key in self.erased:
                reasons[row] = self.case_reason[key] = ERASED
        self._share_reasons()
        found: list[str | None] = [None] * source.rows
        said = [BLANK if target is None else OK for target in named]
        for row in rows:
            key = keys[places[row]]
            if key is None or named[row] is None or readings[row] == "conflict":
                continue
            if key in lost:
                said[row] = lost[key]
                continue
            found[row] = self.survivors[key]
        persons = {*self.survivors, *self.survivors.values()}
        for row in rows:
            key = keys[places[row]]
            if key in persons:
                reasons[row] = self.case_reason.get(key, "")
        return {
            "merged_into_key": pa.array(found, pa.string()),
            "merged_reading": pa.array(said, pa.string()),
        }

    def _share_reasons(self) -> None:
        """Give all records of one person the strongest reason that one of them has."""
        persons: dict[str, list[str]] = {}
        for key, survivor in self.survivors.items():
            persons.setdefault(survivor, [survivor]).append(key)
        for survivor, records in persons.items():
            said = [self.case_reason.get(key, "") for key in records]
            against = [r for r in said if r != consent_gate.SILENCE]
            reason = consent_gate.strongest([*against, self.case_reason.get(survivor, "")])
            for key in records:
                self.case_reason.pop(key, None)
                if reason:
                    self.case_reason[key] = reason

    def _children(self, keys: list[str | None], places: Places) -> tuple[Texts, pa.Array]:
        """Per row why it is withheld, and how its case was read."""
        why = [
            ERASED if key in self.erased else self.case_reason.get(key or "", consent_gate.GIVEN)
            for key in keys
        ]
        read = [
            "blank" if key is None else "ok" if key in self.case_keys else "orphan" for key in keys
        ]
        return np.array(why, object)[places], gather(pa.array(read, pa.string()), places)


def _of_rows(of_keys: list[bool], places: Places) -> Mask:
    """What holds of each row's key."""
    return np.array(of_keys, np.bool_)[places]


def _repeated(keys: list[str | None], places: Places, blank: Mask) -> list[list[int]]:
    """The rows, in file order, of each case key that stands on more than one."""
    numbers: dict[str, int] = {}
    of_keys = [-1 if key is None else numbers.setdefault(key, len(numbers)) for key in keys]
    of_rows = np.where(blank, -1, np.array(of_keys, np.int64)[places])
    used = of_rows >= 0
    often = np.bincount(of_rows[used], minlength=len(numbers)) > 1
    by_key: dict[int, list[int]] = {}
    for row in np.flatnonzero(used)[often[of_rows[used]]].tolist():
        by_key.setdefault(int(of_rows[row]), []).append(row)
    return list(by_key.values())


def _blank(source: Columns, contract: Contract, name: str) -> Mask:
    """Rows in which every cell is empty, but for columns that the contract ignores."""
    ignored = {
        source.find(header)
        for table_name, spec in contract.tables.items()
        if (table_name if spec.own_rows else "case") == name
        for header in spec.ignored
    }
    filled = np.zeros(source.rows, np.bool_)
    for place, column in enumerate(source.table.columns):
        if filled.all():
            break
        if place not in ignored:
            filled |= (source.cells(place) if place in source.taken else Cells.of(column)).filled()
    return ~filled
