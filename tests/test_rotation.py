"""Rotation: everything under a new master key, the old one nowhere, the same facts; killed anywhere it goes on.

One small agency, one night with codes that nobody knows, a merged record and a withdrawn consent; then a rotation;
then a night that reads the same exports again.
"""

from __future__ import annotations

import base64
import json
import shutil
import stat
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from counterflow import keys, keys_airflow, nightly, rotation, suppression
from counterflow.depersonalise import MissionKeys, case_key, code_token, suppression_token
from counterflow.keys import Keyring
from counterflow.landing import Landing
from counterflow.local import run_night
from counterflow.missions import mission_keys
from counterflow.rekeying import Change, RotationRefusedError
from counterflow.release import cells, inside
from counterflow.release.inside import Inside
from counterflow.release.microdata import Class
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.warehouse.verification import verify
from tests.chaos import killing
from tests.chaos.killing import Point
from tests.planting.search import Finder, sealed, search
from tests.support import COLUMNS, NIGHT, Agency, case, export

SECOND = NIGHT + timedelta(days=1)
MISSIONS = ("ALB", "BLR")
PURPOSES = ("case", "code", "suppression", "landing", "build", "published", "release", "id")
NEXT = "5a" * 32  # the new master key where two rotations are compared
# codes outside the list, and who withdrew: several, because their tokens are landed in order
UNKNOWN = dict(zip(range(20, 26), ("Helga", "Olga", "Inga", "Elga", "Ilga", "Velga"), strict=True))
WITHDRAWN = (9, 10, 11, 12)
ERASED = "A-77"  # a case of BLR that stays out
OF_KEYS = {"case_key", "into_case_key", "key_id", "detail"}  # `detail`: a signal names its token


def ring_of(settings: Settings) -> Keyring:
    return Keyring(
        keys.read_file(settings.keys / keys.MASTER), keys.read_file(settings.keys / keys.LINKING)
    )


@pytest.fixture(scope="module")
def agency(tmp_path_factory: pytest.TempPathFactory) -> Agency:
    """Night 1 is published, and a release remembers its cases."""
    made = Agency(tmp_path_factory.mktemp("agency"), missions=MISSIONS)
    for mission in MISSIONS:
        made.contract(mission, "    key: No.\n    columns:\n      reg", "    key: No.\n    merged: {from: Into}\n    columns:\n      reg")  # fmt: skip
        rows = [case(n) for n in range(30)]
        for n, name in UNKNOWN.items():
            rows[n] |= {"Sex": name}
        rows[4] |= {"Into": "A-6"}
        for n in WITHDRAWN:
            rows[n] |= {"Withdrawn": "25.11.2010"}
        means = [{"No.": f"A-{n}", "Means": "debt"} for n in range(30)]
        made.deliver(mission, export(rows, means, (*COLUMNS, "Into")), NIGHT)
    report = run_night(made.settings, NIGHT, quiet=True)
    assert report.is_published, report.text
    own = mission_keys(made.settings, "BLR")
    erased = suppression_token(own, case_key(own, ERASED))
    landing = Landing(made.settings.landing, "BLR")
    suppression.remember(Seal.of(made.settings), landing, [erased], NIGHT, "E-1")
    remembered = [case_key(mission_keys(made.settings, "ALB"), f"A-{n}") for n in range(5)]
    one = Class(1, 1, ("feminine",), frozenset(remembered), 0, True)
    place = inside.folder(made.settings.releases, "001")
    inside.write(
        Inside(("gender",), (one,), cells.none_before(), Counter({("feminine",): 5})),
        place,
        Seal.of(made.settings),
    )
    return made


