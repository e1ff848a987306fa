"""From the cells of a column to the landed values of a field, with what could not be mapped.

In: `Cells` and the contract's column. Out: Arrow arrays of local codes, bands, months, years, and
their readings. A code outside the contract's list becomes a keyed token and a signal, never text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from counterflow.calendars import CALENDARS, new_year, year_of
from counterflow.canonical import Field, Kind
from counterflow.columns import Cells, Places, gather
from counterflow.contracts import Contract
from counterflow.contracts.model import Codes, Column
from counterflow.depersonalise import MissionKeys, code_token, length_class
from counterflow.text import damaged, damaged_spellings, fold, undamaged
from counterflow.values import (
    OLDEST,
    YEARS_AHEAD,
    DateReader,
    age_band,
    children_band,
    damaged_months,
    decimal_mark,
    duration_band,
    parse_number,
    perpetrator_age_band,
    redated_band,
    split_list,
)

SIGNALS_SCHEMA = pa.schema(
    [
        ("kind", pa.string()),
        ("table_name", pa.string()),
        ("field", pa.string()),
        ("detail", pa.string()),
        ("rows", pa.int64()),
    ]
)
_OLDEST_AGE = 120
_WORKBOOKS = ("xlsx", "xls", "ods")
_LARGEST_PLACE = 999  # of a leg, an event, a perpetrator in its list
_SHOWN_TOKENS = 50  # distinct unmapped values of a field signalled one by one; the rest as one sum


_BANDS: dict[str, Callable[[int], str]] = {
    "age_band": age_band,
    "perpetrator_age_band": perpetrator_age_band,
    "children_band": children_band,
    "duration_band": duration_band,
}


class Signals:
    """What a mission's steward or an engineer should know of an export; nothing personal."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str, str], int] = {}
        self._tokens: dict[tuple[str, str, str], dict[tuple[str, str], int]] = {}
        self._pairs: dict[tuple[str, str, str, str], list[int]] = {}

    def add(self, kind: str, table: str, field: str, detail: str, rows: int) -> None:
        """Count `rows` more for one signal."""
        key = (kind, table, field, detail)
        self._rows[key] = self._rows.get(key, 0) + rows

    def add_tokens(
        self, kind: str, table: str, field: str, tokens: Mapping[tuple[str, str], int]
    ) -> None:
        """Count values that nobody knows, by (token, length class) → rows."""
        known = self._tokens.setdefault((kind, table, field), {})
        for token, rows in tokens.items():
            known[token] = known.get(token, 0) + rows

    def add_if_both(
        self, kind: str, table: str, field: str, detail: str, own: int, other: int
    ) -> None:
        """Count `other` rows for a signal that is one only if, of all parts, there are rows of their `own` as well."""
        counts = self._pairs.setdefault((kind, table, field, detail), [0, 0])
        counts[0] += own
        counts[1] += other

    def _tell_of_all(self) -> None:
        """Say what only all of an export shows."""
        for (kind, table, field), tokens in self._tokens.items():
            ordered = sorted(tokens.items(), key=lambda item: (-item[1], item[0]))
            for (token, length), count in ordered[:_SHOWN_TOKENS]:
                self.add(kind, table, field, f"{token}, {length}", count)
            if rest := sum(count for _, count in ordered[_SHOWN_TOKENS:]):
                detail = f"{len(ordered) - _SHOWN_TOKENS} further values"
                self.add(kind, table, field, detail, rest)
        for key, (own, other) in self._pairs.items():
            if own and other:
                self.add(*key, other)
        self._tokens, self._pairs = {}, {}

    def table(self) -> pa.Table:
        """All signals, sorted."""
        self._tell_of_all()
        names = SIGNALS_SCHEMA.names
        rows = [
            dict(zip(names, (*key, count), strict=True))
            for key, count in sorted(self._rows.items())
        ]
        return pa.Table.from_pylist(rows, SIGNALS_SCHEMA)


