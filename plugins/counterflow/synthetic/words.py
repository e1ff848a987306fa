"""The words missions write: `words.csv` in, one dictionary per language and list out.

`words.csv` is a translator's table, one row a term and one column a language. Canonical codes
stand in it only as names of rows; nothing of Counterflow reads it.
"""

from __future__ import annotations

import csv
import unicodedata
from functools import cache
from importlib import resources

LANGUAGES = ("en", "fr", "es", "pt", "ro", "ru", "uk", "ar", "th", "bn")

# The 2000s code pages have cedillas where Romanian wants commas below, so missions type cedillas.
CEDILLA = str.maketrans("șțȘȚ", "şţŞŢ")


@cache
def _table() -> dict[tuple[str, str], dict[str, str]]:
    text = resources.files(__package__).joinpath("words.csv").read_text(encoding="utf-8")
    table: dict[tuple[str, str], dict[str, str]] = {}
    for row in csv.DictReader(text.splitlines()):
        for language in LANGUAGES:
            word = row[language]
            if word:
                word = word.translate(CEDILLA) if language == "ro" else word
                table.setdefault((language, row["list"]), {})[row["code"]] = word
    return table


def words(language: str, name: str) -> dict[str, str]:
    """Code to word, of list `name` in `language`."""
    return _table()[language, name]


def slug(word: str) -> str:
    """A word as an XLSForm choice name: lower case, no accents, underscores."""
    plain = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()
    return "_".join("".join(c if c.isalnum() else " " for c in plain).split())
