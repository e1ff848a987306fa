"""The few things in Quack's messages that the gate must know: their kind, whose they are, a token, a query.

In: the bytes of a message as DuckDB 1.5 serialises it. Out: what is needed of it, and messages made anew. A
message is a header and a body; both are fields, each its number (two bytes) and its value, ended by 0xFFFF.
Numbers are LEB128, texts have their length before them. What is not understood is refused, never passed on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

CONNECTION_REQUEST: Final = 1
CONNECTION_RESPONSE: Final = 2
PREPARE_REQUEST: Final = 3
PREPARE_RESPONSE: Final = 4
FETCH_REQUEST: Final = 7
FETCH_RESPONSE: Final = 8
SUCCESS_RESPONSE: Final = 10
DISCONNECT: Final = 11
ERROR_RESPONSE: Final = 100

_END = b"\xff\xff"
_NO_QUERY = b"\x03\x00" + b"\xff" * 9 + b"\x01"  # the header's query id of an answer: none
_CHUNK = rb"\x01,\x01d\x00([\x80-\xff]{0,9}[\x00-\x7f])e\x00"


class NotQuackError(Exception):
    """Bytes that are no message that the gate knows."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: `body` is what follows its header, `query_id` the header's field as it came."""

    kind: int
    connection: str
    query_id: bytes
    body: bytes

    def encoded(self) -> bytes:
        """Its bytes."""
        whose = b"\x02\x00" + _text(self.connection) if self.connection else b""
        return b"\x01\x00" + _number(self.kind) + whose + self.query_id + _END + self.body

    def on(self, connection: str) -> Message:
        """The same of another connection."""
        return Message(self.kind, connection, self.query_id, self.body)


def read(data: bytes) -> Message:
    """A message from its bytes. Raises NotQuackError."""
    at = _expect(data, 0, b"\x01\x00")
    kind, at = _read_number(data, at)
    connection = ""
    if data[at : at + 2] == b"\x02\x00":
        connection, at = _read_text(data, at + 2)
    start = at
    if data[at : at + 2] == b"\x03\x00":
        _, at = _read_number(data, at + 2)
    query_id = data[start:at]
    at = _expect(data, at, _END)
    return Message(kind, connection, query_id, data[at:])


def first_text(message: Message) -> str:
    """The first field of its body: a connection's token, a query's text. Raises NotQuackError."""
    return _read_text(message.body, _expect(message.body, 0, b"\x01\x00"))[0]


def with_first_text(message: Message, text: str) -> Message:
    """The same message with another first field."""
    _, at = _read_text(message.body, _expect(message.body, 0, b"\x01\x00"))
    body = b"\x01\x00" + _text(text) + message.body[at:]
    return Message(message.kind, message.connection, message.query_id, body)


def error(text: str) -> bytes:
    """An answer that the client shows as an error."""
    return Message(ERROR_RESPONSE, "", _NO_QUERY, b"\x01\x00" + _text(text) + _END).encoded()


def success() -> bytes:
    """An answer that something was done."""
    return Message(SUCCESS_RESPONSE, "", _NO_QUERY, _END).encoded()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the log wants to know of an answer to a query: its rows, and how those of the next are counted."""

    rows: int
    more: bool
    types: bytes


def answer(message: Message) -> Answer:
    """Of the first part of an answer. Raises NotQuackError."""
    body = message.body
    start = _expect(body, 0, b"\x01\x00")
    columns, _ = _read_number(body, start)
    types, at = _types(body, start, columns)
    more = body[at : at + 3] == b"\x03\x00\x01"
    return Answer(rows(body[at:], types), more, types)


def rows(data: bytes, types: bytes) -> int:
    """How many rows the chunks of an answer have: each says so before it repeats the columns' types."""
    found = re.finditer(_CHUNK + re.escape(types), data)
    return sum(_read_number(one.group(1), 0)[0] for one in found)


def _types(body: bytes, start: int, columns: int) -> tuple[bytes, int]:
    """The columns' types as they are written, and where what follows the columns' names begins."""
    mark = b"\x02\x00" + _number(columns)
    end = body.find(mark, start)
    while end >= 0:
        at = end + len(mark)
        try:
            for _ in range(columns):
                _, at = _read_text(body, at)
        except NotQuackError:
            at = -1
        if at > 0 and body[at : at + 2] in (b"\x03\x00", b"\x04\x00", b"\x05\x00"):
            return body[start:end], at
        end = body.find(mark, end + 1)
    raise NotQuackError("an answer without names of columns")


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise NotQuackError("a number is not whole")


def _text(text: str) -> bytes:
    data = text.encode("utf-8")
    return _number(len(data)) + data


def _read_text(data: bytes, at: int) -> tuple[str, int]:
    length, at = _read_number(data, at)
    if at + length > len(data):
        raise NotQuackError("a text is not whole")
    try:
        return data[at : at + length].decode("utf-8"), at + length
    except UnicodeDecodeError:
        raise NotQuackError("a text is not UTF-8") from None


def _expect(data: bytes, at: int, wanted: bytes) -> int:
    if data[at : at + len(wanted)] != wanted:
        raise NotQuackError("a field is missing")
    return at + len(wanted)