@pytest.fixture(scope="module")
def before(agency: Agency, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A copy of the home as it was before any rotation."""
    home = tmp_path_factory.mktemp("before") / "home"
    shutil.copytree(agency.settings.home, home, symlinks=True)
    return replace(agency.settings, home=home)


@pytest.fixture(scope="module")
def rotated(agency: Agency, before: Settings) -> rotation.Rotation:
    assert before.home.exists()
    return rotation.rotate(agency.settings)


def key_forms(ring: Keyring) -> dict[bytes, str]:
    """The master key and all that is derived of it, as bytes, hexadecimal and base64."""
    found = {}
    secrets = {"master": ring.master} | {
        f"{mission} {purpose}": keys.derive(ring.master, mission, purpose)
        for mission in (*MISSIONS, keys.AGENCY)
        for purpose in PURPOSES
    }
    for name, secret in secrets.items():
        for form in (
            secret,
            secret.hex().encode(),
            base64.b64encode(secret).rstrip(b"="),
            base64.urlsafe_b64encode(secret).rstrip(b"="),
        ):
            found[form] = f"key {name}"
    return found


def pseudonym_forms(ring: Keyring) -> dict[bytes, str]:
    """What the old key made: case keys, suppression tokens, a token of a code."""
    found = {}
    for mission in MISSIONS:
        own = MissionKeys.of(ring, mission)
        for n in range(30):
            found[case_key(own, f"A-{n}").encode()] = "pseudonym case"
        for number in ("A-9", ERASED):
            token = suppression_token(own, case_key(own, number))
            found[token.encode()] = "pseudonym suppressed"
        found[code_token(own, "case", "gender", "Helga").encode()] = "pseudonym token"
    return found


def finds(settings: Settings, ring: Keyring) -> dict[str, set[str]]:
    """What of an old key is found below the home: form → the files."""
    forms = key_forms(ring) | pseudonym_forms(ring)
    opened = Seal(ring_of(settings).master, ring_of(settings).key_id)
    found: dict[str, set[str]] = {}
    for find in search(settings.home, Finder(forms), [sealed(opened)]):
        found.setdefault(find.form.split(" lower")[0], set()).add(find.where.split(" ")[0])
    return found


def tables(settings: Settings, path: Path | None = None) -> dict[str, list[tuple[Any, ...]]]:
    """Every published table's rows, without the columns that a rotation may change."""
    found = {}
    seal = Seal(ring_of(settings).master, ring_of(settings).key_id)
    with seal.opened(path or settings.warehouse / "warehouse.duckdb") as connection:
        listed: dict[str, list[str]] = {}
        for schema, table, column in connection.execute(
            "select schema_name, table_name, column_name from duckdb_columns() join duckdb_tables() using "
            "(database_name, schema_name, table_name) where database_name = 'warehouse' order by all"
        ).fetchall():
            listed.setdefault(f'"{schema}"."{table}"', []).append(column)
        for table, columns in listed.items():
            kept = ", ".join(f'"{c}"' for c in columns if c not in OF_KEYS) or "1"
            found[table] = sorted(
                connection.execute(f"select {kept} from {table}").fetchall(), key=repr
            )
    return found


def test_before_a_rotation_the_old_key_is_found(before: Settings) -> None:
    """The positive control of the search: the key in its file, what it made in landing and warehouse."""
    found = finds(before, ring_of(before))
    assert found["key master"] == {"keys/master.key"}
    assert any(place.startswith("landing/") for place in found["pseudonym case"])
    assert {"warehouse/warehouse.duckdb", "releases/.inside/001/members.parquet"} <= found[
        "pseudonym case"
    ]
    assert any("signals.parquet" in place for place in found["pseudonym token"])
    assert {place.rpartition("/")[2] for place in found["pseudonym suppressed"]} == {
        "erased.parquet",
        "withheld.parquet",
    }
    assert any("code_map" in place or "case.parquet" in place for place in found["pseudonym token"])


def test_after_it_nothing_of_the_old_key_is_anywhere(
    agency: Agency, before: Settings, rotated: rotation.Rotation
) -> None:
    assert (rotated.exports, rotated.files, rotated.releases) == (2, 1, 1)
    assert (rotated.old, rotated.new) == (ring_of(before).key_id, ring_of(agency.settings).key_id)
    assert finds(agency.settings, ring_of(before)) == {}
    held = {path.name: stat.S_IMODE(path.stat().st_mode) for path in agency.settings.keys.iterdir()}
    assert held == {keys.MASTER: 0o600, keys.LINKING: 0o600}
    assert ring_of(agency.settings).linking == ring_of(before).linking


def test_the_facts_are_the_same_up_to_the_key_columns(
    agency: Agency, before: Settings, rotated: rotation.Rotation
) -> None:
    assert tables(agency.settings) == tables(before)
    with Seal.of(agency.settings).opened(agency.settings.warehouse / "warehouse.duckdb") as db:
        held = db.execute("select mission_code, case_key, key_id from core.fct_case").fetchall()
        details = db.execute(
            "select detail from quality.issue where kind = 'unmapped_code'"
        ).fetchall()
    own = {m: mission_keys(agency.settings, m) for m in MISSIONS}
    out = {4, *UNKNOWN, *WITHDRAWN}
    expected = {
        (m, case_key(own[m], f"A-{n}"), rotated.new) for m in MISSIONS for n in set(range(30)) - out
    }
    assert set(held) == expected
    tokens = {
        code_token(own[m], "case", "gender", name) for m in MISSIONS for name in UNKNOWN.values()
    }
    assert {detail.partition(",")[0] for (detail,) in details} == tokens
    assert all(result.passed for result in verify(agency.settings)), verify(agency.settings)
    (kept,) = (agency.settings.warehouse / "kept").glob("*.duckdb")
    assert kept.samefile(agency.settings.warehouse / "warehouse.duckdb")


def test_who_was_erased_is_known_again(agency: Agency, rotated: rotation.Rotation) -> None:
    seal, landing = Seal.of(agency.settings), Landing(agency.settings.landing, "BLR")
    own = mission_keys(agency.settings, "BLR")
    assert suppression.erased_cases(seal, landing, own) == {case_key(own, ERASED)}
    assert rotated.new == own.key_id


def test_a_rotated_export_is_what_the_new_key_would_have_landed(
    agency: Agency, rotated: rotation.Rotation
) -> None:
    """A full refresh reads the exports again: what it lands is, table by table, what the rotation made."""
    seal, landing = Seal.of(agency.settings), Landing(agency.settings.landing, "ALB")
    (folder,) = landing.folder.glob("exports/[!.]*")
    by_rotation = {path.name: seal.read(path) for path in folder.glob("*.parquet")}
    report = run_night(agency.settings, SECOND, full_refresh=True, quiet=True)
    assert report.is_published, report.text
    for name, table in by_rotation.items():
        assert seal.read(folder / name).equals(table), name
    with seal.opened(agency.settings.warehouse / "warehouse.duckdb") as connection:
        changes = connection.execute(
            "select change, count(*) from history.case_change group by all"
        ).fetchall()
        nights = connection.execute("select night from history.night order by night").fetchall()
    assert changes == [("appeared", 2 * (30 - 11))]  # of the first night: nobody came, nobody went
    assert nights == [(NIGHT,), (SECOND,)]


def rotate_and_die(settings: Settings, at: int) -> int | None:
    """Rotate in a process that is killed before its n-th change of the disk; how many there were, None if it was."""
    killing.preload()
    ended = killing.run(
        lambda: rotation.rotate(settings).new, Point("rotate", event=at), stage="rotate"
    )
    if ended.killed:
        return None
    assert not ended.error, ended.error
    return ended.calls[-1].events


def copied(settings: Settings, home: Path) -> Settings:
    """A home about to be rotated to a key that is known."""
    shutil.copytree(settings.home, home, symlinks=True)
    made = replace(settings, home=home)
    path = made.keys / keys.NEXT
    path.write_text(NEXT)
    path.chmod(0o600)
    return made


def contents(settings: Settings) -> dict[str, Any]:
    """All that a home holds, opened: Parquet as rows, DuckDB as tables, everything else as bytes."""
    ring = ring_of(settings)
    seal = Seal(ring.master, ring.key_id)
    found: dict[str, Any] = {}
    for path in sorted(settings.home.rglob("*")):
        name = str(path.relative_to(settings.home))
        if name.startswith(("nights", "lineage")):
            continue  # both say when a night was refused meanwhile
        if path.suffix == ".parquet":
            found[name] = seal.read(path).to_pylist()
        elif path.suffix == ".duckdb":
            found[name] = tables(settings, path)
            with seal.opened(path) as connection:
                rows = connection.execute("select case_key, key_id from core.fct_case").fetchall()
                found[name]["keys"] = sorted(rows)
        elif path.is_file() and path.suffix != ".lock":
            found[name] = path.read_bytes()
        elif path.is_dir():
            found[name] = "folder"
    return found


@pytest.fixture(scope="module")
def uninterrupted(
    before: Settings, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], int]:
    whole = copied(before, tmp_path_factory.mktemp("whole") / "home")
    steps = rotate_and_die(whole, 10**6)
    assert steps is not None
    return contents(whole), steps


