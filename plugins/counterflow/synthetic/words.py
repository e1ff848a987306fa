"""The words missions write: `words.csv` and `register.csv` in, one dictionary per language and list out.

Both are translators' tables, one row a term and one column a language. Canonical codes
stand in them only as names of rows; nothing of Counterflow reads it.
"""

from __future__ import annotations

import csv
import unicodedata
from functools import cache
from importlib import resources

FILES = ("words.csv", "register.csv")  # one column a language, in one of them

# The 2000s code pages have cedillas where Romanian wants commas below, so missions type cedillas.
CEDILLA = str.maketrans("șțȘȚ", "şţŞŢ")


@cache
def _table() -> dict[tuple[str, str], dict[str, str]]:
    table: dict[tuple[str, str], dict[str, str]] = {}
    for name in FILES:
        text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
        for row in csv.DictReader(text.splitlines()):
            listed, code = row.pop("list"), row.pop("code")
            for language, word in row.items():
                if word:
                    word = word.translate(CEDILLA) if language == "ro" else word
                    table.setdefault((language, listed), {})[code] = word
    return table


def words(language: str, name: str) -> dict[str, str]:
    """Code to word, of list `name` in `language`."""
    return _table()[language, name]


def slug(word: str) -> str:
    """A word as an XLSForm choice name: lower case, no accents, underscores."""
    plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()
    return "_".join("".join(c if c.isalnum() else " " for c in plain).split())
