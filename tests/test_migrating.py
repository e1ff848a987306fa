"""The release before's files under this program: sealed, with the case keys that later nights give, or refused.

`older` writes what that release wrote (plain Parquet, one key, case keys that are the hash alone, withheld cases by key, no key
ids, no `format.json`), from what today's program landed: its facts are those of the last commit before encryption.
"""

from __future__ import annotations

import json
import os
import shutil
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from counterflow import formats, migrating, nightly
from counterflow.depersonalise import MissionKeys, case_key, translate
from counterflow.formats import FormatRefusedError
from counterflow.landing import Landing
from counterflow.migrating import MigrationRefusedError
from counterflow.missions import keyring
from counterflow.rekeying import renamed
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.suppression import erased_cases, suppressed
from tests.support import NIGHT, Agency, case, everything, export

NEXT = NIGHT + timedelta(days=1)


def older(settings: Settings) -> None:
    """Turn a home into one of the release before."""
    ring, seal = keyring(settings), Seal.of(settings)
    for folder in sorted(settings.landing.glob("[A-Z][A-Z][A-Z]")):
        own = MissionKeys.of(ring, folder.name)
        plain = migrating._Plain()

        def hashes(values: list[str], own: MissionKeys = own, plain: object = plain) -> list[str]:
            return translate(own.case.blocks, plain, values)  # type: ignore[arg-type]

        def codes(values: list[str], own: MissionKeys = own, plain: object = plain) -> list[str]:
            def one(text: str) -> str:
                is_token = text.startswith("#") and len(text) == 33
                return "#" + translate(own.code.blocks, plain, [text[1:]])[0] if is_token else text  # type: ignore[arg-type]

            return [one(value) for value in values]

        def hidden(values: list[str], own: MissionKeys = own, plain: object = plain) -> list[str]:
            return translate(own.suppression, plain, values)  # type: ignore[arg-type]

        ways = {"case_key": hashes, "merged_into_key": hashes, "suppression_token": hidden}
        for path in sorted(folder.rglob("*.parquet")):
            table = renamed(seal.read(path), ways, codes)  # type: ignore[arg-type]
            names = ["case_key" if n == "suppression_token" else n for n in table.column_names]
            table = table.rename_columns(names)
            if "key_id" in names:
                table = table.drop_columns(["key_id"])
            pq.write_table(table, path, compression="zstd")
        for path in folder.glob("exports/*/outcome.json"):
            said = json.loads(path.read_text())
            kept = {k: v for k, v in said.items() if k not in ("key_id", "linking_id", "columns")}
            path.write_text(json.dumps(kept, indent=1))
    (settings.keys / "master.key").write_text(ring.linking.hex() + "\n")
    (settings.keys / "linking.key").unlink()
    (settings.home / formats.FILE).unlink()
    shutil.rmtree(settings.nights, ignore_errors=True)


@pytest.fixture
def agency(tmp_path: Path) -> Agency:
    made = Agency(tmp_path, missions=("ALB", "BLR"))
    rows = [
        case(n, Consent="no" if n == 3 else "yes", Sex="W" if n == 5 else "F") for n in range(30)
    ]
    for mission in made.missions:
        made.deliver(mission, export(rows))
    run(made)
    return made


def run(agency: Agency, on: object = NIGHT) -> dict[str, str]:
    plan = nightly.plan(agency.settings, on)  # type: ignore[arg-type]
    for mission in plan.changed:
        nightly.ingest(agency.settings, on, mission)  # type: ignore[arg-type]
    nightly.validate(agency.settings, on)  # type: ignore[arg-type]
    return {line.mission: line.status for line in nightly.report(agency.settings, on).lines}  # type: ignore[arg-type]


def cases(settings: Settings) -> set[str]:
    landing, seal = Landing(settings.landing, "ALB"), Seal.of(settings)
    (name,) = landing.whole_exports()
    return set(seal.read(landing.path(name) / "case.parquet", ["case_key"]).column(0).to_pylist())


