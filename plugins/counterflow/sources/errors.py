"""The one exception of reading an export: it was refused, and here is why and what to do."""

from __future__ import annotations


class Refused(Exception):
    """An export that cannot be taken. Names the file and the cure, never a value of a cell.

    `code` is one word of the vocabulary of signals (`empty_file`, `missing_column`, …).
    """

    def __init__(self, code: str, problem: str, cure: str) -> None:
        self.code, self.problem, self.cure = code, problem, cure
        super().__init__(f"{problem}. {cure}.")
