"""YAML as our contracts are written: short things on one line, the reason as a comment beside them.

In: words, maps and lists. Out: text. The loader reads every scalar as a word, so only what YAML would
take for a sign of its own is quoted.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

_SIGNS = " _./()+–'’-%"  # signs that mean nothing to YAML inside a word
_WIDTH = 110


def word(text: str) -> str:
    """A scalar, quoted where it must be."""
    letters = all(c in _SIGNS or unicodedata.category(c)[0] in "LNM" for c in text)
    if text and letters and text == text.strip() and text[0] not in _SIGNS:
        return text
    return json.dumps(text, ensure_ascii=False)


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{word(str(k))}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    return word(str(value))


class Text:
    """Lines of YAML that are written one after the other."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, depth: int, key: str, value: Any = None, comment: str = "") -> None:
        """`key: value` with a comment; without a value the key opens a block."""
        text = "  " * depth + word(key) + ":"
        if value is not None:
            text += " " + flow(value)
        self.lines.append(_commented(text, comment))

    def block(self, depth: int, key: str, values: Mapping[str, Any], comment: str = "") -> None:
        """A map on one line if it fits, else a line an entry."""
        one = "  " * depth + f"{word(key)}: {flow(values)}"
        if len(one) <= _WIDTH:
            self.lines.append(_commented(one, comment))
            return
        self.add(depth, key, None, comment)
        for name, value in values.items():
            self.add(depth + 1, name, value)

    def listed(self, depth: int, key: str, values: Sequence[Any], comment: str = "") -> None:
        """A list on one line if it fits, else a line an entry."""
        one = "  " * depth + f"{word(key)}: {flow(values)}"
        if len(one) <= _WIDTH:
            self.lines.append(_commented(one, comment))
            return
        self.add(depth, key, None, comment)
        self.lines += ["  " * (depth + 1) + "- " + flow(value) for value in values]

    def comment(self, depth: int, text: str) -> None:
        """A line of its own."""
        self.lines.append("  " * depth + "# " + _one_line(text))

    def blank(self) -> None:
        """An empty line, never two."""
        if self.lines and self.lines[-1]:
            self.lines.append("")

    def __str__(self) -> str:
        return "\n".join(self.lines).rstrip("\n") + "\n"


def _commented(text: str, comment: str) -> str:
    if not comment:
        return text
    room = max(40, 235 - len(text))
    comment = _one_line(comment)
    if len(comment) > room:
        comment = comment[: room - 1].rstrip() + "…"
    return f"{text}   # {comment}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
