"""Who must stay out: the cases that a mission's exports withhold, and those that were erased.

In: a mission's landing. Out: `Suppressed`: for every landed export the cases that must not be in it, and
for every night of the warehouse those that must not be in its rows. What remembers a case is its
suppression token alone: the holder of the keys tells the case key from it, nobody else can.

A case that an export withholds is taken out of every export that is older; one that was erased, out of all.
Which of two exports is the older is said by what the nights' records know of their delivery
(docs/adr/0025-erasure-and-retention.md).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa

from counterflow import disk
from counterflow.depersonalise import MissionKeys, translate
from counterflow.landing import PENDING, Landing, NightRecord
from counterflow.sealing import Seal

ERASED = "erased"  # the reason, and the name of the file that remembers
TOKEN = "suppression_token"  # the column that a rotation of the keys translates
WITHHELD_SCHEMA = pa.schema(
    [("mission_code", pa.string()), (TOKEN, pa.string()), ("reason", pa.string())]
)
ERASED_SCHEMA = pa.schema([(TOKEN, pa.string()), ("night", pa.date32()), ("receipt", pa.string())])

Order = tuple[
    date, date
]  # the date that a delivery carried, and the night on which it was the newest


def tokens(mission_keys: MissionKeys, case_keys: Iterable[str]) -> list[str]:
    """The suppression token of each case."""
    return translate(mission_keys.case.blocks, mission_keys.suppression, list(case_keys))


def case_keys(mission_keys: MissionKeys, tokens: Iterable[str]) -> list[str]:
    """The case key behind each suppression token."""
    return translate(mission_keys.suppression, mission_keys.case.blocks, list(tokens))


def withheld_table(mission_keys: MissionKeys, reasons: Mapping[str, str]) -> pa.Table:
    """What a landed export remembers of the cases it withheld; `reasons`: case key → why."""
    found = tokens(mission_keys, sorted(reasons))
    rows = sorted(zip(found, (reasons[key] for key in sorted(reasons)), strict=True))
    return pa.table(
        [
            pa.array([mission_keys.mission] * len(rows), pa.string()),
            pa.array([token for token, _ in rows], pa.string()),
            pa.array([reason for _, reason in rows], pa.string()),
        ],
        schema=WITHHELD_SCHEMA,
    )


def together(parts: Sequence[pa.Table]) -> pa.Table:
    """The withheld cases of several parts of an export as `withheld_table` has those of one: by token."""
    return parts[0] if len(parts) == 1 else pa.concat_tables(parts).sort_by(TOKEN)


def erased(seal: Seal, landing: Landing) -> pa.Table:
    """Every case of the mission that was erased: its token, the night, the receipt."""
    path = landing.folder / f"{ERASED}.parquet"
    return seal.read(path) if path.exists() else ERASED_SCHEMA.empty_table()


def remember(seal: Seal, landing: Landing, found: Iterable[str], night: date, receipt: str) -> int:
    """Add erased cases by their tokens; how many are new. They are never forgotten again."""
    known = erased(seal, landing)
    new = sorted(set(found) - set(known.column(TOKEN).to_pylist()))
    if new:
        added = pa.table(
            [pa.array(new), pa.array([night] * len(new)), pa.array([receipt] * len(new))],
            schema=ERASED_SCHEMA,
        )
        path = landing.folder / f"{ERASED}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        # by token: the order of the rows says nothing of who asked when
        rows = pa.concat_tables([known.cast(ERASED_SCHEMA), added]).sort_by(TOKEN)
        seal.write(rows, aside)
        disk.replace(aside, path)
    return len(new)


def erased_cases(seal: Seal, landing: Landing, mission_keys: MissionKeys) -> frozenset[str]:
    """The case keys of who was erased, for ingest to withhold."""
    return frozenset(case_keys(mission_keys, erased(seal, landing).column(TOKEN).to_pylist()))


def remember_merged(seal: Seal, landing: Landing, withheld: pa.Table, night: date) -> None:
    """Whom an export withholds as erased because it merged them with one who was: that lasts as well."""
    rows = zip(
        withheld.column(TOKEN).to_pylist(), withheld.column("reason").to_pylist(), strict=True
    )
    remember(seal, landing, (token for token, reason in rows if reason == ERASED), night, "merged")


@dataclass(slots=True)
class Use:
    """When an export was delivered: `first` and `last` as an order of deliveries."""

    first: Order
    last: Order


def uses(records: Iterable[NightRecord]) -> dict[str, Use]:
    """Every export that a night's record names, with its place in the order of deliveries."""
    found: dict[str, Use] = {}
    for record in records:
        own = delivered_export(record)
        for export in {record.export, record.tried} - {None}:
            assert export is not None
            if export == own:
                order = (record.delivered or record.night, record.night)
            else:  # in force, while something newer was delivered: it says nothing of tonight
                night = record.loaded_night or record.night
                order = (night, night)
            use = found.setdefault(export, Use(order, order))
            use.first, use.last = min(use.first, order), max(use.last, order)
    return found


def delivered_export(record: NightRecord) -> str | None:
    """The landed export of what a night found delivered, None if that could not be read."""
    if record.tried is not None:
        return record.tried
    stands = record.status in (PENDING, "loaded", "unchanged", "late")
    return record.export if stands and record.tried_sha256 is None else None


@dataclass(frozen=True, slots=True)
class Mention:
    """An export says that a case is withheld. A refused export's word counts too: it was read."""

    case_key: str
    reason: str
    order: Order


