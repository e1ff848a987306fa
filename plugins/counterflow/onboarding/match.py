"""Whether a committed dialect explains a whole sample, and a draft that says only what differs.

In: a sample with its plans, and the dialects of the missions folder. Out: `Match`es, the best first:
how many columns each dialect names, how much of their cells it reads; and the draft over one of them.
"""

from __future__ import annotations

import fnmatch
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from counterflow.canonical import TABLES
from counterflow.contracts import Contract, ContractError, load
from counterflow.contracts.model import Column, Header
from counterflow.onboarding.draft import (
    UNDECIDED,
    Decision,
    Draft,
    Drafter,
    consent_words,
    header,
    mission_facts,
)
from counterflow.onboarding.dryrun import prepared
from counterflow.onboarding.lexicon import CONSENT_ROLES, Role, grouped_columns
from counterflow.onboarding.propose import Choice, TablePlan
from counterflow.onboarding.sample import Sample, SampleTable
from counterflow.onboarding.yamltext import Text
from counterflow.settings import Settings
from counterflow.text import fold
from counterflow.values import parse_date, split_list

_FITS = 0.7  # share of columns and of cells from which a dialect is proposed
_STUB = "mission: {0}\nname: x\nregion: x\nsteward: x\nextends: {1}\nsource: {{connection: x}}\n"


@dataclass(frozen=True, slots=True)
class Slot:
    """One place of a contract where a column is named."""

    path: tuple[str, ...]
    header: Header
    role: Role
    column: Column | None
    source: str  # the table whose rows hold it


@dataclass(slots=True, repr=False)
class Match:
    """How a dialect fits a sample. `columns` are those of the sample, `needed` those of the dialect."""

    dialect: str
    contract: Contract
    tables: dict[str, SampleTable]  # the contract's sources → tables of the sample
    found: dict[tuple[str, ...], int]  # slot → place of its column
    explained: int = 0
    columns: int = 0
    needed: int = 0
    read: float = 0.0  # share of the cells of coded and dated columns that it reads
    absent: list[Slot] = field(default_factory=list)

    @property
    def fits(self) -> bool:
        """Whether it is worth to start from."""
        named = self.explained / max(self.columns, 1)
        there = 1 - len(self.absent) / max(self.needed, 1)
        return min(named, there, self.read) >= _FITS

    @property
    def score(self) -> float:
        """What matches are ordered by."""
        there = 1 - len(self.absent) / max(self.needed, 1)
        return self.explained / max(self.columns, 1) * (0.3 + 0.7 * self.read) * there

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "dialect": self.dialect,
            "columns_explained": self.explained,
            "columns": self.columns,
            "columns_missing": len(self.absent),
            "cells_read": round(self.read, 3),
            "fits": self.fits,
        }


def best_match(sample: Sample, settings: Settings, night: date) -> list[Match]:
    """The dialects that name at least one column of the sample, the best first."""
    found = [
        match
        for dialect, contract in _dialects(settings)
        if (match := _matched(dialect, contract, sample, night)) is not None
    ]
    return sorted(found, key=lambda m: (-m.score, m.dialect))


def _dialects(settings: Settings) -> Iterator[tuple[str, Contract]]:
    """Every dialect that is a whole contract but for the mission's own words."""
    with tempfile.TemporaryDirectory(prefix="counterflow-dialects-") as folder:
        own = prepared(Path(folder), "", "ZZZ", settings)
        for path in sorted((settings.missions / "dialects").glob("*.yml")):
            mission = own.missions / "ZZZ.yml"
            mission.unlink()
            mission.write_text(_STUB.format("ZZZ", path.stem), "utf-8")
            try:
                yield path.stem, load(mission).contract
            except ContractError:
                continue  # it only holds what others share


def slots(contract: Contract) -> Iterator[Slot]:
    """Every place where the contract names a column."""
    for name, table in contract.tables.items():
        source = name if table.own_rows else "case"
        at = ("tables", name)
        for number, key in enumerate(table.key or []):
            yield Slot((*at, "key", str(number)), key, Role("key"), None, source)
        for part, columns in (("columns", table.columns), ("becomes", table.becomes)):
            for one, column in columns.items():
                kind = "birth" if column.at else "field"
                if column.from_ is not None:
                    role = Role(kind, name, one)
                    yield Slot((*at, part, one), column.from_, role, column, source)
        for item, one_header in table.each.items():
            yield Slot((*at, "each", item), one_header, Role("each", name, item), None, source)
        for group, one, column in grouped_columns(name, table):
            if column.from_ is not None:
                role = Role("group", name, f"{group}:{one}")
                in_groups = group in getattr(table, "groups", {})
                path = (*at, "groups", group, one) if in_groups else (*at, "lists", group)
                yield Slot(path, column.from_, role, column, source)
        for one, local in table.local.items():
            yield Slot((*at, "local", one), local.from_, Role("local", name, one), None, source)
        for number, dropped in enumerate(table.personal):
            yield Slot((*at, "personal", str(number)), dropped, Role("personal"), None, source)
        for dropped, label in zip(table.ignored, table.ignore, strict=True):
            yield Slot((*at, "ignore", label), dropped, Role("ignore"), None, source)
    consent = contract.consent.research
    for part, asked in consent.read:
        role = CONSENT_ROLES.get(part) or Role("consented", "case", part)
        yield Slot(("consent", part), asked, role, None, "case")


