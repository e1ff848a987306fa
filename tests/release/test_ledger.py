"""The ledger is only ever added to, and says so if it was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterflow.release import ledger


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    for number in ("001", "002", "003"):
        ledger.append(tmp_path, "candidate", number, night="2010-11-25")
        ledger.append(tmp_path, "released", number, digest=f"d{number}")
    ledger.append(tmp_path, "revised", "002", digest="later", rows_removed=14)
    return tmp_path


def test_a_whole_ledger_is_whole(releases: Path) -> None:
    assert ledger.broken(releases) == []
    assert [entry["place"] for entry in ledger.read(releases)] == list(range(1, 8))
    assert ledger.broken(releases / "nowhere") == []


def test_the_last_line_about_a_release_says_what_it_holds(releases: Path) -> None:
    found = [ledger.standing(releases, number) for number in ("001", "002", "004")]
    assert [one and one["digest"] for one in found] == ["d001", "later", None]


def _lines(releases: Path) -> list[str]:
    return (releases / ledger.FILE).read_text().splitlines()


@pytest.mark.parametrize("place", range(6))
def test_a_line_that_was_changed_or_taken_out_is_seen(releases: Path, place: int) -> None:
    lines = _lines(releases)
    path = releases / ledger.FILE
    path.write_text("\n".join([*lines[:place], *lines[place + 1 :]]) + "\n")
    assert ledger.broken(releases)
    path.write_text(
        "\n".join([*lines[:place], lines[place].replace("00", "09"), *lines[place + 1 :]]) + "\n"
    )
    assert ledger.broken(releases)
    path.write_text("\n".join([*lines[:place], "{}", *lines[place:]]) + "\n")
    assert ledger.broken(releases)
    path.write_text("\n".join([*lines[:place], "{", *lines[place:]]) + "\n")
    assert any("cannot be read" in problem for problem in ledger.broken(releases))
