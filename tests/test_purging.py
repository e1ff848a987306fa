"""Who withdraws leaves every export that was landed before, whatever came of the export that says so.

Nights are planned, ingested and judged; nothing is built. A case is looked for in every byte under the home.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from counterflow import nightly, suppression
from counterflow.depersonalise import case_key
from counterflow.landing import Landing, NightRecord
from counterflow.missions import mission_keys
from counterflow.purging import Removed, purge
from counterflow.sealing import Seal
from counterflow.searching import search
from counterflow.settings import Settings
from counterflow.validation.quarantine import quarantined_rows
from tests.support import COLUMNS, NIGHT, Agency, case, export

FIRST, SECOND, THIRD, FOURTH = (NIGHT + timedelta(days=n) for n in range(4))
WITHDRAWN = {"Withdrawn": "25.11.2010"}


class Killed(BaseException):
    """What a process that is killed looks like from inside."""


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path, missions=("ALB",))
    made.contract("ALB", "    key: No.\n    columns:\n      reg", "    key: No.\n    merged: {from: Into}\n    columns:\n      reg")  # fmt: skip
    return made


def sheet(cases: int = 30, **changed: dict[str, str]) -> bytes:
    """Cases with a means of control each; `n3={…}` changes case 3."""
    rows = [case(n, **changed.get(f"n{n}", {})) for n in range(cases)]
    return export(rows, [{"No.": f"A-{n}", "Means": "debt"} for n in range(cases)], (*COLUMNS, "Into"))  # fmt: skip


def load(agency: Agency, night: date, full_refresh: bool = False) -> NightRecord:
    """A night up to its verdict."""
    settings = agency.settings
    for mission in nightly.plan(settings, night, full_refresh=full_refresh).changed:
        nightly.ingest(settings, night, mission, full_refresh)
    nightly.validate(settings, night)
    record = landing(settings).record(night)
    assert record is not None
    return record


def landing(settings: Settings) -> Landing:
    return Landing(settings.landing, "ALB")


def key(settings: Settings, number: int) -> str:
    return case_key(mission_keys(settings, "ALB"), f"A-{number}")


def found(settings: Settings, *numbers: int) -> tuple[object, ...]:
    return search(settings, [key(settings, n) for n in numbers]).found


def cases_of(settings: Settings, export_: str) -> set[str]:
    rows = Seal.of(settings).read(landing(settings).path(export_) / "rows.parquet", ["case_key"])
    return set(rows.column(0).to_pylist())


def adds_up(settings: Settings) -> None:
    """Law 2 of every night's record, and its counts against what lies in landing."""
    seal = Seal.of(settings)
    for record in landing(settings).records(date.max):
        withheld = sum((record.withheld or {}).values())
        parts = record.rows_accepted + record.rows_quarantined + withheld + record.rows_blank
        assert record.rows_read == parts, record.night
        if record.export is None or not landing(settings).is_whole(record.export):
            continue
        folder = landing(settings).path(record.export)
        quarantined = quarantined_rows(seal, folder, folder / str(record.verdict)).num_rows
        assert record.rows_quarantined == quarantined
        assert record.rows_accepted == seal.count(folder / "rows.parquet") - quarantined


def test_a_withdrawal_empties_older_exports_and_moves_their_counts(agency: Agency) -> None:
    settings = agency.settings
    agency.deliver("ALB", sheet(n4={"Sex": "X"}, n9={"Sex": "X"}), FIRST)  # 4 and 9: quarantined
    agency.deliver("ALB", sheet(n9=WITHDRAWN), SECOND)
    before = load(agency, FIRST)
    assert (before.rows_accepted, before.rows_quarantined, before.withheld) == (56, 4, {})
    assert purge(settings) == []
    load(agency, SECOND)
    assert found(settings, 9)  # the positive control
    others = cases_of(settings, str(before.export)) - {key(settings, 9)}
    removed = purge(settings)
    assert found(settings, 9) == ()
    assert cases_of(settings, str(before.export)) == others
    rows: dict[str, int] = {}
    for one in removed:
        for table, count in one.rows.items():
            rows[table] = rows.get(table, 0) + count
    assert rows == {"case": 1, "citizenship": 1, "control": 1, "rows": 2, "failures": 1}
    after = landing(settings).record(FIRST)
    assert after is not None
    assert (after.rows_accepted, after.rows_quarantined) == (56, 2)
    assert after.withheld == {"consent_withdrawn": 2}
    adds_up(settings)
    assert purge(settings) == []  # nothing is left to do


