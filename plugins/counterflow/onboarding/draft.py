"""A draft contract from the plans: valid YAML that grants nothing, and the list of what to decide.

In: a `Sample`, its `TablePlan`s, the mission. Out: `Draft`: the text and the decisions. What is not
understood is ignored "to be decided", consent is withheld until a person names the words for yes, and
no value is written that fewer than five cases hold, unless it stands in a list that is public anyway.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from counterflow.canonical import TABLES, Kind
from counterflow.contracts.model import Source, Table
from counterflow.onboarding import cldr
from counterflow.onboarding.codes import CodesFit
from counterflow.onboarding.lexicon import Role
from counterflow.onboarding.propose import Choice, TablePlan
from counterflow.onboarding.sample import Sample, SampleTable
from counterflow.onboarding.yamltext import Text
from counterflow.settings import PROJECT
from counterflow.text import fold

UNDECIDED = "to be decided"
_SURE = 0.8  # confidence of a single word's meaning, from which it stands in the draft
_COUNTRIES = PROJECT / "dbt_project" / "seeds" / "country.csv"
GROUPS = "groups" in Table.model_fields
DECIMAL = "decimal" in Source.model_fields


@dataclass(frozen=True, slots=True)
class Decision:
    """One thing that a person must settle before the contract may be used."""

    topic: str  # consent, column, codes, dates, file, form, mission
    where: str
    question: str
    proposal: str = ""

    def to_dict(self) -> dict[str, str]:
        """For `--json`."""
        return {
            "topic": self.topic,
            "where": self.where,
            "question": self.question,
            "proposal": self.proposal,
        }


@dataclass(slots=True)
class Draft:
    """The text of a contract, and what is to be decided."""

    mission: str
    text: str
    decisions: list[Decision]
    consent_yes: list[str] = field(default_factory=list)  # proposed words, not in force
    consent_no: list[str] = field(default_factory=list)
    extends: str | None = None
    has_consent: bool = True


def mission_facts(mission: str) -> tuple[str, str]:
    """Name and M49 sub-region of a mission. Raises ValueError for a code that is no country's."""
    with _COUNTRIES.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["country_code"] == mission:
                return row["country_name"], row["m49_subregion"] or row["m49_region"]
    raise ValueError(f"`{mission}` is no ISO 3166 alpha-3 code of a country, as `MDA` is")


_IN_NAME = (
    (r"(?<!\d)(?:19|20)\d{2}-\d{2}-\d{2}(?!\d)", "%Y-%m-%d"),
    (r"(?<!\d)(?:19|20)\d{2}_\d{2}_\d{2}(?!\d)", "%Y_%m_%d"),
    (r"(?<!\d)(?:19|20)\d{6}(?!\d)", "%Y%m%d"),
    (r"(?<!\d)\d{2}\.\d{2}\.(?:19|20)\d{2}(?!\d)", "%d.%m.%Y"),
    (r"(?<!\d)\d{6}(?!\d)", "%y%m%d"),
)


def path_pattern(name: str) -> tuple[str, date | None]:
    """A file's name with the place of the night in it, and the night that it tells."""
    from datetime import datetime

    for pattern, form in _IN_NAME:
        match = re.search(pattern, name)
        if match is None:
            continue
        try:
            night = datetime.strptime(match[0], form).date()
        except ValueError:
            continue
        return name[: match.start()] + "{night:" + form + "}" + name[match.end() :], night
    return name, None


