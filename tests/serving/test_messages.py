"""The few messages of Quack that the gate reads, and bytes that are none."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from counterflow.serving import messages
from counterflow.serving.messages import Message, NotQuackError

OPENING = (
    b"\x01\x00\x01\x03\x00\x05\xff\xff\x01\x00\tabcdtoken\x02\x00\x06v1.5.5\x03\x00"
    b"\x0blinux_amd64\x04\x00\x01\x05\x00\x01\xff\xff"
)  # as DuckDB 1.5.5 sent it


def test_a_connection_as_duckdb_asks_for_it() -> None:
    found = messages.read(OPENING)
    assert (found.kind, messages.first_text(found)) == (messages.CONNECTION_REQUEST, "abcdtoken")
    assert found.encoded() == OPENING
    changed = messages.with_first_text(found, "another")
    assert messages.first_text(messages.read(changed.encoded())) == "another"
    assert changed.body.endswith(found.body[-20:])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(data: bytes) -> None:
    with contextlib.suppress(NotQuackError):
        message = messages.read(data)
        with contextlib.suppress(NotQuackError):
            messages.first_text(message)
        with contextlib.suppress(NotQuackError):
            messages.answer(message)


@given(st.integers(0, 127), st.text(max_size=300), st.text(max_size=300))
def test_what_is_written_is_read(kind: int, connection: str, text: str) -> None:
    body = b"\x01\x00" + messages._text(text) + b"\xff\xff"
    found = messages.read(Message(kind, connection, b"", body).encoded())
    assert (found.kind, found.connection, messages.first_text(found)) == (kind, connection, text)