@dataclass(frozen=True, slots=True)
class Suppressed:
    """The cases of a mission that must stay out, and from where. Holds case keys: never logged."""

    mission: str
    erased: frozenset[str] = frozenset()
    mentions: tuple[Mention, ...] = ()
    uses: Mapping[str, Use] = field(default_factory=dict)
    in_force: str | None = None

    def __repr__(self) -> str:
        return f"Suppressed({self.mission}, {len(self.erased)}, {len(self.mentions)})"

    def gone_from(self, export: str) -> dict[str, str]:
        """Case key → why, of every case that must not be in a landed export.

        The reason is that of the first export that said so, whatever the order of the runs.
        """
        first = self.uses[export].first if export in self.uses else (date.min, date.min)
        found: dict[str, str] = {}
        for mention in sorted(self.mentions, key=lambda m: (m.order, m.reason)):
            if mention.order > first:
                found.setdefault(mention.case_key, mention.reason)
        return found | dict.fromkeys(self.erased, ERASED)

    def doubtful_in(self, export: str) -> dict[str, str]:
        """Case key → why, of every case that was withheld before an export, which may have put it right.

        Only a row of the case itself can: of one that is no longer exported, what still is stays out.
        """
        gone = self.gone_from(export)
        return {m.case_key: m.reason for m in self.mentions if m.case_key not in gone}

    def until(self) -> dict[str, date]:
        """Case key → the last night on which no row of it may hold."""
        found: dict[str, date] = {}
        for mention in self.mentions:
            _, night = mention.order
            found[mention.case_key] = max(night, found.get(mention.case_key, date.min))
        return found | dict.fromkeys(self.erased, date.max)

    def now(self) -> frozenset[str]:
        """The cases that are out on the newest night: withheld by the newest word on them, or erased."""
        use = self.uses.get(self.in_force or "")
        since = use.first if use is not None else (date.min, date.min)
        own = self.in_force
        return self.erased | {
            m.case_key
            for m in self.mentions
            if m.order > since or (own is not None and m.order == self.uses[own].last)
        }


def suppressed(seal: Seal, landing: Landing, mission_keys: MissionKeys) -> Suppressed:
    """Who must stay out of a mission's landed exports and of the warehouse's nights."""
    records = list(landing.records(date.max))
    known = uses(records)
    in_force = records[-1].export if records else None
    gone = erased_cases(seal, landing, mission_keys)
    said = [
        (export, token, reason)
        for export in sorted(known)
        for token, reason in _withheld(seal, landing.path(export) / "withheld.parquet")
    ]
    keys = case_keys(mission_keys, (token for _, token, _ in said))
    mentions = [
        Mention(key, reason, known[export].last)
        for key, (export, _, reason) in zip(keys, said, strict=True)
    ]
    if gone or mentions:
        merged = _merges(seal, landing, in_force)
        mentions = [
            Mention(key, m.reason, m.order)
            for m in mentions
            for key in _with_records(m.case_key, merged)
        ]
        gone = whole_persons(gone, merged)
    return Suppressed(landing.mission, gone, tuple(mentions), known, in_force)


def _withheld(seal: Seal, path: Path) -> list[tuple[str, str]]:
    if not path.exists():
        return []
    table = seal.read(path, [TOKEN, "reason"])
    return list(zip(table.column(0).to_pylist(), table.column(1).to_pylist(), strict=True))


def _merges(seal: Seal, landing: Landing, in_force: str | None) -> dict[str, set[str]]:
    """Merged record → the cases that it was merged into, by all landed exports.

    What the export in force says of a record is all that counts of it: a merger may be undone.
    """
    found: dict[str, set[str]] = {}
    exports = sorted(landing.whole_exports(), key=lambda name: name != in_force)
    cases = {export: seal.scan(landing.path(export) / "case.parquet") for export in exports}
    own = (
        f"select case_key from {cases[in_force]}"
        if in_force in cases
        else "select null as case_key"
    )
    for export in exports:  # the one in force first
        pairs = seal.query(
            f"select case_key, merged_into_key from {cases[export]} as t "
            "where case_key is not null and merged_into_key is not null"
            + f" and not exists (select 1 from ({own}) as own where own.case_key = t.case_key)"
            * (export != in_force)
        )
        for key, into in zip(*(column.to_pylist() for column in pairs.columns), strict=True):
            found.setdefault(key, set()).add(into)
    return found


def _with_records(case: str, merged: Mapping[str, set[str]]) -> set[str]:
    """A case and every record that was merged into it, over any number of mergers."""
    found, todo = {case}, [case]
    while todo:
        into = todo.pop()
        more = {key for key, targets in merged.items() if into in targets} - found
        found |= more
        todo.extend(more)
    return found


def whole_persons(cases: AbstractSet[str], merged: Mapping[str, set[str]]) -> frozenset[str]:
    """All records of the persons of `cases`: what was merged into each, and what each was merged into."""
    found, todo = set(cases), list(cases)
    while todo:
        case = todo.pop()
        more = {key for key, targets in merged.items() if case in targets}
        more |= merged.get(case, set())
        todo.extend(more - found)
        found |= more
    return frozenset(found)


def person(seal: Seal, landing: Landing, case: str) -> frozenset[str]:
    """All records of the person of one case."""
    records = list(landing.records(date.max))
    return whole_persons({case}, _merges(seal, landing, records[-1].export if records else None))
