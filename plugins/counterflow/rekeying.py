"""From the pseudonyms of one master key to those of another: texts and tables in, the same with new ones out.

A case key, a suppression token and a token of a code each have a cipher of their mission, so what stands in
a column is known by the column's name, and a token by its `#` wherever it stands. Nothing is hashed anew and no
case number is needed. Pure but for the files that `parquet` replaces.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from counterflow import disk
from counterflow.depersonalise import TOKEN, MissionKeys, translate
from counterflow.keys import Keyring
from counterflow.sealing import Seal, SealRefusedError

CASES = ("case_key", "merged_into_key", "into_case_key")  # the columns that name a case
SUPPRESSED = "suppression_token"
KEY_ID = "key_id"
_TOKENS = re.compile(f"{TOKEN}[0-9a-f]{{32}}(?![0-9a-f])")
_SORTED = (
    "signals",
    "withheld",
    "erased",
)  # files whose rows stand in the order of what is translated

Values = Callable[[Sequence[str]], Sequence[str]]


class RotationRefusedError(Exception):
    """The keys cannot be rotated, or not now; the message says why and what to do, never a key."""


@dataclass(frozen=True, slots=True, repr=False)
class Change:
    """An old and a new master key, and the seals of both. Has no repr: it holds keys."""

    old: Keyring
    new: Keyring
    before: Seal = field(init=False)
    after: Seal = field(init=False)
    _missions: dict[str, tuple[MissionKeys, MissionKeys]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "before", Seal(self.old.master, self.old.key_id))
        object.__setattr__(self, "after", Seal(self.new.master, self.new.key_id))

    def cases(self, mission: str, keys: Sequence[str]) -> list[str]:
        """The new keys of cases."""
        old, new = self._keys(mission)
        return translate(old.case.blocks, new.case.blocks, keys)

    def earlier_cases(self, mission: str, keys: Sequence[str]) -> list[str]:
        """The old keys of cases that have new ones already."""
        old, new = self._keys(mission)
        return translate(new.case.blocks, old.case.blocks, keys)

    def suppressed(self, mission: str, tokens: Sequence[str]) -> list[str]:
        """The new suppression tokens of cases."""
        old, new = self._keys(mission)
        return translate(old.suppression, new.suppression, tokens)

    def text(self, mission: str, text: str) -> str:
        """A text with the new tokens of codes in place of the old ones."""
        old, new = self._keys(mission)

        def one(found: re.Match[str]) -> str:
            return TOKEN + translate(old.code.blocks, new.code.blocks, [found[0][1:]])[0]

        return _TOKENS.sub(one, text)

    def table(self, mission: str, table: pa.Table) -> pa.Table:
        """A table of a mission's landing with new pseudonyms."""
        ways: dict[str, Values] = {
            **dict.fromkeys(CASES, lambda values: self.cases(mission, values)),
            SUPPRESSED: lambda values: self.suppressed(mission, values),
            KEY_ID: lambda values: [self._key_id(value) for value in values],
        }
        texts: Values = lambda values: [self.text(mission, value) for value in values]  # noqa: E731
        return renamed(table, ways, texts)

    def _key_id(self, value: str) -> str:
        if value != self.old.key_id:
            raise RotationRefusedError(
                f"a landed table was made with the master.key {value}, which is neither the old nor the new one"
            )
        return self.new.key_id

    def _keys(self, mission: str) -> tuple[MissionKeys, MissionKeys]:
        if mission not in self._missions:
            pair = (MissionKeys.of(self.old, mission), MissionKeys.of(self.new, mission))
            self._missions[mission] = pair
        return self._missions[mission]

    def parquet(self, path: Path, change: Callable[[pa.Table], pa.Table]) -> bool:
        """Put a sealed file under the new key; False if it is already. Readers see the old or the new one."""
        try:
            self.after.schema(path)
            return False
        except SealRefusedError:
            table = self.before.read(path)
        aside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
        self.after.write(sorted_anew(path, change(table)), aside)
        os.chmod(aside, path.stat().st_mode & 0o777)
        disk.replace(aside, path)
        return True


def renamed(table: pa.Table, ways: Mapping[str, Values], texts: Values | None = None) -> pa.Table:
    """A table with other values in some columns of text; `texts` is the way of all that have none of their own."""
    for place, one in enumerate(table.schema):
        way = ways.get(one.name, texts)
        if way is None or not pa.types.is_string(one.type):
            continue
        coded = table.column(place).combine_chunks().dictionary_encode()
        values = coded.dictionary.to_pylist()
        changed = pa.array(way(values), pa.string())
        if not changed.equals(coded.dictionary):
            table = table.set_column(place, one, changed.take(coded.indices))
    return table


def sorted_anew(path: Path, table: pa.Table) -> pa.Table:
    """The table in the order in which it would have been written with the new keys."""
    if path.stem not in _SORTED:
        return table
    plain = [f.name for f in table.schema if not pa.types.is_nested(f.type)]
    first = [name for name in (*CASES, SUPPRESSED) if name in plain]
    order = [*first, *(name for name in plain if name not in first)]
    return table.sort_by([(name, "ascending") for name in order])


def is_mission(name: str) -> bool:
    """Whether a folder of the landing is a mission's."""
    return re.fullmatch("[A-Z]{3}", name) is not None


def refuse_unknown(ids: Iterable[tuple[str, str]], change: Change) -> None:
    """Refuse what was made with a third key, before anything is changed. `ids`: what, key id."""
    known = {change.old.key_id, change.new.key_id}
    for what, key_id in ids:
        if key_id not in known:
            raise RotationRefusedError(
                f"{what} was made with the master.key {key_id}; the one in use is {change.old.key_id}, the "
                f"next one {change.new.key_id}: restore the right files. See docs/runbooks/key_refused.md"
            )