def test_unknown_consent_is_a_purge_and_a_repaired_answer_brings_the_case_back(
    agency: Agency,
) -> None:
    settings = agency.settings
    agency.deliver("ALB", sheet(), FIRST)
    agency.deliver("ALB", sheet(n9={"Consent": "yse"}), SECOND)
    agency.deliver("ALB", sheet(n9={"Labour": "no"}), THIRD)
    first = load(agency, FIRST)
    load(agency, SECOND)
    purge(settings)
    assert found(settings, 9) == ()
    third = load(agency, THIRD)
    purge(settings)
    assert key(settings, 9) in cases_of(settings, str(third.export))
    assert key(settings, 9) not in cases_of(settings, str(first.export))
    adds_up(settings)


def test_the_withdrawal_in_a_refused_export_counts(agency: Agency) -> None:
    """Half of the cases are missing, so the export is refused; that 9 withdrew is believed all the same."""
    settings = agency.settings
    agency.deliver("ALB", sheet(), FIRST)
    agency.deliver("ALB", sheet(15, n9=WITHDRAWN), SECOND)
    load(agency, FIRST)
    second = load(agency, SECOND)
    assert (second.status, second.is_stale) == ("refused", True)
    purge(settings)
    assert found(settings, 9) == ()
    assert len(cases_of(settings, str(second.export))) == 29
    adds_up(settings)
    # a refused export that says yes again is not believed: nobody knows what is wrong with it
    agency.deliver("ALB", sheet(14), THIRD)
    assert load(agency, THIRD).status == "refused"
    purge(settings)
    assert key(settings, 9) not in cases_of(settings, str(second.export))
    agency.deliver("ALB", sheet(29), FOURTH)
    fourth = load(agency, FOURTH)
    purge(settings)
    assert fourth.status == "loaded"
    assert key(settings, 9) in cases_of(settings, str(fourth.export))
    adds_up(settings)


@pytest.mark.parametrize("order", [(FIRST, THIRD, SECOND), (SECOND, THIRD, FIRST)])
def test_a_file_that_comes_late_brings_nobody_back(
    agency: Agency, tmp_path: Path, order: tuple[date, ...]
) -> None:
    """9 withdraws on night 2 and is left out on night 3; whichever file is late, 9 is nowhere."""
    settings = agency.settings
    sheets = {FIRST: sheet(), SECOND: sheet(n9=WITHDRAWN), THIRD: sheet(n9={"No.": "A-99"})}
    for night in order:
        agency.deliver("ALB", sheets[night], night)
        load(agency, night)
        if night == THIRD:
            purge(settings)
    purge(settings)
    assert found(settings, 9) == ()
    adds_up(settings)


def test_a_corrected_file_of_the_same_night_takes_its_word_back(agency: Agency) -> None:
    settings = agency.settings
    agency.deliver("ALB", sheet(), FIRST)
    load(agency, FIRST)
    agency.deliver("ALB", sheet(n9=WITHDRAWN), SECOND)
    load(agency, SECOND)
    agency.deliver("ALB", sheet(n8={"Sex": "M"}), SECOND)
    second = load(agency, SECOND)
    purge(settings)
    assert key(settings, 9) in cases_of(settings, str(second.export))
    assert len(cases_of(settings, str(landing(settings).record(FIRST).export))) == 30


def test_whoever_was_merged_into_the_case_leaves_with_it(agency: Agency) -> None:
    """4 became 6 on night 2, and is not exported any more when 6 withdraws on night 3."""
    settings = agency.settings
    agency.deliver("ALB", sheet(), FIRST)
    agency.deliver("ALB", sheet(n4={"Into": "A-6"}), SECOND)
    agency.deliver("ALB", sheet(n4={"No.": "A-98"}, n6=WITHDRAWN), THIRD)
    for night in (FIRST, SECOND, THIRD):
        load(agency, night)
    assert found(settings, 4)
    assert found(settings, 6)
    purge(settings)
    assert found(settings, 4, 6) == ()
    adds_up(settings)


def test_a_record_that_was_merged_takes_nobody_along(agency: Agency) -> None:
    """4 said no before it was merged into 6: the survivor's answer holds, also for its own past."""
    settings = agency.settings
    agency.deliver("ALB", sheet(n4={"Consent": "no"}), FIRST)
    agency.deliver("ALB", sheet(n4={"Into": "A-6"}), SECOND)
    first = load(agency, FIRST)
    second = load(agency, SECOND)
    purge(settings)
    for record in (first, second):
        assert key(settings, 6) in cases_of(settings, str(record.export))


