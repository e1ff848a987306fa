"""From the cells of a column to the landed values of a field, with what could not be mapped.

In: `Cells` and the contract's column. Out: Arrow arrays of local codes, bands, months, years, and
their readings. A code outside the contract's list becomes a keyed token and a signal, never text.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from counterflow.canonical import Field, Kind
from counterflow.columns import Cells, Places, gather
from counterflow.contracts import Contract
from counterflow.contracts.model import Codes, Column
from counterflow.depersonalise import MissionKeys, code_token, length_class
from counterflow.text import fold
from counterflow.values import (
    age_band,
    children_band,
    duration_band,
    parse_date,
    parse_number,
    parse_year,
    perpetrator_age_band,
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
_SHOWN_TOKENS = 50  # distinct unmapped values signalled one by one; the rest as one sum


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

    def add(self, kind: str, table: str, field: str, detail: str, rows: int) -> None:
        """Count `rows` more for one signal."""
        key = (kind, table, field, detail)
        self._rows[key] = self._rows.get(key, 0) + rows

    def table(self) -> pa.Table:
        """All signals, sorted."""
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

    def land(self, value: str) -> str | None:
        """A code as it is compared, a token for any other value, None for no answer."""
        folded = fold(value)
        if not folded:
            return None
        if folded in self.spelling:
            spelling = self.spelling[folded]
            return self.prefix + spelling if spelling is not None else None
        return code_token(self.reader.keys, self.table, self.field, self.prefix + value)

    def signal(self, values: list[str], rows: Places) -> None:
        """Signal the unmapped ones of `values`, `rows[i]` of which hold `values[i]`."""
        unmapped: dict[tuple[str, str], int] = {}
        for value, count in zip(values, rows.tolist(), strict=True):
            if value and count and fold(value) not in self.spelling:
                token = code_token(self.reader.keys, self.table, self.field, self.prefix + value)
                key = (token, length_class(value))
                unmapped[key] = unmapped.get(key, 0) + count
        ordered = sorted(unmapped.items(), key=lambda item: (-item[1], item[0]))
        for (token, length), count in ordered[:_SHOWN_TOKENS]:
            self.reader.signals.add(
                "unmapped_code", self.table, self.field, f"{token}, {length}", count
            )
        if rest := sum(count for _, count in ordered[_SHOWN_TOKENS:]):
            detail = f"{len(ordered) - _SHOWN_TOKENS} further values"
            self.reader.signals.add("unmapped_code", self.table, self.field, detail, rest)


class FieldReader:
    """Reads columns of one export; collects signals and the next night that would read otherwise."""

    def __init__(self, contract: Contract, keys: MissionKeys, night: date, signals: Signals):
        self.contract, self.keys, self.night, self.signals = contract, keys, night, signals
        self.missing = frozenset(fold(code) for code in contract.missing)
        self.months = {fold(name): number for name, number in contract.months.items()}
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
        split = [
            [
                numbers.setdefault(item, len(numbers))
                for item in (split_list(v, column.many, book.known) if column.many else [fold(v)])
                if item and book.spelling.get(item, item) is not None
            ]
            for v in cells.values
        ]
        return book, list(numbers), split

    def dates(self, column: Column, cells: Cells) -> tuple[list[date | None], list[str]]:
        """Distinct cells as dates, with their readings (not yet against the night)."""
        return self._parsed(parse_date, column, cells)

    def _parsed(
        self, parse: Callable[..., tuple[date | None, str]], column: Column, cells: Cells
    ) -> tuple[list[date | None], list[str]]:
        calendar = column.calendar or self.contract.calendar
        formats = column.date or []
        parsed = [parse(v, formats, calendar, self.missing, self.months) for v in cells.values]
        return [day for day, _ in parsed], [reading for _, reading in parsed]

    def month(self, column: Column, cells: Cells) -> tuple[pa.Array, pa.Array]:
        """A date as the first of its month, with its reading."""
        found, readings = self.dates(column, cells)
        return self._dated(found, readings, cells, lambda d: d.replace(day=1), pa.date32())

    def year(self, column: Column, cells: Cells) -> tuple[pa.Array, pa.Array]:
        """A year, or a date of which the year is kept, with its reading."""
        found, readings = self._parsed(parse_year, column, cells)
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
                self.next_reading = min(day, self.next_reading or day)
                readings[place], day = "future", None
            landed.append(land(day) if day is not None else None)
        texts = gather(pa.array(readings, pa.string()), cells.places)
        return gather(pa.array(landed, type_), cells.places), texts

    def number(self, table: str, field: Field, cells: Cells) -> pa.Array:
        """Small whole numbers; null where there is none."""
        parsed = [parse_number(value, self.missing) for value in cells.values]
        self._signal_unreadable(table, field, [reading for _, reading in parsed], cells)
        numbers = [number for number, _ in parsed]
        return gather(pa.array(numbers, pa.int64()), cells.places)

    def band(
        self, table: str, field: Field, column: Column, cells: Cells
    ) -> tuple[pa.Array, pa.Array]:
        """A band from a number of years, months or children, or from a local band code, read how."""
        if column.codes is not None:
            landed = self.code(table, field.name, column.codes, cells)
            readings = ["blank" if not v or fold(v) in self.missing else "ok" for v in cells.values]
            return landed, gather(pa.array(readings, pa.string()), cells.places)
        months = field.code_list == "duration_band"
        band = _BANDS[field.code_list or ""]
        factor = 12 if months and column.unit == "years" else 1
        bands: list[str | None] = []
        readings = []
        for value in cells.values:
            number, reading = parse_number(value, self.missing)
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

    def _signal_unreadable(
        self, table: str, field: Field, readings: list[str], cells: Cells
    ) -> None:
        """Say how many filled cells of a field without a reading of its own could not be read."""
        wrong = np.array([reading not in ("ok", "blank") for reading in readings], np.bool_)
        count = int(wrong[cells.places].sum()) if len(wrong) else 0
        if count:
            self.signals.add("unreadable_value", table, field.name, "no number", count)

    def age_at(
        self, born: Column, born_cells: Cells, at: Column, at_cells: Cells
    ) -> tuple[pa.Array, pa.Array, pa.Array]:
        """Age band at a date: (bands, readings, mask of rows dated before birth)."""
        births, readings = self.dates(born, born_cells)
        dates, _ = self.dates(at, at_cells)
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


def _full_years(birth: Any, day: Any) -> Any:
    """Whole years from birth to day; the birthday itself completes a year."""
    month = [d.astype("datetime64[M]").astype(np.int64) for d in (birth, day)]
    days = [(d - d.astype("datetime64[M]")).astype(np.int64) for d in (birth, day)]
    months = month[1] - month[0] - (days[1] < days[0])
    return months // 12


__all__ = ["SIGNALS_SCHEMA", "Codebook", "FieldReader", "Kind", "Signals"]