class Drafter:
    """Writes the draft of one mission that has no dialect."""

    def __init__(self, mission: str, sample: Sample, plans: list[TablePlan], path: str) -> None:
        self.mission, self.sample, self.plans, self.path = mission, sample, plans, path
        self.decisions: list[Decision] = []
        self.codes: dict[
            str, tuple[dict[str, Any], str, list[str]]
        ] = {}  # name → codes, comment, open
        self.months: dict[str, int] = {}
        self.dated = [c for p in plans for c in p.choices if c.role and c.profile.dates]
        self.calendar = _calendar(self.dated)
        self.case = plans[0]

    def draft(self) -> Draft:
        """The whole draft."""
        tables = Text()
        for name, parts in self._by_table().items():
            self._table(tables, name, parts)
        consent = Text()
        yes, no = self._consent(consent)
        text = Text()
        self._head(text)
        text.blank()
        text.add(0, "tables")
        text.lines += tables.lines
        text.blank()
        text.lines += consent.lines
        text.blank()
        self._assertions(text)
        self._lists(text)
        self._general()
        has = any(c.role and c.role.kind == "consent" for c in self.case.choices)
        return Draft(self.mission, str(text), self.decisions, yes, no, None, has)

    def _lists(self, text: Text) -> None:
        """The contract's own code lists, at its end: they may be long."""
        if not self.codes:
            return
        text.blank()
        text.add(0, "codes")
        listed = sorted(self.codes.items(), key=lambda item: len(item[1][0]))
        for name, (codes, comment, unknown) in listed:
            text.block(1, name, codes, comment)
            for line in unknown:
                text.comment(2, line)

    # --- parts -----------------------------------------------------------------------------------

    def _head(self, text: Text) -> None:
        name, region = mission_facts(self.mission)
        text.lines.append("# yaml-language-server: $schema=contract.schema.json")
        text.comment(
            0,
            "A draft of `counterflow onboard`, made from one sample. Percentages say how sure a proposal is.",
        )
        text.comment(0, "Search for `decide`: until consent is decided, every case is withheld.")
        text.add(0, "mission", self.mission)
        text.add(0, "name", name)
        text.add(0, "region", region)
        text.add(0, "languages", self._languages())
        text.add(
            0,
            "steward",
            f"{fold(name).split(' (')[0].replace(' ', '-')}-protection-desk",
            "decide: the desk that answers for the data, never a person",
        )
        text.blank()
        text.add(0, "source")
        text.add(
            1, "connection", f"mission_{self.mission.lower()}", "decide: the Airflow connection"
        )
        text.add(1, "path", self.path, "decide: the folder on the mission's server")
        text.add(1, "format", self.sample.format)
        if self.sample.archive:
            text.add(1, "archive", self.sample.archive)
        if self.sample.encodings:
            best, *others = self.sample.encodings
            near = [g for g in others if g.confidence >= best.confidence - 0.15]
            comment = f"{best.confidence:.0%}: {best.reason}"
            if near:
                comment += "; perhaps " + ", ".join(g.encoding for g in near)
                question = "is the encoding right? look at accented letters in the codes below"
                self._decide("file", "source.encoding", question, best.encoding)
            text.add(1, "encoding", best.encoding, comment)
        if self.sample.delimiter and self.sample.delimiter != ",":
            text.add(1, "delimiter", self.sample.delimiter)
        self._decimal(text)
        source = self.case.source
        if source.label_row != 1 or source.technical_row:
            header: dict[str, Any] = {"label": source.label_row}
            if source.technical_row:
                header["technical"] = source.technical_row
            text.add(1, "header", header)
        missing = self._missing()
        if missing:
            text.listed(
                0, "missing", missing, "decide: do all of these say that nothing was answered?"
            )
        if self.calendar != "gregorian":
            text.add(
                0,
                "calendar",
                self.calendar,
                next(
                    c.profile.dates.reason
                    for c in self.dated
                    if c.profile.dates and c.profile.dates.calendar == self.calendar
                ),
            )
        if self.months:
            text.block(0, "months", self.months)

    def _languages(self) -> list[str]:
        seen: Counter[str] = Counter()
        for plan in self.plans:
            for choice in plan.choices:
                if choice.fit and choice.fit.language:
                    seen[choice.fit.language] += 2
                if (
                    choice.fit
                    and choice.fit.known
                    and (m := re.fullmatch(r"\w+_([a-z]{2})", choice.fit.known.name))
                ):
                    seen[m[1]] += 2
                if choice.profile.dates and choice.profile.dates.month_language:
                    seen[choice.profile.dates.month_language] += 2
        if self.sample.encodings and self.sample.encodings[0].language:
            seen[self.sample.encodings[0].language] += 1
        if not seen:
            self._decide("mission", "languages", "in which languages is the export?", "en")
            return ["en"]
        return [seen.most_common(1)[0][0]]

    def _decimal(self, text: Text) -> None:
        marks = Counter(
            c.profile.decimal
            for p in self.plans
            for c in p.choices
            if c.profile.decimal and c.role and c.role.kind == "field"
        )
        if not marks:
            return
        mark = marks.most_common(1)[0][0]
        if DECIMAL and mark != ".":
            text.add(1, "decimal", mark)
        if len(marks) > 1:
            self._decide(
                "codes",
                "source.decimal",
                "numbers are written with a comma and with a point: which is decimal?",
                str(mark),
            )

    def _missing(self) -> list[str]:
        found: Counter[str] = Counter()
        for plan in self.plans:
            for choice in plan.choices:
                if choice.fit is not None and choice.role is not None:
                    for value in choice.fit.missing:
                        found[value] += 1
        return [value for value, _ in sorted(found.items(), key=lambda f: (-f[1], f[0]))]

    def _by_table(self) -> dict[str, list[tuple[TablePlan, Choice]]]:
        """Canonical table → its columns, in the model's order; the case's own first."""
        found: dict[str, list[tuple[TablePlan, Choice]]] = {}
        for plan in self.plans:
            if plan.canonical is None:
                self._decide(
                    "file", plan.source.place, f"{plan.reason}: is it needed?", "it is not read"
                )
                continue
            for choice in plan.choices:
                role = choice.role
                mapped = role is not None and role.table and role.kind != "birth"
                name = role.table if mapped and role is not None else plan.canonical
                found.setdefault(name, []).append((plan, choice))
            found.setdefault(plan.canonical, [])
        return {name: found[name] for name in TABLES if name in found}

    def _table(self, text: Text, name: str, parts: list[tuple[TablePlan, Choice]]) -> None:
        own = next((p for p in self.plans if p.canonical == name), None)
        text.add(1, name)
        if own is not None:
            word = {"csv": "file", "fixed": "file", "json": "records"}.get(
                self.sample.format, "sheet"
            )
            place = own.source.place or ("*" if word == "file" else "")
            if word == "records" or place:
                text.add(2, word, _undated(place) if word == "file" else place)
            if own.source.layout is not None:
                spans = [f"{first}-{last}" for first, last in own.source.layout]
                layout = dict(zip(own.source.labels, spans, strict=True))
                text.block(2, "layout", layout, "decide: do the columns begin and end here?")
            if own.key is not None:
                text.add(2, "key", header(own.source, own.key))
            elif name == "case":
                text.add(2, "key", UNDECIDED, "decide: no column tells the cases apart")
                self._decide(
                    "column", "tables.case.key", "which column (or columns) tell the cases apart?"
                )
        self._columns(text, name, parts)
        self._dropped(text, parts)

    def _columns(self, text: Text, name: str, parts: list[tuple[TablePlan, Choice]]) -> None:
        fields = [f.name for f in TABLES[name].fields]
        columns = [(p, c) for p, c in parts if c.role and c.role.kind == "field"]
        columns.sort(key=lambda pc: fields.index(pc[1].role.name) if pc[1].role else 0)
        if columns:
            text.add(2, "columns")
            for plan, choice in columns:
                spec = self._column(plan, choice)
                text.add(
                    3,
                    choice.role.name if choice.role else "",
                    spec,
                    f"{choice.confidence:.0%}: {choice.reason}",
                )
        births = [(p, c) for p, c in parts if c.role and c.role.kind == "birth"]
        dated = any(c.role and c.role.name == "registered_on" for _, c in columns)
        for plan, choice in births[:1]:
            if dated:
                text.add(2, "becomes")
                spec = self._column(plan, choice) | {"at": "registered_on"}
                text.add(
                    3,
                    "age_band",
                    spec,
                    f"{choice.confidence:.0%}: {choice.reason}; only the band is kept",
                )
            else:
                choice.role = Role("personal")
                choice.reason = "a date of birth, and no date of registration to make an age of"
        each = [(p, c) for p, c in parts if c.role and c.role.kind == "each"]
        if each:
            fit = max((c.fit for _, c in each if c.fit), key=lambda f: f.share, default=None)
            if fit is not None:
                text.add(2, "answers", self._codes(fit, f"tables.{name}.answers"))
            text.add(2, "each")
            for plan, choice in each:
                text.add(
                    3,
                    choice.role.name if choice.role else "",
                    header(plan.source, choice.place),
                    f"{choice.confidence:.0%}: {choice.reason}",
                )
        self._groups(text, [(p, c) for p, c in parts if c.role and c.role.kind == "group"])

    def _groups(self, text: Text, parts: list[tuple[TablePlan, Choice]]) -> None:
        if not parts:
            return
        text.add(2, "groups" if GROUPS else "lists")
        groups: dict[str, dict[str, tuple[TablePlan, Choice]]] = {}
        for plan, choice in parts:
            group, _, one = choice.role.name.partition(":") if choice.role else ("", "", "")
            groups.setdefault(group, {})[one] = (plan, choice)
        for group, columns in groups.items():
            if not GROUPS:
                plan, choice = next(iter(columns.values()))
                text.add(
                    3,
                    group,
                    self._column(plan, choice),
                    f"{choice.confidence:.0%}: {choice.reason}",
                )
                continue
            text.add(3, group)
            for one, (plan, choice) in columns.items():
                text.add(
                    4, one, self._column(plan, choice), f"{choice.confidence:.0%}: {choice.reason}"
                )

    def _column(self, plan: TablePlan, choice: Choice) -> dict[str, Any]:
        """What a column's entry says."""
        role = choice.role
        assert role is not None
        spec: dict[str, Any] = {"from": header(plan.source, choice.place)}
        where = f"tables.{role.table}.{role.name}"
        for doubt in choice.decisions:
            self._decide("dates" if choice.profile.dates else "codes", where, doubt)
        if role.kind == "birth":
            spec |= self._dates(choice)
            return spec
        one = role.name.partition(":")[2] or role.name
        canonical = TABLES[role.table].field(one)
        match canonical.kind:
            case Kind.MONTH | Kind.YEAR:
                dates = self._dates(choice)
                if canonical.kind is Kind.YEAR and dates.get("date") == "%Y":
                    dates.pop("date")
                spec |= dates
            case Kind.BAND if choice.fit is None:
                units = {"duration_band": "months", "children_band": "number"}
                spec["unit"] = units.get(canonical.name, "years")
            case Kind.NUMBER:
                pass
            case _ if choice.fit is not None:
                spec["codes"] = self._codes(choice.fit, where)
                if choice.fit.many:
                    spec["many"] = choice.fit.many
        if canonical.name == "country_of_exploitation":
            question = "what does the question ask: where the person was last exploited (last_exploitation), screened, registered? State it as `basis`"
            self._decide("form", where, question)
        if one == "labour_sector" and choice.fit and choice.fit.many and plan.canonical == "case":
            spec["with"] = "forced_labour"
            self._decide(
                "form",
                where,
                "does the list of sectors belong to forced labour?",
                "with: forced_labour",
            )
        return spec

    def _dates(self, choice: Choice) -> dict[str, Any]:
        shape = choice.profile.dates
        if shape is None:
            return {}
        spec: dict[str, Any] = {
            "date": shape.formats[0] if len(shape.formats) == 1 else list(shape.formats)
        }
        if shape.calendar != self.calendar:
            spec["calendar"] = shape.calendar
        if shape.month_language and any("%b" in f for f in shape.formats):
            self.months |= cldr.month_list(shape.month_language, shape.month_words)
        return spec

    def _codes(self, fit: CodesFit, where: str) -> Any:
        """Names of lists and inline codes; what they do not explain becomes a decision."""
        entries: list[Any] = []
        unknown = [f"decide: {v}: …   ({n} cases hold it)" for v, n in fit.unknown]
        sure = {v: g for v, g in fit.words.items() if g.score >= _SURE}
        for value, guess in fit.words.items():
            if guess.score < _SURE:
                unknown.append(f"decide: {value}: {guess.code}?   ({guess.reason})")
        if fit.known is not None and fit.known.shared:
            entries.append(fit.known.name)
        elif fit.known is not None:
            codes = {
                text: _code(code, relation) for text, code, relation in fit.known.codes.values()
            }
            comment = f"the list of {fit.known.origin}"
            entries.append(self._list(fit.known.name, codes, comment, unknown))
        elif fit.language is not None:
            codes = dict(sorted(cldr.country_names(fit.language).items(), key=lambda c: c[1]))
            comment = f"names of countries in {cldr.language_name(fit.language)}, from Unicode CLDR"
            entries.append(self._list(f"countries_{fit.language}", codes, comment, unknown))
        own = {v: _code(g.code, g.relation) for v, g in sorted(sure.items())}
        if own:
            reasons = {g.reason for g in sure.values()}
            comment = "; ".join(sorted(reasons)[:2])
            entries.append(self._list(fit.code_list, own, comment, unknown if not entries else []))
        if not entries:
            entries.append(
                self._list(fit.code_list, {}, "decide: none of its codes is known", unknown)
            )
        elif unknown and isinstance(entries[0], str) and entries[0] not in self.codes:
            self._list(f"{fit.code_list}_open", {}, f"left over by {entries[0]}", unknown)
            self.codes.pop(f"{fit.code_list}_open", None)
            entries.append({})
        if fit.unknown:
            question = f"{len(fit.unknown)} codes have no meaning yet: {', '.join(v for v, _ in fit.unknown[:12])}"
            self._decide("codes", where, question)
        near = [f"{v}: {g.code}" for v, g in fit.words.items() if g.score < _SURE]
        if near:
            self._decide("codes", where, "are these right?", ", ".join(near[:12]))
        if fit.hidden[0]:
            question = (
                f"{fit.hidden[0]} further values, on {fit.hidden[1]} rows, are held by fewer than five cases each and not "
                "shown: ask the mission for its code list"
            )
            self._decide("codes", where, question)
        entries = [e for e in entries if e != {}] or [{}]
        return entries[0] if len(entries) == 1 else entries

    def _list(self, name: str, codes: Mapping[str, Any], comment: str, unknown: list[str]) -> str:
        """Put a list among the contract's own, under a name that no other list has."""
        wanted, number = name, 1
        while wanted in self.codes and self.codes[wanted][0] != dict(codes):
            number += 1
            wanted = f"{name}_{number}"
        before = self.codes.get(wanted)
        lines = list(dict.fromkeys([*(before[2] if before else []), *unknown]))
        self.codes[wanted] = (dict(codes), comment, lines)
        return wanted

    def _dropped(self, text: Text, parts: list[tuple[TablePlan, Choice]]) -> None:
        personal = [(p, c) for p, c in parts if c.role and c.role.kind == "personal"]
        if personal:
            text.listed(2, "personal", [header(p.source, c.place) for p, c in personal])
        ignored: list[tuple[str, str, str]] = []
        for plan, choice in parts:
            role = choice.role
            name = _ignored_name(plan.source, choice.place)
            if self.sample.format == "json" and choice.place in plan.source.doubtful:
                continue
            if role is not None and role.kind == "notes":
                ignored.append((name, "free text", ""))
            elif role is not None and role.kind == "ignore":
                ignored.append((name, role.name or UNDECIDED, ""))
            elif role is None:
                why = f"{UNDECIDED}: {_looks(choice)}"
                ignored.append((name, why, "; ".join(choice.alternatives[:2])))
                perhaps = (
                    f"perhaps {choice.alternatives[0]}" if choice.alternatives else "it is dropped"
                )
                self._decide(
                    "column",
                    f"{plan.source.place or 'the file'}: {choice.name}",
                    f"what is it? {_looks(choice)}{_held(choice)}",
                    perhaps,
                )
        if ignored:
            text.add(2, "ignore")
            for name, why, comment in ignored:
                text.add(3, name, why, comment)

    def _consent(self, text: Text) -> tuple[list[str], list[str]]:
        text.comment(
            0,
            "Consent is never guessed: `yes` holds a word that no cell holds, so every case is withheld until it is decided.",
        )
        text.add(0, "consent")
        found = self.case.of("consent")
        if not found:
            text.add(
                1,
                "research",
                {"from": UNDECIDED, "yes": [UNDECIDED]},
                "decide: no column looks like consent; without one nothing may be loaded",
            )
            self._decide(
                "consent",
                "consent.research",
                "no column looks like consent to research. Ask the mission: without one nothing may be loaded",
            )
            return [], []
        choice = found[0]
        yes, no = consent_words(choice)
        spec: dict[str, Any] = {"from": header(self.case.source, choice.place), "yes": [UNDECIDED]}
        if no:
            spec["no"] = no
        withdrawn = self.case.of("withdrawn")
        if withdrawn:
            spec["withdrawn"] = header(self.case.source, withdrawn[0].place)
        words = ", ".join(yes) or "no word for yes is known"
        text.add(
            1,
            "research",
            spec,
            f"decide: does this column ask for consent to research, and which words are a yes? proposed: {words}",
        )
        self._decide(
            "consent",
            f"consent.research: {choice.name}",
            "is this consent to RESEARCH with de-personalised data (not to assistance), and which words are a yes?",
            f"yes: {words}",
        )
        if not withdrawn:
            self._decide(
                "consent",
                "consent.research.withdrawn",
                "no column tells of a withdrawal: how does the mission record one?",
            )
        return yes, no

    def _assertions(self, text: Text) -> None:
        text.comment(
            0,
            "The floors are low on purpose: they catch an empty file and a cleared column, history judges everything finer.",
        )
        text.add(0, "assert")
        text.add(1, "case")
        text.add(2, "rows", {"min": 1, "fall": "40 %"})
        mapped = {
            c.role.name: c
            for c in self.case.choices
            if c.role and c.role.table == "case" and c.role.kind == "field"
        }
        floors = {
            n: f"{int(mapped[n].profile.share * 8) * 10} %"
            for n in ("registered_on", "gender")
            if n in mapped and mapped[n].profile.share >= 0.6
        }
        if floors:
            text.add(2, "filled", floors)

    def _general(self) -> None:
        """What every contract must settle, whatever the sample holds."""
        lists = [
            p.canonical or c.role.table
            for p in self.plans
            for c in p.choices
            if c.role
            and c.role.kind == "field"
            and c.role.table in ("control", "exploitation", "vulnerability")
            and c.role.name == TABLES[c.role.table].item
        ]
        for name in dict.fromkeys(
            c.role.table
            for p in self.plans
            for c in p.choices
            if lists
            and c.role
            and c.role.kind == "field"
            and c.role.table in ("control", "exploitation", "vulnerability")
            and c.role.name == TABLES[c.role.table].item
        ):
            self._decide(
                "form",
                f"tables.{name}.not_chosen",
                "does the form make the worker answer every item? Only then is what was not chosen a no",
                "not_chosen: unknown",
            )
        if not any(c.role and c.role.name == "registered_on" for c in self.case.choices):
            self._decide(
                "column",
                "tables.case",
                "no column is the date of registration: ages cannot be made of dates of birth, and trends have no time",
            )
        self._decide(
            "form",
            "versions",
            "was an earlier form in use that did not ask everything? What it did not ask is not_asked, never no",
            "one version",
        )
        self._decide(
            "mission",
            "steward, source.connection, source.path",
            "who answers for the data, and where does the export lie?",
        )

    def _decide(self, topic: str, where: str, question: str, proposal: str = "") -> None:
        decision = Decision(topic, where, question, proposal)
        if decision not in self.decisions:
            self.decisions.append(decision)