def test_every_case_has_the_key_that_later_nights_give(agency: Agency) -> None:
    settings = agency.settings
    before = keyring(settings)
    quarantined = Landing(settings.landing, "ALB").record(NIGHT).rows_quarantined  # type: ignore[union-attr]
    older(settings)
    done = migrating.migrate(settings)
    ring = keyring(settings)
    assert (done.exports, done.missions, done.key_id) == (2, 2, ring.key_id)
    assert ring.linking == before.linking
    assert ring.master not in (before.master, before.linking)
    own = MissionKeys.of(ring, "ALB")
    assert cases(settings) == {case_key(own, f"A-{n}") for n in range(30) if n != 3}
    # nothing is pulled or read again, who is withheld stays out, and the unmapped code is still resolvable
    assert nightly.plan(settings, NEXT).changed == []
    known = suppressed(Seal.of(settings), Landing(settings.landing, "ALB"), own)
    assert [m.case_key for m in known.mentions] == [case_key(own, "A-3")]
    assert erased_cases(Seal.of(settings), Landing(settings.landing, "ALB"), own) == frozenset()
    agency.contract("ALB", "F: feminine", "F: feminine, W: feminine")
    run(agency, NEXT)
    record = Landing(settings.landing, "ALB").record(NEXT)
    assert record is not None
    assert (quarantined, record.rows_quarantined) == (2, 0)


def test_nothing_plain_and_no_old_case_key_is_left(agency: Agency) -> None:
    settings = agency.settings
    older(settings)
    (settings.warehouse).mkdir()
    (settings.warehouse / "warehouse.duckdb").write_bytes(b"old case keys")
    plain = {
        v
        for p in settings.landing.glob("*/exports/*/rows.parquet")
        for v in pq.read_table(p).column("case_key").to_pylist()
    }
    assert len(plain) == 58
    migrating.migrate(settings)
    assert not settings.warehouse.exists()
    text = everything(settings.landing, Seal.of(settings))
    assert [key for key in plain if key in text] == []


def test_until_it_is_migrated_every_verb_says_so_in_one_line(agency: Agency) -> None:
    older(agency.settings)
    with pytest.raises(FormatRefusedError, match="counterflow migrate") as refused:
        nightly.plan(agency.settings, NEXT)
    assert "\n" not in str(refused.value)


def _die_at(settings: Settings, number: int) -> None:
    left = [number]
    real = os.replace

    def replaced(source: object, target: object) -> None:
        if left[0] == 0:
            os._exit(9)
        left[0] -= 1
        real(source, target)  # type: ignore[arg-type]

    os.replace = replaced  # type: ignore[assignment]
    migrating.migrate(settings)


@pytest.mark.parametrize("number", [0, 1, 2, 4, 6, 7])
def test_killed_anywhere_it_goes_on(agency: Agency, number: int) -> None:
    settings = agency.settings
    older(settings)
    killed = get_context("fork").Process(target=_die_at, args=(settings, number))
    killed.start()
    killed.join()
    if killed.exitcode == 9 and number < 8:
        migrating.migrate(settings)
    own = MissionKeys.of(keyring(settings), "ALB")
    assert cases(settings) == {case_key(own, f"A-{n}") for n in range(30) if n != 3}
    assert nightly.plan(settings, NEXT).changed == []
    assert not (settings.keys / formats.MIGRATING).exists()


def test_a_home_of_this_program_is_left_as_it_is(agency: Agency) -> None:
    before = {p: p.read_bytes() for p in agency.settings.home.rglob("*") if p.is_file()}
    assert migrating.migrate(agency.settings).exports == 0
    assert {p: p.read_bytes() for p in agency.settings.home.rglob("*") if p.is_file()} == before


def test_what_is_not_known_is_refused_and_says_to_load_anew(agency: Agency) -> None:
    older(agency.settings)
    next(agency.settings.landing.glob("BLR/exports/*/profile.parquet")).unlink()
    with pytest.raises(MigrationRefusedError, match="load anew"):
        migrating.migrate(agency.settings)
    assert not (agency.settings.keys / "linking.key").exists()


@pytest.mark.slow
def test_the_night_after_builds_what_was_published_before(agency: Agency) -> None:
    """Whole nights: what does not hold a case key is, by content hash, what it was."""
    from counterflow.local import run_night
    from counterflow.warehouse.manifest import MANIFEST, read_manifest

    settings = agency.settings

    def published() -> dict[str, tuple[int, str]]:
        assert run_night(settings, NIGHT, quiet=True).is_published
        found = read_manifest(settings.warehouse / MANIFEST)
        assert found is not None
        return dict(found.tables)

    before = published()
    older(settings)
    migrating.migrate(settings)
    after = published()
    assert {n: rows for n, (rows, _) in after.items()} == {
        n: rows for n, (rows, _) in before.items()
    }
    same = {n for n in before if before[n] == after[n]}
    assert {n for n in before if n.startswith("analysis.")} <= same
