"""Checksum files, as GNU's and BSD's tools write them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterflow.sources.checksums import LENGTHS, stated

SUM = hashlib.sha256(b"x").hexdigest()
OTHER = hashlib.sha256(b"y").hexdigest()


@pytest.mark.parametrize(("text", "found"), [
    (f"{SUM}  a.zip\n", SUM),
    (f"{SUM.upper()} *a.zip\r\n", SUM),
    (f"{SUM}  ./out/a.zip\n", SUM),
    (f"SHA256 (a.zip) = {SUM}\n", SUM),
    (f"{SUM}\n", SUM),
    (f"\ufeff{SUM}  a.zip\n", SUM),
    (f"{OTHER}  b.zip\n{SUM}  a.zip\n", SUM),
    (f"{SUM}  b.zip\n", None),
    (f"{SUM}  a.zip\n{OTHER}  a.zip\n", None),
    (f"MD5 (a.zip) = {SUM}\n", None),
    (f"{SUM[:40]}  a.zip\n", None),
    ("", None),
])  # fmt: skip
def test_forms(text: str, found: str | None) -> None:
    assert stated(text.encode(), "sha256", "a.zip") == found


@given(st.binary(max_size=200), st.sampled_from(sorted(LENGTHS)))
def test_any_bytes_state_a_digest_or_nothing(text: bytes, kind: str) -> None:
    told = stated(text, kind, "a.zip")
    assert told is None or len(told) == LENGTHS[kind]