def header(source: SampleTable, place: int) -> Any:
    """How a contract names a column: by label, with the technical name, or by place."""
    label = source.labels[place]
    twice = sum(1 for other in source.labels if fold(other) == fold(label)) > 1
    if place in source.doubtful or (not label and not source.technical):
        return {"position": place + 1}
    if source.technical is not None and any(source.technical):
        return {"label": label, "technical": source.technical[place]}
    return {"position": place + 1} if twice else label


def _ignored_name(source: SampleTable, place: int) -> str:
    name = source.labels[place]
    twice = sum(1 for other in source.labels if fold(other) == fold(name)) > 1
    return f"column {place + 1}" if place in source.doubtful or not name or twice else name


def _undated(place: str) -> str:
    """A file's name in the archive, `*` in place of a date."""
    for pattern, _ in _IN_NAME:
        place = re.sub(pattern, "*", place)
    return place


def _code(code: str, relation: str) -> Any:
    return code if relation == "exact" else {"code": code, "relation": relation}


def _calendar(dated: list[Choice]) -> str:
    counted = Counter(
        c.profile.dates.calendar
        for c in dated
        if c.profile.dates and not c.profile.dates.only_years
    )
    return counted.most_common(1)[0][0] if counted else "gregorian"


def _looks(choice: Choice) -> str:
    found = choice.profile
    if found.kind == "blank":
        return "blank in the whole sample"
    return f"{found.kind}, {found.detail}" if found.detail else found.kind


def _held(choice: Choice) -> str:
    """The values that may be shown, for a person to tell what they mean."""
    shown = choice.profile.shown[:12]
    return ": " + ", ".join(f"{value} ({n})" for value, n in shown) if shown else ""


def consent_words(choice: Choice) -> tuple[list[str], list[str]]:
    """Words for yes and no in a consent column, as far as they may be shown or are known."""
    fit, shown = choice.fit, [v for v, _ in choice.profile.shown]
    meant: dict[str, str] = {}
    if fit is not None:
        meant |= {v: g.code for v, g in fit.words.items()}
        if fit.known is not None:
            meant |= {v: fit.known.codes[fold(v)][1] for v in shown if fold(v) in fit.known.codes}
    yes = [v for v in shown if meant.get(v) == "yes"]
    return yes, [v for v in shown if meant.get(v) == "no"]


def sections(decisions: list[Decision]) -> Iterator[tuple[str, list[Decision]]]:
    """The decisions by topic, the gravest first."""
    for topic in ("consent", "column", "codes", "dates", "form", "file", "mission"):
        listed = [d for d in decisions if d.topic == topic]
        if listed:
            yield topic, listed
