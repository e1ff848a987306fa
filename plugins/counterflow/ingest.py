"""One mission's export, from bytes to de-personalised tables: the only code that sees a person.

In: the bytes, the contract, the mission's keys and the night. Out: parts and their totals: the canonical
tables with keyed case keys, bands and local codes, and counts of what was blank or withheld. Pure: no
file, no clock, no log. Everything not asked for by the contract is dropped by never being taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from datetime import date

import pyarrow as pa

from counterflow.building import TableBuilder
from counterflow.canonical import TABLES
from counterflow.columns import Cells
from counterflow.contracts import Contract
from counterflow.contracts.model import Header
from counterflow.depersonalise import MissionKeys
from counterflow.fields import FieldReader, Signals
from counterflow.gate import Counts, Gate, Source, no_rows
from counterflow.profile import Profile
from counterflow.sources.errors import Refused
from counterflow.sources.headers import Columns
from counterflow.sources.parts import PART, can_be_parted, read_parts
from counterflow.sources.readers import read_tables
from counterflow.sources.tables import TextTable
from counterflow.sources.unlocking import Means, open_export
from counterflow.suppression import WITHHELD_SCHEMA, together

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
        self.counts = Counts()
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
                raise no_rows()
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
        gate = Gate(contract, reader, self.erased, is_whole)
        judged: dict[str, Source] = {}
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


def _landed_rows(mission: str, source: Source) -> pa.Table:
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


__all__ = ["Landed", "Part", "Reading", "Refused", "Totals", "ingest"]