def _matched(dialect: str, contract: Contract, sample: Sample, night: date) -> Match | None:
    if contract.source.format != sample.format or contract.source.archive != sample.archive:
        return None
    listed = list(slots(contract))
    tables: dict[str, SampleTable] = {}
    for source in {slot.source: None for slot in listed}:
        table = _table_for(source, contract, [s for s in listed if s.source == source], sample)
        if table is not None:
            tables[source] = table
    if "case" not in tables:
        return None
    match = Match(dialect, contract, tables, {})
    for slot in listed:
        place = _place(tables[slot.source], slot.header) if slot.source in tables else None
        if place is not None:
            match.found[slot.path] = place
        elif slot.role.kind not in ("personal", "ignore"):
            match.absent.append(slot)
    match.needed = sum(1 for slot in listed if slot.role.kind not in ("personal", "ignore"))
    taken = {id(t): t for t in tables.values()}
    named = {(id(tables[s.source]), match.found[s.path]) for s in listed if s.path in match.found}
    match.explained = len(named)
    match.columns = sum(_width(t) for t in taken.values())
    match.read = _read(match, listed, night)
    return match if match.explained else None


def _width(table: SampleTable) -> int:
    """Columns that hold a name or something."""
    return sum(
        1
        for label, cells in zip(table.labels, table.columns, strict=True)
        if label or any(cells.values)
    )


def _table_for(
    source: str, contract: Contract, listed: list[Slot], sample: Sample
) -> SampleTable | None:
    """The table of the sample that holds a source: by its name, else by its columns."""
    spec = contract.tables[source]
    wanted = spec.file or spec.sheet or spec.records or ""
    for table in sample.tables:
        if (
            table.place
            and wanted
            and (
                fold(table.place) == fold(wanted)
                or (spec.file and fnmatch.fnmatch(table.place, spec.file))
            )
        ):
            return table

    def named(table: SampleTable) -> int:
        return sum(1 for slot in listed if _place(table, slot.header) is not None)

    best = max(sample.tables, key=named)
    return best if named(best) >= 0.5 * len(listed) else None


def _place(table: SampleTable, wanted: Header) -> int | None:
    """The place of a column; both names must agree where both are there."""
    label = fold(wanted.label) if wanted.label is not None else None
    technical = fold(wanted.technical) if wanted.technical is not None else None
    if label is None and technical is None:
        place = (wanted.position or 0) - 1
        return place if 0 <= place < len(table.labels) else None
    for place, name in enumerate(table.labels):
        by_label = label is None or fold(name) == label
        own = fold(table.technical[place]) if table.technical else None
        if label is None and own is None:
            by_label = fold(name) == technical
        by_technical = technical is None or own is None or own == technical
        if by_label and by_technical:
            return place
    return None


def _read(match: Match, listed: list[Slot], night: date) -> float:
    """The mean share of answered cells that the dialect's codes and formats read."""
    contract = match.contract
    missing = frozenset(fold(word) for word in contract.missing)
    months = {fold(name): number for name, number in contract.months.items()}
    shares = []
    for slot in listed:
        if slot.column is None or slot.path not in match.found:
            continue
        cells = match.tables[slot.source].columns[match.found[slot.path]]
        share = _share_read(slot.column, cells.values, contract, missing, months, night)
        if share is not None:
            shares.append(share)
    return sum(shares) / len(shares) if shares else 0.0


def _share_read(
    column: Column,
    values: list[str],
    contract: Contract,
    missing: frozenset[str],
    months: Mapping[str, int],
    night: date,
) -> float | None:
    answered = [v for v in values if v and fold(v) not in missing]
    if not answered:
        return None
    if column.codes is not None:
        known = frozenset(fold(code) for code in contract.code_map(column.codes))
        if column.many:
            listed = [split_list(v, column.many, known | missing) for v in answered]
            fits = sum(all(item in known | missing for item in items) for items in listed)
            return fits / len(answered)
        return sum(fold(v) in known for v in answered) / len(answered)
    if column.date:
        calendar = column.calendar or contract.calendar
        days = [parse_date(v, column.date, calendar, missing, months)[0] for v in answered]
        return sum(day is not None and day <= night for day in days) / len(answered)
    return None


