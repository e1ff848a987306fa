"""One mission's export, from bytes to de-personalised tables: the only code that sees a person.

In: the bytes, the contract, the mission's keys and the night. Out: parts and their totals: the canonical
tables with keyed case keys, bands and local codes, and counts of what was blank or withheld. Pure: no
file, no clock, no log. Everything not asked for by the contract is dropped by never being taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from datetime import date
from functools import partial
from itertools import compress

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from counterflow import consent as consent_gate
from counterflow.building import TableBuilder
from counterflow.canonical import TABLES
from counterflow.columns import Cells, Mask, Places, gather
from counterflow.contracts import Contract
from counterflow.contracts.model import Header
from counterflow.depersonalise import MissionKeys, case_keys
from counterflow.fields import FieldReader, Signals
from counterflow.merging import BLANK, OK, survivors
from counterflow.minors import minors
from counterflow.profile import Profile
from counterflow.sources.errors import Refused
from counterflow.sources.headers import Columns
from counterflow.sources.parts import PART, can_be_parted, read_parts
from counterflow.sources.readers import read_tables
from counterflow.sources.tables import TextTable
from counterflow.sources.unlocking import Means, open_export
from counterflow.suppression import ERASED, WITHHELD_SCHEMA, together, whole_persons, withheld_table
from counterflow.text import fold

Texts = npt.NDArray[np.object_]  # one of a few texts per row
ROWS_SCHEMA = pa.schema(
    [
        ("mission_code", pa.string()),
        ("source", pa.string()),
        ("source_row", pa.int64()),
        ("case_key", pa.string()),
    ]
)


@dataclass(slots=True)
class Part:
    """What is landed of some cases of an export; of a large one there are several, of most there is one."""

    tables: dict[str, pa.Table]
    rows: pa.Table
    withheld_cases: pa.Table = field(default_factory=WITHHELD_SCHEMA.empty_table)  # tokens only


@dataclass(slots=True)
class Totals:
    """What is told of an export when all of its parts are landed. `withheld` counts source rows by reason.

    `next_reading`: the first night on which the same bytes would be read differently (a date that
    was in the future no longer is), or None.
    """

    signals: pa.Table
    profile: pa.Table
    rows_read: int = 0
    rows_blank: int = 0
    withheld: dict[str, int] = field(default_factory=dict)
    grown: dict[str, float] = field(default_factory=dict)  # by source: (landed + withheld) / landed
    next_reading: date | None = None


@dataclass(slots=True)
class Landed:
    """All that may leave ingest of an export: its parts put together, and their totals."""

    tables: dict[str, pa.Table]
    rows: pa.Table
    signals: pa.Table
    profile: pa.Table
    withheld_cases: pa.Table = field(default_factory=WITHHELD_SCHEMA.empty_table)
    rows_read: int = 0
    rows_blank: int = 0
    withheld: dict[str, int] = field(default_factory=dict)
    grown: dict[str, float] = field(default_factory=dict)
    next_reading: date | None = None

    @classmethod
    def of(cls, parts: Sequence[Part], totals: Totals) -> Landed:
        """The whole of all parts."""
        return cls(
            **{f.name: getattr(totals, f.name) for f in fields(totals)},
            tables={n: pa.concat_tables([p.tables[n] for p in parts]) for n in parts[0].tables},
            rows=pa.concat_tables([part.rows for part in parts]),
            withheld_cases=together([part.withheld_cases for part in parts]),
        )


@dataclass(slots=True)
class _Counts:
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
class _Source:
    """One source with the fate of each of its rows."""

    columns: Columns
    keys: pa.Array  # case key per row, null where there is no case number
    kept: Places  # rows that are landed
    readings: pa.Array  # key_reading or case_reading per row
    owners: pa.Array  # per row the key of the case that what it says in other tables is of
    own: dict[str, pa.Array] = field(default_factory=dict)  # further landed columns of its own rows


def ingest(
    data: bytes,
    contract: Contract,
    mission_keys: MissionKeys,
    night: date,
    erased: AbstractSet[str] = frozenset(),
    by_hand: bool = False,
    means: Means | None = None,
    part: int = PART,
) -> Landed:
    """Open, read, gate and de-personalise one export, all of it. The same arguments as `Reading`."""
    reading = Reading(data, contract, mission_keys, night, erased, by_hand, means, part)
    return Landed.of(list(reading.parts()), reading.totals())


class Reading:
    """One export on its way from bytes to what may be landed. Has no repr: it holds persons."""

    def __init__(
        self,
        data: bytes,
        contract: Contract,
        mission_keys: MissionKeys,
        night: date,
        erased: AbstractSet[str] = frozenset(),
        by_hand: bool = False,
        means: Means | None = None,
        part: int = PART,
    ) -> None:
        """`erased`: case keys that stay out whatever their consent says. `by_hand`: it did not come from its mission's server.

        `means`: keys and signature, where the contract asks for some. `part`: bytes, unpacked, that are read at once.
        """
        self.data, self.contract, self.night = data, contract, night
        self.erased, self.by_hand, self.means = erased, by_hand, means or Means()
        self.part = part if can_be_parted(contract) else None
        self.reader = FieldReader(contract, mission_keys, night, Signals())
        self.counts = _Counts()
        self.profile = Profile()

    def parts(self) -> Iterator[Part]:
        """Open, read, gate and de-personalise it. Raises Refused, which holds no cell's value."""
        opened = open_export(self.data, self.contract, self.means, self.night, self.part)
        for detail in opened.weak:
            self.reader.signals.add("weak_encryption", "case", "", detail, 1)
        if opened.members and self.part:
            missing = self.reader.missing
            for texts in read_parts(opened.members, self.contract, missing, self.part):
                yield self._part(texts)
            if not self.counts.cases:
                raise _no_rows()
        else:
            texts = read_tables(opened.files, self.contract)
            del opened  # all that was unpacked
            yield self._part(texts, is_whole=True)

    def totals(self) -> Totals:
        """What is told of all parts, once the last one was taken."""
        counts, signals = self.counts, self.reader.signals
        if self.by_hand:
            signals.add("dropped_by_hand", "", "", "", counts.landed)
        by_source = {
            name: delivered / max(delivered - counts.held_back.get(name, 0), 1)
            for name, delivered in counts.delivered.items()
        }
        by_table = {
            name: by_source.get(name if spec.own_rows else "case", 1.0)
            for name, spec in self.contract.tables.items()
        }
        return Totals(
            signals=signals.table(),
            profile=self.profile.table(by_table),
            rows_read=counts.read,
            rows_blank=counts.blank,
            withheld=counts.withheld,
            grown=by_source,
            next_reading=self.reader.next_reading,
        )

    def _part(self, texts: dict[str, TextTable], is_whole: bool = False) -> Part:
        """One part, from its text tables."""
        contract, reader = self.contract, self.reader
        sources = {name: Columns(name, table) for name, table in texts.items()}
        gate = _Gate(contract, reader, self.erased, is_whole)
        judged: dict[str, _Source] = {}
        for name in ["case", *(n for n in sources if n != "case")]:
            used = _used_columns(contract, name, sources[name])
            judged[name] = gate.judge(name, sources[name], used, self.counts)
        _signal_columns(contract, sources, reader.signals)
        builder = TableBuilder(contract, reader)
        tables: dict[str, pa.Table] = {}
        for name in TABLES:
            spec = contract.tables.get(name)
            source_name = name if spec is None or spec.own_rows else "case"
            source = judged.get(source_name)
            if spec is None or source is None:
                tables[name] = builder.empty(name)
                continue
            keys = source.keys if name == "case" else source.owners
            tables[name] = builder.build(
                name, source.columns, source.kept, keys, source.readings, source.own
            )
            if source_name != "case" and not spec.local:
                source.columns.forget()
        tables["local_attribute"] = builder.local_attributes(
            {n: (s.columns, s.kept, s.owners, s.readings) for n, s in judged.items()}
        )
        self.profile.add(tables)
        rows = pa.concat_tables([_landed_rows(contract.mission, s) for s in judged.values()])
        self.counts.landed += rows.num_rows
        return Part(tables, rows, gate.withheld_cases())


