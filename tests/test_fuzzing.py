"""A sample of `make fuzz`: every reader takes its sound inputs, and survives some hundred mutated ones."""

from __future__ import annotations

import os

import pytest

from counterflow import fuzzing
from counterflow.fuzzing import READERS, Reader, made, try_many, try_one


@pytest.mark.parametrize("name", READERS)
def test_a_sound_input_is_taken(name: str) -> None:
    became = [try_one(name, data) for data in READERS[name].seeds()]
    assert "" in became
    assert set(became) <= {"", "refused"}


@pytest.mark.parametrize("name", READERS)
def test_no_mutated_input_is_more_than_refused(name: str) -> None:
    tried = try_many(name, 0, 120, 60)
    assert tried.crashes == []
    assert tried.inputs == 120


def test_an_input_is_told_by_its_reader_and_number() -> None:
    seeds = READERS["csv"].seeds()
    assert made("csv", 7, seeds) == made("csv", 7, seeds)
    assert made("csv", 7, seeds) != made("csv", 8, seeds)


def test_what_crashes_or_dies_is_counted_with_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no crash is nobody's: exceptions by kind, a process that dies by its signal, and it goes on."""
    seeds = READERS["json"].seeds

    def read(data: bytes) -> None:
        if len(data) % 7 == 0:
            raise KeyError
        if len(data) % 11 == 0:
            os.abort()

    monkeypatch.setitem(fuzzing.READERS, "json", Reader(read, seeds, 1))
    lengths = [len(made("json", n, seeds())) for n in range(40)]
    tried = try_many("json", 0, 40, 60)
    assert tried.inputs == 40
    assert sorted(tried.crashes) == sorted(
        f"json {n}: {'KeyError' if size % 7 == 0 else 'SIGABRT'}"
        for n, size in enumerate(lengths)
        if size % 7 == 0 or size % 11 == 0
    )
