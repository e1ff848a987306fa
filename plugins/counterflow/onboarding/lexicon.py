"""The growing dictionary: what columns and codes are called, learnt from every committed contract.

In: the missions folder, dbt's seeds, Unicode CLDR and `words.yml`. Out: `Lexicon`: a header → the
roles it may have; a local code → the standard's. Each new contract teaches its spellings.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from rapidfuzz import fuzz, process

from counterflow.canonical import TABLES, Kind
from counterflow.contracts import ContractError, Loaded, contract_files, load
from counterflow.contracts.model import CodeMap, Codes, Column, Consent, Header, Table
from counterflow.settings import PROJECT
from counterflow.text import fold, plain

_SEEDS = PROJECT / "dbt_project" / "seeds"
_NEAR = 86  # of 100: below it two names have little in common


@dataclass(frozen=True, slots=True)
class Role:
    """What a column may be: `kind` is field, birth, each, group, key, consent, withdrawn, personal, notes or merged."""

    kind: str
    table: str = ""
    name: str = ""

    def __str__(self) -> str:
        if self.kind == "birth":
            return f"{self.table}.{self.name} (made from a date of birth)"
        if self.kind in ("field", "each", "group"):
            return f"{self.table}.{self.name}"
        return {"key": "the case number", "consent": "consent to research"}.get(
            self.kind, {"withdrawn": "the withdrawal of consent"}.get(self.kind, self.kind)
        )


# What a sample's column may be recognised as; the rest of consent is told by a person.
CONSENT_ROLES = {
    "from": Role("consent"),
    "withdrawn": Role("withdrawn"),
    "withdrawn_on.from": Role("withdrawn"),
}


@dataclass(frozen=True, slots=True)
class Named:
    """A role that a header may have, how sure its name makes it (0 to 1), and why."""

    role: Role
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class CodeGuess:
    """What a local code would mean, how sure (0 to 1), and why."""

    code: str
    score: float
    reason: str
    relation: str = "exact"


@dataclass(frozen=True, slots=True)
class KnownList:
    """A code list that somebody has written: all its codes, by folded spelling."""

    name: str  # of a list of `codes/`, else of a dialect's own
    code_list: str
    shared: bool  # it stands in `codes/` and can be named
    origin: str
    codes: Mapping[str, tuple[str, str, str]]  # folded → spelling, code, relation


@dataclass(slots=True)
class Lexicon:
    """What is known of headers and codes."""

    headers: dict[str, dict[Role, str]] = field(default_factory=lambda: defaultdict(dict))
    lists: list[KnownList] = field(default_factory=list)
    plain_codes: dict[str, dict[str, CodeGuess]] = field(default_factory=lambda: defaultdict(dict))
    missing: set[str] = field(default_factory=set)
    standard: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    files: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def learn(cls, missions: Path, without: Iterable[str] = ()) -> Lexicon:
        """From all contracts of a folder, but those that extend a dialect of `without`."""
        found = cls()
        found._seeds()
        left_out = frozenset(without)
        for path in contract_files(missions):
            try:
                loaded = load(path)
            except ContractError:
                continue  # a contract that is broken teaches nothing
            if not left_out & {*loaded.contract.extends, loaded.contract.mission}:
                found._contract(loaded)
        found._words()
        found._shared(missions)
        return found

    # --- headers ---------------------------------------------------------------------------------

    def roles(self, *names: str | None) -> list[Named]:
        """The roles that a column with these names (label, technical) may have, the likeliest first."""
        best: dict[Role, Named] = {}
        for name in names:
            for found in self._roles(name) if name else ():
                if found.role not in best or best[found.role].score < found.score:
                    best[found.role] = found
        return sorted(best.values(), key=lambda n: (-n.score, str(n.role)))

    def _roles(self, name: str) -> Iterator[Named]:
        whole = plain(name)
        last = plain(name.rpartition(".")[2])
        if whole in self.headers:
            for role, origin in self.headers[whole].items():
                yield Named(role, 0.95, f"called so in {origin}")
            return
        if last != whole and last in self.headers:
            for role, origin in self.headers[last].items():
                yield Named(role, 0.85, f"its last word is called so in {origin}")
            return
        for word, score in self._near(whole):
            for role, origin in self.headers[word].items():
                yield Named(role, score, f"its name is near to `{word}` of {origin}")

    def _near(self, name: str) -> list[tuple[str, float]]:
        """Known names like `name`: misspelt, of other endings, or with another word beside."""
        if len(name) < 4:
            return []
        choices = list(self.headers)
        found = process.extract(name, choices, scorer=fuzz.ratio, limit=3, score_cutoff=_NEAR)
        near = {word: 0.55 + 0.3 * (score - _NEAR) / (100 - _NEAR) for word, score, _ in found}
        words = set(name.split())
        for length in (3, 2, 1):
            for word in choices:
                parts = word.split()
                if len(parts) == length and len(word) >= 5 and set(parts) < words:
                    near[word] = max(near.get(word, 0), 0.5 + 0.2 * len(word) / len(name))
        return sorted(near.items(), key=lambda item: -item[1])[:5]

    def knows(self, name: str) -> bool:
        """Whether a header of this very name is known."""
        return bool(name) and plain(name) in self.headers

    # --- codes -----------------------------------------------------------------------------------

    def code(self, code_list: str, value: str) -> CodeGuess | None:
        """What a value would mean in a list of the standard."""
        known = self.plain_codes.get(code_list, {})
        name = plain(value)
        if name in known:
            return known[name]
        if code_list == "country" or len(name) < 5:
            return None
        near = process.extractOne(name, list(known), scorer=fuzz.ratio, score_cutoff=90)
        if near is None:
            return None
        guess = known[near[0]]
        reason = f"near to `{near[0]}` ({guess.reason})"
        return CodeGuess(guess.code, 0.6, reason, "close")

    def is_missing(self, value: str) -> bool:
        """Whether the value is a usual way to write: asked, and not answered."""
        return plain(value) in self.missing or fold(value) in self.missing

    # --- learning --------------------------------------------------------------------------------

    def _seeds(self) -> None:
        """The standard's own names and labels of codes, and its names of fields."""
        with (_SEEDS / "code.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                code, code_list = row["code"], row["code_list"]
                self.standard[code_list][code] = row["label"]
                for text in (code, row["label"]):
                    guess = CodeGuess(code, 0.95, "the standard's own name")
                    self.plain_codes[code_list].setdefault(plain(text), guess)
        with (_SEEDS / "country.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                self.standard["country"][row["country_code"]] = row["country_name"]
                self.plain_codes["country"].setdefault(
                    plain(row["country_name"]),
                    CodeGuess(row["country_code"], 0.95, "its name in ISO 3166"),
                )
        for table in TABLES.values():
            self._file(table.name, table.name)
            for one in table.fields:
                if one.kind is Kind.NUMBER or table.name == "local_attribute":
                    continue
                for name in {one.name, one.code_list or one.name}:
                    if name not in ("answer", "country", "gender", "age_band"):
                        self._header(name, Role("field", table.name, one.name), "the standard")
            if any(f.name == "answer" for f in table.fields) and table.item:
                items = self.standard.get(table.field(table.item).code_list or "", {})
                for code, label in items.items():
                    for name in (code, label):
                        if code not in ("other", "unknown", "not_asked"):
                            self._header(name, Role("each", table.name, code), "the standard")

    def _words(self) -> None:
        text = (Path(__file__).parent / "words.yml").read_text("utf-8")
        words: dict[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - our own file, all words
        for name, listed in words["headers"].items():
            table, _, one = name.partition(".")
            if name == "birth":
                role = Role("birth", "case", "age_band")
            else:
                role = Role("field", table, one) if one else Role(name)
            for word in listed.split(","):
                self._header(word, role, "our list of words")
        for code_list, codes in words["codes"].items():
            for code, listed in codes.items():
                for word in listed.split(","):
                    guess = CodeGuess(code, 0.85, "our list of words")
                    self.plain_codes[code_list].setdefault(plain(word), guess)
        self.missing |= {x for w in words["missing"].split(",") for x in (plain(w), fold(w)) if x}

    def _contract(self, loaded: Loaded) -> None:
        contract = loaded.contract
        origin = contract.dialect if contract.extends else contract.mission
        self.missing |= {fold(word) for word in contract.missing}
        for header, role in headers_of(contract.tables, contract.consent.research):
            for text in (header.label, header.technical):
                if text:
                    self._header(text, role, f"`{origin}`")
        for name, table in contract.tables.items():
            self._file(table.file or table.sheet or "", name)
            for code_list, codes in coded_columns(name, table):
                for entry in codes:
                    self._list(loaded, entry, code_list, origin)

    def _list(self, loaded: Loaded, entry: str | CodeMap, code_list: str, origin: str) -> None:
        shared = isinstance(entry, str) and entry in loaded.shared
        codes = loaded.contract.codes[entry] if isinstance(entry, str) else entry
        name = entry if isinstance(entry, str) else code_list
        if shared:
            name = loaded.shared[str(entry)].name
        known = {fold(text): (text, code.code, code.relation) for text, code in codes.items()}
        found = KnownList(
            name, code_list, shared, name if shared else f"`{origin}`", dict(sorted(known.items()))
        )
        if any(o.code_list == code_list and o.codes == found.codes for o in self.lists):
            return
        self.lists.append(found)
        for text, code, relation in known.values():
            if len(plain(text)) > 2 or code_list not in ("country",):
                guess = CodeGuess(code, 0.9, f"so in {found.origin}", relation)
                if not re.fullmatch(r"\w?\d+", text):  # numbers mean something only within a list
                    self.plain_codes[code_list].setdefault(plain(text), guess)

    def _shared(self, missions: Path) -> None:
        """Lists of `codes/` that no contract names yet, if all of their codes are of one list."""
        from counterflow.contracts.read import shared_lists

        taken = {(one.name, one.shared) for one in self.lists}
        for name, found in shared_lists(missions / "codes").items():
            if (name, True) in taken or not isinstance(found.codes, dict):
                continue
            pairs = {
                text: code["code"] if isinstance(code, dict) else code
                for text, code in found.codes.items()
            }
            fits = [n for n, known in self.standard.items() if set(pairs.values()) <= set(known)]
            if fits:
                codes = {fold(text): (text, code, "exact") for text, code in pairs.items()}
                self.lists.append(KnownList(name, fits[0], True, name, codes))

    def _header(self, name: str, role: Role, origin: str) -> None:
        known = plain(name)
        if known:
            self.headers[known].setdefault(role, origin)

    def _file(self, name: str, table: str) -> None:
        stem = plain(re.sub(r"\.\w+$|\*", "", name))
        if stem:
            self.files[stem].add(table)


def headers_of(tables: Mapping[str, Table], consent: Consent) -> Iterator[tuple[Header, Role]]:
    """Every header that a contract names, with the role it gives it."""
    for name, table in tables.items():
        yield from ((header, Role("key")) for header in table.key or [])
        for one, column in table.columns.items():
            if column.from_ is not None:
                yield column.from_, Role("field", name, one)
        for one, column in table.becomes.items():
            if column.from_ is not None:
                yield column.from_, Role("birth" if column.at else "field", name, one)
        yield from ((header, Role("each", name, item)) for item, header in table.each.items())
        for group, one, column in grouped_columns(name, table):
            if column.from_ is not None:
                yield column.from_, Role("group", name, f"{group}:{one}")
        yield from ((header, Role("personal")) for header in table.personal)
        for label, why in table.ignore.items():
            if not label.startswith("column "):
                free = "free text" in why
                yield Header(label=label), Role("notes") if free else Role("ignore", "", why)
    for part, header in consent.read:
        if part in CONSENT_ROLES:
            yield header, CONSENT_ROLES[part]


def grouped_columns(name: str, table: Table) -> Iterator[tuple[str, str, Column]]:
    """Group, field and column of each group of columns of a table."""
    for group, columns in getattr(table, "groups", {}).items():
        for one, column in columns.items():
            yield group, one, column
    for status, column in getattr(table, "lists", {}).items():
        yield status, TABLES[name].item or "", column


def coded_columns(name: str, table: Table) -> Iterator[tuple[str, Codes]]:
    """List of the standard and codes of each coded column of a table."""
    canonical = TABLES[name]
    for one, column in (*table.columns.items(), *table.becomes.items()):
        code_list = canonical.field(one).code_list
        if column.codes is not None and code_list is not None:
            yield code_list, column.codes
    for _, one, column in grouped_columns(name, table):
        code_list = canonical.field(one).code_list
        if column.codes is not None and code_list is not None:
            yield code_list, column.codes
    if table.answers is not None:
        yield "answer", table.answers