class Codebook:
    """The local codes of one column: what is landed of a value, and what it means."""

    def __init__(self, reader: FieldReader, table: str, field: str, codes: Codes, prefix: str = ""):
        self.reader, self.table, self.field, self.prefix = reader, table, field, prefix
        contract = reader.contract
        mapped = contract.code_map(codes)
        # A code that means "no answer" is a blank, unless this column gives it a meaning of its own.
        self.spelling: dict[str, str | None] = dict.fromkeys(reader.missing)
        self.spelling |= {fold(code): fold(code) for code in mapped}
        self.meaning = {fold(code): target.code for code, target in mapped.items()}
        self.known = frozenset(self.spelling)
        self.lost = reader.contract.source.accents == "lost"

    def code(self, value: str) -> str:
        """A value as the list spells it, folded: itself, or the one code it was with its accents."""
        folded = fold(value)
        if self.lost and folded not in self.spelling:
            return undamaged(folded, self.known) or folded
        return folded

    def land(self, value: str) -> str | None:
        """A code as it is compared, a token for any other value, None for no answer."""
        folded = self.code(value)
        if not folded:
            return None
        if folded in self.spelling:
            spelling = self.spelling[folded]
            return self.prefix + spelling if spelling is not None else None
        return code_token(self.reader.keys, self.table, self.field, self.prefix + value)

    def signal(self, values: list[str], rows: Places) -> None:
        """Signal the unmapped ones of `values`, `rows[i]` of which hold `values[i]`."""
        unmapped: dict[tuple[str, str], int] = {}
        restored = 0
        for value, count in zip(values, rows.tolist(), strict=True):
            if not (value and count):
                continue
            code = self.code(value)
            if code in self.spelling:
                restored += count if code != fold(value) else 0
            else:
                token = code_token(self.reader.keys, self.table, self.field, self.prefix + value)
                key = (token, length_class(value))
                unmapped[key] = unmapped.get(key, 0) + count
        self.reader.signal_accents(self.table, self.field, restored)
        self.reader.signals.add_tokens("unmapped_code", self.table, self.field, unmapped)


