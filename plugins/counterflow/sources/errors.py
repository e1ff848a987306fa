"""The exceptions of reading an export: it was refused, and here is why and what to do; or a fault of ours."""

from __future__ import annotations


class Refused(Exception):
    """An export that cannot be taken. Names the file and the cure, never a value of a cell.

    `code` is one word of the vocabulary of signals (`empty_file`, `missing_column`, …).
    """

    def __init__(self, code: str, problem: str, cure: str) -> None:
        self.code, self.problem, self.cure = code, problem, cure
        super().__init__(f"{problem}. {cure}.")


class LinkRefusedError(Exception):
    """A mission's server cannot be used as its connection says, and would refuse the same way in a minute.

    Its text is one sentence of ours: never a name of a file, a host, a key, or what a server said.
    """


class UnreachableError(ConnectionError):
    """A server did not answer, or broke off and stayed away: it may heal. Its text is ours."""


class ChangedError(Exception):
    """What is read is no longer what was read before; only transports see this."""


class ReaderFault(Exception):
    """A fault of the program while it read an export elsewhere: its kind and place, never its text."""

    def __init__(self, kind: str, where: str) -> None:
        self.kind, self.where = kind, where
        super().__init__(f"{kind} at {where}")