def killed_again_and_again(
    before: Settings, home: Path, uninterrupted: tuple[dict[str, Any], int], points: list[int]
) -> None:
    expected, _ = uninterrupted
    left = copied(before, home)
    killed = 0
    for at in points:
        if rotate_and_die(left, at) is None:
            killed += 1
            with pytest.raises(keys.KeyRefusedError, match="keys rotate"):
                nightly.plan(left, SECOND)
        elif not (left.keys / keys.NEXT).exists():
            break
    if any((left.keys / name).exists() for name in (keys.NEXT, keys.RETIRED)):
        assert rotate_and_die(left, 10**6) is not None
    assert killed
    assert contents(left) == expected
    assert (left.keys / keys.MASTER).read_text() == NEXT


def test_a_rotation_that_is_killed_goes_on_to_the_same_end(
    before: Settings, tmp_path: Path, uninterrupted: tuple[dict[str, Any], int]
) -> None:
    """Each kill comes a stretch further; the last ones between the changes of the key files themselves."""
    steps = uninterrupted[1]
    killed_again_and_again(before, tmp_path / "home", uninterrupted, [2, steps // 2, steps // 3])
    killed_again_and_again(before, tmp_path / "end", uninterrupted, [steps - 3])


@pytest.mark.slow
def test_a_rotation_may_be_killed_at_any_point(
    before: Settings, tmp_path: Path, uninterrupted: tuple[dict[str, Any], int]
) -> None:
    steps = uninterrupted[1]
    for at in [*range(1, steps - 12, 7), *range(steps - 12, steps + 1)]:
        home = tmp_path / f"home{at}"
        killed_again_and_again(before, home, uninterrupted, [at])
        shutil.rmtree(home)


# --- refusals, and keys in a secrets backend ---------------------------------------------------------


class Backend:
    """A secrets backend as Airflow knows one."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def get_variable(self, key: str) -> str | None:
        return self.held.get(key)


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Backend:
    from airflow.sdk.execution_time import supervisor

    backend = Backend()
    monkeypatch.setattr(supervisor, "ensure_secrets_backend_loaded", lambda: [backend])
    keys_airflow.forget()
    return backend


def test_keys_in_a_backend_are_rotated_in_two_steps(
    before: Settings, tmp_path: Path, vault: Backend
) -> None:
    """A person puts the next key there; everything is re-keyed; a person puts it in place of the old one."""
    files = copied(before, tmp_path / "home")
    ring = ring_of(files)
    shutil.rmtree(files.keys)
    settings = replace(files, key_source="airflow")
    vault.held = {
        "counterflow_master_key": ring.master.hex(),
        "counterflow_linking_key": ring.linking.hex(),
    }
    with pytest.raises(
        RotationRefusedError, match="put a new one there as counterflow_master_key_next"
    ):
        rotation.rotate(settings)
    vault.held["counterflow_master_key_next"] = ring.master.hex()
    with pytest.raises(RotationRefusedError, match="is the key in use"):
        rotation.rotate(settings)
    new = Keyring(bytes.fromhex(NEXT), ring.linking)
    vault.held["counterflow_master_key_next"] = NEXT
    settings.rotation.write_text(json.dumps({"old": ring.key_id, "new": "0badcafe"}))
    with pytest.raises(
        RotationRefusedError, match=f"from {ring.key_id} to 0badcafe was not finished"
    ):
        rotation.rotate(settings)
    settings.rotation.write_text(json.dumps({"old": ring.key_id, "new": new.key_id}))
    with pytest.raises(keys.KeyRefusedError, match="run `counterflow keys rotate` to its end"):
        nightly.plan(settings, SECOND)
    done = rotation.rotate(settings)
    assert (done.old, done.new, done.exports, done.promote) == (ring.key_id, new.key_id, 2, True)
    assert not settings.rotation.exists()
    assert not settings.keys.exists()
    keys_airflow.forget()
    with pytest.raises(keys.KeyRefusedError, match="put it in place of the old one"):
        keys.keyring(settings)
    assert (
        rotation.rotate(settings).exports == 0
    )  # nothing was left to do, and it says again what is
    vault.held["counterflow_master_key"] = vault.held.pop("counterflow_master_key_next")
    keys_airflow.forget()
    assert keys.keyring(settings) == new


def test_an_export_of_a_third_key_stops_a_rotation_before_it_begins(
    before: Settings, tmp_path: Path
) -> None:
    settings = copied(before, tmp_path / "home")
    half_made = settings.keys / f".{keys.NEXT}-0badcafe"
    half_made.write_text(NEXT)
    outcome = next((settings.landing / "BLR" / "exports").glob("[!.]*/outcome.json"))
    said = json.loads(outcome.read_text())
    outcome.write_text(json.dumps({**said, "key_id": "0badcafe"}))
    then = contents_of_bytes(settings.landing)
    with pytest.raises(
        RotationRefusedError, match=r"BLR's export .* made with the master\.key 0badcafe"
    ):
        rotation.rotate(settings)
    assert contents_of_bytes(settings.landing) == then
    assert not half_made.exists()  # a key that was never whole is removed in any case


def test_a_lost_key_is_not_rotated_away(before: Settings, tmp_path: Path) -> None:
    """A wrong master or linking key is refused as ever: no second key is made beside it."""
    settings = copied(before, tmp_path / "home")
    (settings.keys / keys.NEXT).unlink()
    (settings.keys / keys.LINKING).write_text("77" * 32)
    with pytest.raises(keys.KeyRefusedError, match=r"was landed with the linking\.key"):
        rotation.rotate(settings)
    assert not (settings.keys / keys.NEXT).exists()


def contents_of_bytes(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_an_encrypted_publication_gets_a_new_key_for_analysts(
    before: Settings, tmp_path: Path
) -> None:
    from counterflow.sealing import PUBLISHED
    from counterflow.warehouse.publication import KEY_FILE, hand_out
    from counterflow.warehouse.rewriting import rewrite

    settings = copied(before, tmp_path / "home")
    seal = Seal(ring_of(settings).master, ring_of(settings).key_id)
    published, aside = settings.warehouse / "warehouse.duckdb", tmp_path / "aside.duckdb"
    rewrite(seal, published, aside, purpose=PUBLISHED)
    shutil.move(aside, published)
    hand_out(seal, settings.keys / KEY_FILE)
    done = rotation.rotate(settings)
    new = Seal.of(settings)
    assert done.analysts_key == settings.keys / KEY_FILE
    assert done.analysts_key.read_text().strip() == new.analysts_key() != seal.analysts_key()
    assert tables(settings) == tables(before)
    assert all(result.passed for result in verify(settings))


def test_a_column_that_nobody_declared_stops_before_the_file_is_changed(
    before: Settings, tmp_path: Path
) -> None:
    import duckdb

    settings = copied(before, tmp_path / "home")
    path = settings.warehouse / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "create table core.extra as select 'x-' || case_key as note from core.fct_case"
        )
    with pytest.raises(RotationRefusedError, match=r'core"\."extra"\."note" holds a case key'):
        rotation.rotate(settings)
    with duckdb.connect(str(path)) as connection:
        connection.execute("drop table core.extra")
    assert (
        rotation.rotate(settings).files == 2
    )  # the copy of the fixture shares no name with the kept one


def test_a_change_shows_no_key() -> None:
    change = Change(Keyring(bytes(32), bytes(32)), Keyring(bytes(range(32)), bytes(32)))
    assert bytes(range(32)).hex() not in repr(change)
    assert str(bytes(range(32))) not in repr(change)