class FieldReader:
    """Reads columns of one export; collects signals and the next night that would read otherwise."""

    def __init__(self, contract: Contract, keys: MissionKeys, night: date, signals: Signals):
        self.contract, self.keys, self.night, self.signals = contract, keys, night, signals
        self.lost = contract.source.accents == "lost"
        missing = {fold(code) for code in contract.missing}
        if self.lost:
            missing |= {look for code in contract.missing for look in damaged_spellings(code)}
        self.missing = frozenset(missing)
        damaged = damaged_months(contract.months) if self.lost else {}
        self.months = damaged | contract.months
        self.next_reading: date | None = None

    def code(
        self, table: str, field: str, codes: Codes, cells: Cells, prefix: str = ""
    ) -> pa.Array:
        """Local codes of a single-valued column."""
        book = Codebook(self, table, field, codes, prefix)
        book.signal(cells.values, np.bincount(cells.places, minlength=len(cells.values)))
        return cells.map(book.land)

    def items(
        self, table: str, field: str, column: Column, cells: Cells
    ) -> tuple[Codebook, list[str], list[list[int]]]:
        """A list column: its code book, the distinct items, and their numbers per distinct cell."""
        book = Codebook(self, table, field, column.codes or [], "")
        numbers: dict[str, int] = {}
        split, restored = [], []
        for value in cells.values:
            items = (
                split_list(value, column.many, book.known, self.lost)
                if column.many
                else [book.code(value)]
            )
            restored.append(
                self.lost
                and damaged(fold(value))
                and any(item in book.known and item not in fold(value) for item in items)
            )
            kept = [item for item in items if item and book.spelling.get(item, item) is not None]
            split.append([numbers.setdefault(item, len(numbers)) for item in kept])
        self.signal_accents(table, field, _rows(restored, cells))
        return book, list(numbers), split

    def dates(
        self, table: str, field: str, column: Column, cells: Cells, year: bool = False
    ) -> tuple[list[date | None], list[str]]:
        """Distinct cells as dates, with their readings (not yet against the night).

        `year`: a year alone will do. Of a calendar that is not declared a signal is raised where
        the cells fit it and not the declared one.
        """
        parsed = self._parsed(column, cells, year)
        self._doubt_calendar(table, field, column, cells, parsed, year)
        if self.lost:
            restored = [
                reading == "ok" and damaged(value)
                for value, (_, reading) in zip(cells.values, parsed, strict=True)
            ]
            self.signal_accents(table, field, _rows(restored, cells))
        return [day for day, _ in parsed], [reading for _, reading in parsed]

    def _parsed(
        self, column: Column, cells: Cells, year: bool = False
    ) -> list[tuple[date | None, str]]:
        calendar = column.calendar or self.contract.calendar
        ahead = 0 if column.at is not None else YEARS_AHEAD
        read = self._date_reader(column, calendar, year, ahead)
        parsed = [read(value) for value in cells.values]
        if read.oldest_short is not None:  # on that day its two digits begin to mean another year
            self.read_again(new_year(calendar, read.oldest_short + 100 - ahead))
        return parsed

    def _date_reader(self, column: Column, calendar: str, year: bool, ahead: int) -> DateReader:
        formats = [*(column.date or []), *(["%Y"] if year else [])]
        newest = year_of(calendar, self.night) + ahead
        real = self.contract.source.format in _WORKBOOKS
        return DateReader(formats, calendar, self.missing, self.months, newest, real)

    def read_again(self, day: date) -> None:
        """From `day` on the same bytes mean something else."""
        self.next_reading = min(day, self.next_reading or day)

    def _doubt_calendar(
        self,
        table: str,
        field: str,
        column: Column,
        cells: Cells,
        parsed: list[tuple[date | None, str]],
        year: bool,
    ) -> None:
        """Signal dates that the declared calendar puts out of all time, and another does not."""
        declared = column.calendar or self.contract.calendar
        doubtful = [
            place
            for place, (day, reading) in enumerate(parsed)
            if reading == "too_old" or (day is not None and day > self.night)
        ]
        if not doubtful:
            return
        rows = np.bincount(cells.places, minlength=len(cells.values))
        for calendar in CALENDARS:
            if calendar == declared:
                continue
            read = self._date_reader(column, calendar, year, 0)
            days = {place: read(cells.values[place])[0] for place in doubtful}
            fits = [p for p, day in days.items() if day and OLDEST <= day <= self.night]
            if count := int(sum(rows[p] for p in fits)):
                detail = f"no dates of the {declared} calendar, but of the {calendar}"
                self.signals.add("calendar_unclear", table, field, detail, count)

    def days(self, column: Column, cells: Cells) -> list[tuple[date | None, str]]:
        """Distinct cells as days, with their readings; raises no signal."""
        return self._parsed(column, cells)

    def signal_accents(self, table: str, field: str, rows: int) -> None:
        """Say how many rows were read although accents were lost in them."""
        if rows:
            detail = "matched although accents were lost"
            self.signals.add("accents_lost", table, field, detail, rows)

    def month(
        self, table: str, field: str, column: Column, cells: Cells
    ) -> tuple[pa.Array, pa.Array]:
        """A date as the first of its month, with its reading."""
        found, readings = self.dates(table, field, column, cells)
        return self._dated(found, readings, cells, lambda d: d.replace(day=1), pa.date32())

    def year(
        self, table: str, field: str, column: Column, cells: Cells
    ) -> tuple[pa.Array, pa.Array]:
        """A year, or a date of which the year is kept, with its reading."""
        found, readings = self.dates(table, field, column, cells, year=True)
        return self._dated(found, readings, cells, lambda d: d.year, pa.int64())

    def _dated(
        self,
        found: list[date | None],
        readings: list[str],
        cells: Cells,
        land: Any,
        type_: pa.DataType,
    ) -> tuple[pa.Array, pa.Array]:
        landed = []
        for place, day in enumerate(found):
            if day is not None and day > self.night:
                self.read_again(day)
                readings[place], day = "future", None
            landed.append(land(day) if day is not None else None)
        texts = gather(pa.array(readings, pa.string()), cells.places)
        return gather(pa.array(landed, type_), cells.places), texts

    def number(self, table: str, field: Field, cells: Cells) -> pa.Array:
        """Small whole numbers; null where there is none. What is too large for a place in a list may be a telephone."""
        parsed = [
            (number, reading)
            if number is None or number <= _LARGEST_PLACE
            else (None, "not_a_number")
            for number, reading in self._numbers(table, field.name, cells)
        ]
        self._signal_unreadable(table, field, [reading for _, reading in parsed], cells)
        numbers = [number for number, _ in parsed]
        return gather(pa.array(numbers, pa.int64()), cells.places)

    def _numbers(self, table: str, field: str, cells: Cells) -> list[tuple[int | None, str]]:
        """Distinct cells as whole numbers; a signal if they have both decimal marks."""
        decimal = self.contract.source.decimal
        marks = [decimal_mark(value) for value in cells.values]
        other = [mark not in (None, decimal) for mark in marks]
        own = [mark == decimal for mark in marks]
        detail = f"the decimal mark is `{decimal}`, these numbers have the other"
        self.signals.add_if_both(
            "decimal_habit_mixed", table, field, detail, _rows(own, cells), _rows(other, cells)
        )
        return [parse_number(value, self.missing, decimal) for value in cells.values]

    def band(
        self, table: str, field: Field, column: Column, cells: Cells
    ) -> tuple[pa.Array, pa.Array]:
        """A band from a number of years, months or children, or from a local band code, read how."""
        if column.codes is not None:
            if column.dates_are_bands:
                cells = self._undated(table, field.name, column.codes, cells)
            landed = self.code(table, field.name, column.codes, cells)
            readings = ["blank" if not v or fold(v) in self.missing else "ok" for v in cells.values]
            return landed, gather(pa.array(readings, pa.string()), cells.places)
        months = field.code_list == "duration_band"
        band = _BANDS[field.code_list or ""]
        factor = 12 if months and column.unit == "years" else 1
        bands: list[str | None] = []
        readings = []
        for number, reading in self._numbers(table, field.name, cells):
            if number is not None and number > _OLDEST_AGE * (12 if months else 1):
                number, reading = None, "not_a_number"
            bands.append(None if number is None else band(number * factor))
            readings.append(reading)
        if not field.reading:
            self._signal_unreadable(table, field, readings, cells)
        return (
            gather(pa.array(bands, pa.string()), cells.places),
            gather(pa.array(readings, pa.string()), cells.places),
        )

    def _undated(self, table: str, field: str, codes: Codes, cells: Cells) -> Cells:
        """The cells with the bands back that a spreadsheet turned into dates."""
        bands = list(self.contract.code_map(codes))
        known = {fold(band) for band in bands} | self.missing
        found = [
            None if fold(value) in known else redated_band(value, bands, self.months)
            for value in cells.values
        ]
        if rows := _rows([band is not None for band in found], cells):
            detail = "a spreadsheet had turned the band into a date"
            self.signals.add("band_was_date", table, field, detail, rows)
        values = [
            value if band is None else band for value, band in zip(cells.values, found, strict=True)
        ]
        return Cells(values, cells.places)

    def _signal_unreadable(
        self, table: str, field: Field, readings: list[str], cells: Cells
    ) -> None:
        """Say how many filled cells of a field without a reading of its own could not be read."""
        if count := _rows([reading not in ("ok", "blank") for reading in readings], cells):
            self.signals.add("unreadable_value", table, field.name, "no number", count)

    def age_at(
        self, table: str, field: str, born: Column, born_cells: Cells, at: Column, at_cells: Cells
    ) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Age band at a date: (bands, readings, mask of rows dated before birth)."""
        births, readings = self.dates(table, field, born, born_cells)
        dates = [day for day, _ in self._parsed(at, at_cells)]
        birth = np.array(births, "datetime64[D]")[born_cells.places]
        day = np.array(dates, "datetime64[D]")[at_cells.places]
        known = ~np.isnat(birth) & ~np.isnat(day)
        before = known & (day < birth)
        years = np.zeros(len(birth), np.int64)
        years[known] = _full_years(birth[known], day[known])
        names = [age_band(n) for n in range(_OLDEST_AGE + 1)]
        usable = known & ~before & (years <= _OLDEST_AGE)
        places = np.where(usable, np.clip(years, 0, _OLDEST_AGE), -1)
        texts = np.array(readings, object)[born_cells.places]
        texts[known & ~before & (years > _OLDEST_AGE)] = "too_old"
        return gather(pa.array(names), places), pa.array(texts, pa.string()), pa.array(before)


def _rows(of_values: list[bool], cells: Cells) -> int:
    """How many rows hold one of the distinct values that are marked."""
    marked = np.array(of_values, np.bool_)
    return int(marked[cells.places].sum()) if len(marked) else 0


def _full_years(birth: Any, day: Any) -> Any:
    """Whole years from birth to day; the birthday itself completes a year."""
    month = [d.astype("datetime64[M]").astype(np.int64) for d in (birth, day)]
    days = [(d - d.astype("datetime64[M]")).astype(np.int64) for d in (birth, day)]
    months = month[1] - month[0] - (days[1] < days[0])
    return months // 12


__all__ = ["SIGNALS_SCHEMA", "Codebook", "FieldReader", "Kind", "Signals"]