def _no_rows() -> Refused:
    return Refused(
        "no_rows", "there is not one case in the file", "Ask the mission to export again"
    )


def _landed_rows(mission: str, source: _Source) -> pa.Table:
    count = len(source.kept)
    return pa.table(
        [
            pa.array([mission] * count, pa.string()),
            pa.array([source.columns.name] * count, pa.string()),
            source.columns.source_rows(source.kept),
            source.keys.take(pa.array(source.kept)),
        ],
        schema=ROWS_SCHEMA,
    )


def _used_columns(contract: Contract, name: str, source: Columns) -> list[Cells]:
    """Cells of every column that the contract maps on this source: what makes two rows equal."""
    headers: dict[str, Header] = {}
    for table_name, spec in contract.tables.items():
        if (table_name if spec.own_rows else "case") != name:
            continue
        headers |= {repr(header): header for header in spec.read_headers}
    if name == "case":
        headers |= {repr(header): header for _, header in contract.consent.research.read}
    if not source.table.labels and not source.rows:
        return []  # a JSON list that is empty in every record
    return [source.need(header) for header in headers.values()]


def _signal_columns(contract: Contract, sources: dict[str, Columns], signals: Signals) -> None:
    """Say which columns nobody knows (by position: a name may be personal) and which are gone."""
    for name, source in sources.items():
        for kind, detail, rows in source.table.notes:
            signals.add(kind, name, "", detail, rows)
        for table_name, spec in contract.tables.items():
            if (table_name if spec.own_rows else "case") != name:
                continue
            for header in source.mark([*spec.personal, *spec.ignored]):
                if source.table.labels:
                    signals.add(
                        "missing_column", name, "", f"`{header}` is no longer there", source.rows
                    )
        for place in source.unknown():
            filled = int(Cells.of(source.table.columns[place]).filled().sum())
            detail = f"column {place + 1} of {len(source.table.labels)}: dropped, its name withheld"
            signals.add("unknown_column", name, "", detail, filled)


class _Gate:
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

    def judge(self, name: str, source: Columns, used: list[Cells], counts: _Counts) -> _Source:
        """Count blank and withheld rows into `counts`; return the rest."""
        numbers = self._numbers(name, source)
        blank = _blank(source, self.contract, name)
        keys, places = self._keys(numbers, source.rows)
        if name == "case" and self.is_whole and blank.all():
            raise _no_rows()
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
        return _Source(
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


__all__ = ["Landed", "Part", "Reading", "Refused", "Totals", "ingest"]