def test_the_token_of_a_code_goes_with_the_only_case_that_held_it(agency: Agency) -> None:
    settings, seal = agency.settings, Seal.of
    agency.deliver("ALB", sheet(n3={"Sex": "Q"}, n9={"Sex": "X"}, n10={"Sex": "Q"}), FIRST)
    agency.deliver("ALB", sheet(n9=WITHDRAWN, n10=WITHDRAWN), SECOND)
    first = load(agency, FIRST)
    load(agency, SECOND)
    file = landing(settings).path(str(first.export)) / "signals.parquet"
    assert seal(settings).count(file) == 2
    purge(settings)
    (left,) = seal(settings).read(file).to_pylist()
    (other,) = set(
        seal(settings).read(file.with_name("case.parquet"), ["gender"]).column(0).to_pylist()
    ) - {"f"}
    assert left["detail"].startswith(other)


def test_an_export_that_no_night_names_is_reduced(agency: Agency) -> None:
    settings = agency.settings
    agency.deliver("ALB", sheet(n3={"Sex": "M"}), FIRST)
    replaced = load(agency, FIRST)
    agency.deliver("ALB", sheet(), FIRST)
    load(agency, FIRST)
    agency.deliver("ALB", sheet(n9=WITHDRAWN), SECOND)
    load(agency, SECOND)
    removed = purge(settings)
    assert found(settings, 9) == ()
    assert not landing(settings).is_whole(str(replaced.export))
    assert any(one.after is None for one in removed)


def test_a_purge_that_is_killed_anywhere_is_ended_by_the_next(
    agency: Agency, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After each step in turn: the folder is whole, the old one is away, the new one is in its place."""
    settings = agency.settings
    agency.deliver("ALB", sheet(), FIRST)
    agency.deliver("ALB", sheet(n9=WITHDRAWN), SECOND)
    first = load(agency, FIRST)
    load(agency, SECOND)
    real = os.replace

    def killing(after: int) -> Callable[[Path, Path], None]:
        done = 0

        def replace_(old: Path, new: Path) -> None:
            nonlocal done
            if "exports" in str(old) and (done := done + 1) > after:
                raise Killed
            real(old, new)

        return replace_

    for after in range(3):
        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", killing(after))
            with pytest.raises(Killed):
                purge(settings)
    with monkeypatch.context() as patched:
        patched.setattr(Landing, "save", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            purge(settings)
    purge(settings)
    assert found(settings, 9) == ()
    assert len(cases_of(settings, str(first.export))) == 29
    assert landing(settings).record(FIRST).withheld == {"consent_withdrawn": 2}
    adds_up(settings)


def test_an_erased_case_stays_out_with_all_that_is_of_the_person(agency: Agency) -> None:
    """By every way: exported again, read again from the start, merged with another, merged into another."""
    settings = agency.settings
    agency.deliver("ALB", sheet(), FIRST)
    first = load(agency, FIRST)
    keys = mission_keys(settings, "ALB")
    tokens = suppression.tokens(keys, [key(settings, 9)])
    suppression.remember(Seal.of(settings), landing(settings), tokens, FIRST, "E-1")
    assert {one.rows and "rows" for one in purge(settings)} != set()
    assert found(settings, 9) == ()
    again = load(agency, FIRST, full_refresh=True)
    assert again.export == first.export
    assert again.withheld == {"erased": 2}
    assert found(settings, 9) == ()
    agency.deliver("ALB", sheet(n9={"Into": "A-12"}, n5={"Into": "A-9"}, n1={"Sex": "M"}), SECOND)
    second = load(agency, SECOND)
    assert second.withheld == {"erased": 6}
    agency.deliver("ALB", sheet(n9={"No.": "A-97"}, n2={"Sex": "M"}), THIRD)  # 12 stands alone
    third = load(agency, THIRD)
    assert third.withheld == {"erased": 5}  # and what control still says of 9
    # 9 is no longer there, and 6 says that it is 9
    changed = {"n9": {"No.": "A-97"}, "n6": {"Into": "A-9"}, "n2": {"Sex": "M"}}
    agency.deliver("ALB", sheet(**changed), FOURTH)
    fourth = load(agency, FOURTH)
    assert fourth.withheld == {"erased": 7}
    purge(settings)
    assert found(settings, 5, 6, 9, 12) == ()
    adds_up(settings)


def test_receipts_say_which_file_it_was_and_is(agency: Agency) -> None:
    settings = agency.settings
    agency.deliver("ALB", sheet(), FIRST)
    agency.deliver("ALB", sheet(n9=WITHDRAWN), SECOND)
    load(agency, FIRST)
    load(agency, SECOND)
    heard: list[Removed] = []
    removed = purge(settings, told=heard.append)
    assert heard == removed
    for one in removed:
        assert (settings.home / one.file).exists()
        assert one.before != one.after
    assert replace(removed[0], after=None).to_dict()["after"] is None