# --- the draft over a dialect --------------------------------------------------------------------


def draft_over(
    mission: str, sample: Sample, plans: list[TablePlan], match: Match, path: str
) -> Draft:
    """A contract that extends the dialect and says what differs."""
    return _Over(mission, sample, plans, match, path).draft()


class _Over:
    def __init__(
        self, mission: str, sample: Sample, plans: list[TablePlan], match: Match, path: str
    ) -> None:
        self.mission, self.sample, self.match, self.path = mission, sample, match, path
        self.drafter = Drafter(mission, sample, plans, path)
        self.plans = {id(p.source): p for p in plans}
        self.changes: dict[str, dict[str, dict[str, tuple[Any, str]]]] = {}
        self.decisions: list[Decision] = []
        self.listed = list(slots(match.contract))
        self.gone = {slot.path: slot for slot in match.absent}

    def draft(self) -> Draft:
        """Text and decisions."""
        for source, table in self.match.tables.items():
            self._new_columns(source, table)
        for slot in self.gone.values():
            self._absent(slot)
        self._codes()
        text = Text()
        self._head(text)
        codes = self.drafter.codes
        if codes:
            text.blank()
            text.add(0, "codes")
            for name, (own, comment, unknown) in codes.items():
                text.block(1, name, own, comment)
                for line in unknown:
                    text.comment(2, line)
        self._tables(text)
        text.blank()
        yes, no = self._consent(text)
        self._decide(
            "form",
            "extends",
            "is this the same form, asked in the same words? " + self._said(),
            self.match.dialect,
        )
        self._decide(
            "mission",
            "steward, source.connection, source.path",
            "who answers for the data, and where does the export lie?",
        )
        decisions = [*self.decisions, *self.drafter.decisions]
        return Draft(self.mission, str(text), decisions, yes, no, self.match.dialect)

    def _said(self) -> str:
        m = self.match
        return (
            f"it explains {m.explained} of {m.columns} columns and reads {m.read:.1%} of the cells"
        )

    def _head(self, text: Text) -> None:
        name, region = mission_facts(self.mission)
        text.lines.append("# yaml-language-server: $schema=contract.schema.json")
        text.comment(
            0, "A draft of `counterflow onboard`, made from one sample. Search for `decide`."
        )
        text.add(0, "mission", self.mission)
        text.add(0, "name", name)
        text.add(0, "region", region)
        text.add(
            0,
            "steward",
            f"{fold(name).split(' (')[0].replace(' ', '-')}-protection-desk",
            "decide: the desk that answers for the data, never a person",
        )
        text.add(0, "extends", self.match.dialect, self._said())
        text.blank()
        source = self.match.contract.source
        text.add(0, "source")
        text.add(
            1, "connection", f"mission_{self.mission.lower()}", "decide: the Airflow connection"
        )
        if source.path.rpartition("/")[2] != self.path:
            text.add(1, "path", self.path, f"decide: the folder; the dialect has {source.path}")
        guesses = self.sample.encodings
        if guesses:
            near = [g.encoding for g in guesses if g.confidence >= guesses[0].confidence - 0.15]
            ascii_only = "ASCII" in guesses[0].reason
            if not ascii_only and not any(_same_codec(source.encoding, g) for g in near):
                text.add(1, "encoding", guesses[0].encoding, guesses[0].reason)
        if self.sample.delimiter and self.sample.delimiter != source.delimiter:
            text.add(1, "delimiter", self.sample.delimiter)
        case = self.match.tables["case"]
        if case.label_row != source.header.label or (
            source.header.technical and case.technical_row != source.header.technical
        ):
            rows: dict[str, Any] = {"label": case.label_row}
            if case.technical_row:
                rows["technical"] = case.technical_row
            text.add(1, "header", rows)
        known = {fold(word) for word in self.match.contract.missing}
        new = [w for w in self.drafter._missing() if fold(w) not in known and self._nobodys(w)]
        if new:
            words = [*self.match.contract.missing, *new]
            text.listed(
                0, "missing", words, f"decide: {', '.join(new)} only here: was it not answered?"
            )

    def _nobodys(self, word: str) -> bool:
        """Whether the dialect gives the word no meaning of its own."""
        lists = self.match.contract.codes.values()
        return not any(fold(word) == fold(code) for codes in lists for code in codes)

    def _new_columns(self, source: str, table: SampleTable) -> None:
        """Columns of the sample that the dialect does not name."""
        named = {
            self.match.found[s.path]
            for s in self.listed
            if s.source == source and s.path in self.match.found
        }
        plan = self.plans.get(id(table))
        choices = {c.place: c for c in plan.choices} if plan else {}
        personal: list[Any] = []
        for place, label in enumerate(table.labels):
            if place in named or (not label and not any(table.columns[place].values)):
                continue
            choice = choices.get(place)
            role = choice.role if choice else None
            if choice is None or plan is None:
                continue
            if role is not None and (slot := self._replaced(role, source)) is not None:
                self._rename(slot, table, place, choice)
            elif role is not None and role.kind == "personal":
                personal.append(header(table, place))
            elif role is not None and role.kind == "field" and self._is_new(role):
                spec = self.drafter._column(plan, choice)
                self._set(
                    role.table,
                    "columns",
                    role.name,
                    spec,
                    f"{choice.confidence:.0%}: {choice.reason}",
                )
            else:
                why = "free text" if role is not None and role.kind == "notes" else UNDECIDED
                name = (
                    f"column {place + 1}"
                    if place in table.doubtful
                    else label or f"column {place + 1}"
                )
                self._set(source, "ignore", name, why, "; ".join(choice.alternatives[:1]))
                if why == UNDECIDED:
                    what = choice.profile.detail or choice.profile.kind
                    self._decide(
                        "column",
                        f"{table.place or 'the file'}: {choice.name}",
                        f"what is it? The dialect does not know it ({what})",
                        "it is dropped",
                    )
        if personal:
            kept = [
                header(table, self.match.found[s.path])
                for s in self.listed
                if s.source == source and s.role.kind == "personal" and s.path in self.match.found
            ]
            self._set(source, "personal", "", [*kept, *personal], "")

    def _replaced(self, role: Role, source: str) -> Slot | None:
        """The slot of the dialect that the column fills under another name."""
        for slot in self.gone.values():
            if slot.role == role and slot.source == source:
                return slot
        return None

    def _is_new(self, role: Role) -> bool:
        """Whether the dialect has the table but fills the field from nowhere."""
        table = self.match.contract.tables.get(role.table)
        if table is None or (table.own_rows and role.table != "case"):
            return False
        filled = any(s.role.table == role.table and s.role.name == role.name for s in self.listed)
        item = TABLES[role.table].item
        return not filled and not (role.name == item and table.each)

    def _rename(self, slot: Slot, table: SampleTable, place: int, choice: Choice) -> None:
        del self.gone[slot.path]
        name = header(table, place)
        comment = f"the dialect has {slot.header}; {choice.confidence:.0%}: {choice.reason}"
        match slot.path:
            case ("tables", one, "key", _):
                self._set(one, "key", "", name, comment)
            case ("consent", part):
                key, _, inner = part.partition(".")
                value = {inner: name} if inner else name
                self.changes.setdefault("consent", {}).setdefault("", {})[key] = (value, comment)
            case ("tables", one, "each", item):
                self._set(one, "each", item, name, comment)
            case ("tables", one, "groups", group, field_name):
                self._set(one, "groups", group, {field_name: {"from": name}}, comment)
            case ("tables", one, part, field_name):
                self._set(one, part, field_name, {"from": name}, comment)

    def _absent(self, slot: Slot) -> None:
        """A column that the dialect needs and the sample lacks is taken out."""
        match slot.path:
            case ("tables", one, "key", _):
                self._decide(
                    "column",
                    f"tables.{one}.key",
                    f"the dialect's `{slot.header}` is not there: what is the case number?",
                )
            case ("consent", part) if part != "from":
                key = part.partition(".")[0]
                own = self.changes.setdefault("consent", {}).setdefault("", {})
                own[key] = ("~", "not in the sample")
                if slot.role.kind == "consented":
                    self._decide(
                        "consent",
                        f"consent.research.{key}",
                        f"the dialect's `{slot.header}` is not in the sample: was it not asked?",
                        "left out",
                    )
            case ("consent", _):
                self._decide(
                    "consent",
                    "consent.research",
                    f"the dialect's `{slot.header}` is not there: without consent nothing may be loaded",
                )
            case ("tables", one, "groups", group, field_name):
                self._set(one, "groups", group, {field_name: "~"}, "not in the sample")
            case ("tables", one, part, field_name):
                self._set(one, part, field_name, "~", f"{slot.header} is not in the sample")
                self._decide(
                    "column",
                    f"tables.{one}.{field_name}",
                    f"the dialect's `{slot.header}` is not in the sample: was it not asked?",
                    "left out",
                )

    def _codes(self) -> None:
        """Values that at least five cases hold and the dialect does not know."""
        contract = self.match.contract
        missing = frozenset(fold(word) for word in contract.missing)
        for slot in self.listed:
            if (
                slot.column is None
                or slot.column.codes is None
                or slot.path not in self.match.found
            ):
                continue
            plan = self.plans.get(id(self.match.tables[slot.source]))
            choice = (
                next((c for c in plan.choices if c.place == self.match.found[slot.path]), None)
                if plan
                else None
            )
            if choice is None:
                continue
            known = frozenset(fold(code) for code in contract.code_map(slot.column.codes)) | missing
            unknown = [(v, n) for v, n in choice.profile.shown if not _known(v, slot.column, known)]
            fit = choice.fit
            open_ = [v for v, _ in unknown if fit is None or v not in fit.missing]
            if open_:
                self._decide(
                    "codes",
                    ".".join(slot.path),
                    f"{len(open_)} codes are not the dialect's: {', '.join(open_[:12])}",
                    _guesses(open_, fit.words if fit else {}),
                )

    def _set(self, table: str, part: str, name: str, value: Any, comment: str) -> None:
        entries = self.changes.setdefault(table, {}).setdefault(part, {})
        if isinstance(value, dict) and name in entries and isinstance(entries[name][0], dict):
            value = entries[name][0] | value
        entries[name] = (value, comment)

    def _tables(self, text: Text) -> None:
        changed = {name: parts for name, parts in self.changes.items() if name != "consent"}
        for source, table in self.match.tables.items():
            spec = self.match.contract.tables[source]
            if spec.file and table.place and not fnmatch.fnmatch(table.place, spec.file):
                changed.setdefault(source, {})["file"] = {
                    "": (table.place, f"the dialect has {spec.file}")
                }
            if spec.sheet and fold(table.place) != fold(spec.sheet):
                changed.setdefault(source, {})["sheet"] = {
                    "": (table.place, f"the dialect has {spec.sheet}")
                }
        if not changed:
            return
        text.blank()
        text.add(0, "tables")
        for name in [t for t in TABLES if t in changed]:
            text.add(1, name)
            for part, entries in changed[name].items():
                if "" in entries:
                    value, comment = entries[""]
                    if isinstance(value, list):
                        text.listed(2, part, value, comment)
                    else:
                        text.add(2, part, value, comment)
                    continue
                text.add(2, part)
                for entry, (value, comment) in entries.items():
                    text.add(3, entry, value, comment)

    def _consent(self, text: Text) -> tuple[list[str], list[str]]:
        text.comment(
            0,
            "Consent is never guessed, nor taken over from the dialect: every case is withheld until `yes` is decided.",
        )
        research = self.match.contract.consent.research
        own = self.changes.get("consent", {}).get("", {})
        spec: dict[str, Any] = {name: value for name, (value, _) in own.items()}
        yes, no = list(research.yes), list(research.no)
        place = self.match.found.get(("consent", "from"))
        plan = self.plans.get(id(self.match.tables["case"]))
        choice = next((c for c in plan.choices if c.place == place), None) if plan else None
        if choice is not None:
            words = consent_words(choice)
            yes = (
                [w for w in yes if any(fold(w) == fold(v) for v, _ in choice.profile.shown)]
                or words[0]
                or yes
            )
        spec["yes"] = [UNDECIDED]
        text.add(0, "consent")
        text.add(
            1,
            "research",
            spec,
            f"decide: is it the dialect's question? Then write yes: [{', '.join(yes)}]",
        )
        self._decide(
            "consent",
            f"consent.research: {research.from_}",
            "is this consent to RESEARCH with de-personalised data, asked as in the dialect, and which words are a yes?",
            f"yes: {', '.join(yes)}",
        )
        return yes, no

    def _decide(self, topic: str, where: str, question: str, proposal: str = "") -> None:
        self.decisions.append(Decision(topic, where, question, proposal))


def _known(value: str, column: Column, known: frozenset[str]) -> bool:
    if fold(value) in known:
        return True
    return bool(column.many) and all(
        i in known for i in split_list(value, column.many or "", known)
    )


def _guesses(values: list[str], words: Mapping[str, Any]) -> str:
    found = [f"{v}: {words[v].code}" for v in values if v in words]
    return ", ".join(found[:12])


def _same_codec(first: str, second: str) -> bool:
    def bare(name: str) -> str:
        return name.lower().replace("_", "-").removesuffix("-sig")

    return bare(first) == bare(second)
