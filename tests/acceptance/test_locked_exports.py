"""Missions that lock their exports, one in each way, through the steps of a night: what lands is what lands of
the same exports unlocked; keys and plaintext are nowhere else; a wrong key stops its own mission alone."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
import xlsxwriter
from typer.testing import CliRunner

from counterflow import keys, nightly
from counterflow.cli import app
from counterflow.export_keys import make, needed
from counterflow.keys import KeyRefusedError
from counterflow.landing import Landing
from counterflow.missions import contract_of
from counterflow.sealing import Seal
from tests import locks
from tests.acceptance.test_bad_input import night
from tests.locks import Gpg
from tests.support import COLUMNS, NIGHT, SECRET, Agency, archive, case, everything, export, table

MISSIONS = ("ALB", "BLR", "CIV", "MDA", "NPL", "UKR")
LOCKS = {
    "ALB": "encryption: {pgp: [alb_next, alb]}",
    "BLR": "encryption: {age: blr}",
    "CIV": "encryption: {zip: civ}",
    "MDA": "encryption: {workbook: mda}",
    "NPL": "encryption: {age: npl, zip: [npl_next, npl_zip]}",
    "UKR": "encryption: {pgp: ukr}\n  signature: {by: FINGERPRINT, suffix: .asc}",
}


def workbook() -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        rows = [case(n) for n in range(30)]
        cases = book.add_worksheet("Cases")
        means = book.add_worksheet("Means")
        for number, row in enumerate([dict.fromkeys(COLUMNS), *rows]):
            cases.write_row(number, 0, [row[c] for c in COLUMNS] if number else list(COLUMNS))
        for number, row in enumerate(rows):
            means.write_row(number + 1, 0, [row["No."], "debt"])
        means.write_row(0, 0, ["No.", "Means"])
    return target.getvalue()


def files() -> dict[str, bytes]:
    rows = [case(n) for n in range(30)]
    means = [{"No.": f"A-{n}", "Means": "debt"} for n in range(30)]
    return {
        "cases.csv": table(rows, COLUMNS).encode(),
        "means.csv": table(means, ("No.", "Means")).encode(),
    }


def made(root: Path) -> Agency:
    """An agency whose MDA sends a workbook."""
    agency = Agency(root, MISSIONS)
    agency.contract("MDA", "format: csv\n  archive: zip", "format: xlsx")
    agency.contract("MDA", "file: cases.csv", "sheet: Cases")
    agency.contract("MDA", "file: means.csv", "sheet: Means")
    return agency


def put(agency: Agency, name: str, text: str) -> None:
    folder = agency.settings.keys / "exports"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")
    (folder / name).chmod(0o600)


def locked(root: Path, gpg: Gpg) -> Agency:
    """The same agency, every mission with a lock."""
    agency = made(root)
    cert = gpg.key("signer@example.org")
    for mission, text in LOCKS.items():
        after = "limits: {unpacked"
        text = text.replace("FINGERPRINT", cert.fingerprint)
        agency.contract(mission, after, f"{text}\n  {after}")
    (agency.settings.missions / "keys").mkdir()
    (agency.settings.missions / "keys/ukr.asc").write_text(str(cert), "utf-8")
    for name in ("alb", "ukr"):
        put(agency, name, str(locks.pgp_key(name)))
    for name in ("blr", "npl"):
        put(agency, name, str(locks.identity(name)))
    for name in ("civ", "mda", "npl_zip"):
        put(agency, name, f"{locks.PHRASE}-{name}\n")
    put(agency, "npl_next", "not-yet-in-use")
    deliver(agency, gpg)
    return agency


def deliver(agency: Agency, gpg: Gpg, on=NIGHT) -> None:
    plain = export()
    agency.deliver("ALB", locks.pgp(plain, "alb"), on)
    agency.deliver("BLR", locks.age(plain, "blr"), on)
    agency.deliver("CIV", locks.aes_zip(files(), f"{locks.PHRASE}-civ"), on)
    agency.deliver("MDA", locks.locked_workbook(workbook(), f"{locks.PHRASE}-mda"), on)
    inner = locks.aes_zip(files(), f"{locks.PHRASE}-npl_zip")
    agency.deliver("NPL", locks.age(inner, "npl"), on)
    path = agency.deliver("UKR", locks.pgp(plain, "ukr", armor=True), on)
    signature = gpg("--armor", "--detach-sign", "-u", "signer@example.org", data=path.read_bytes())
    path.with_name(path.name + ".asc").write_bytes(signature)


@pytest.fixture(scope="module")
def gpg():
    one = Gpg()
    yield one
    one.close()


@pytest.fixture(scope="module")
def agencies(tmp_path_factory: pytest.TempPathFactory, gpg: Gpg) -> tuple[Agency, Agency]:
    """One agency with locks and one without, under the same keys, after one night."""
    root = tmp_path_factory.mktemp("locked")
    with_locks, plain = locked(root / "locked", gpg), made(root / "plain")
    keys.init(with_locks.settings.keys)
    plain.settings.keys.mkdir(parents=True)
    for name in (keys.MASTER, keys.LINKING):
        keys.init(plain.settings.keys)
        (plain.settings.keys / name).write_bytes((with_locks.settings.keys / name).read_bytes())
    for mission in MISSIONS:
        plain.deliver(mission, workbook() if mission == "MDA" else export())
    for agency in (with_locks, plain):
        records = night(agency)
        assert {m: (r.status, r.message) for m, r in records.items()} == dict.fromkeys(MISSIONS, ("loaded", ""))  # fmt: skip
    return with_locks, plain


def landed(agency: Agency, mission: str) -> dict[str, pa.Table]:
    landing = Landing(agency.settings.landing, mission)
    record = landing.record(NIGHT)
    assert record is not None
    folder, seal = landing.path(record.export or ""), Seal.of(agency.settings)
    return {path.name: seal.read(path) for path in sorted(folder.glob("*.parquet"))}


@pytest.mark.parametrize("mission", MISSIONS)
def test_what_lands_is_what_lands_of_the_same_export_without_a_lock(
    agencies: tuple[Agency, Agency], mission: str
) -> None:
    ours, plain = (landed(agency, mission) for agency in agencies)
    assert len(ours) > 15
    assert ours == plain
    assert ours["case.parquet"].num_rows == 30


def test_neither_plaintext_nor_keys_are_left_behind(agencies: tuple[Agency, Agency]) -> None:
    with_locks, _ = agencies
    home = with_locks.settings.home
    held = [path.read_text("utf-8").strip() for path in (home / "keys/exports").iterdir()]
    (home / "keys").rename(home.parent / "keys_aside")
    try:
        found = everything(home, Seal.of(agencies[1].settings))
    finally:
        (home.parent / "keys_aside").rename(home / "keys")
    assert SECRET not in found
    assert [text for text in held if text in found] == []


def test_a_wrong_key_stops_its_own_mission_and_no_other(
    agencies: tuple[Agency, Agency], gpg: Gpg
) -> None:
    """Each mission locks the next export for somebody else, but for CIV, which does it right."""
    agency, on = agencies[0], NIGHT + timedelta(days=1)
    deliver(agency, gpg, on)
    more = files() | {"cases.csv": table([case(n) for n in range(31)], COLUMNS).encode()}
    agency.deliver("CIV", locks.aes_zip(more, f"{locks.PHRASE}-civ"), on)
    agency.deliver("ALB", locks.pgp(export(), "somebody"), on)
    agency.deliver("BLR", locks.age(export(), "somebody"), on)
    agency.deliver("MDA", locks.locked_workbook(workbook(), "another"), on)
    agency.deliver("NPL", archive(files()), on)
    path = agency.deliver("UKR", locks.pgp(export(), "ukr"), on)
    records = night(agency, on)
    assert records["CIV"].status == "loaded"
    codes = {m: r.message.partition("(")[2].partition(")")[0] for m, r in records.items() if r.status == "refused"}  # fmt: skip
    assert codes == {
        "ALB": "wrong_key", "BLR": "wrong_key", "MDA": "wrong_key", "NPL": "not_encrypted",
        "UKR": "bad_signature",
    }  # fmt: skip
    assert all(records[m].is_stale and records[m].export for m in codes)
    # a signature that comes later is looked for again
    signature = gpg("--detach-sign", "-u", "signer@example.org", data=path.read_bytes())
    path.with_name(path.name + ".asc").write_bytes(signature)
    again = nightly.plan(agency.settings, on)
    assert "UKR" in again.changed
    assert nightly.ingest(agency.settings, on, "UKR").status == "landed"


def test_contracts_check_says_which_keys_are_there(
    agencies: tuple[Agency, Agency], monkeypatch: pytest.MonkeyPatch
) -> None:
    agency = agencies[0]
    contracts = [contract_of(agency.settings, mission) for mission in MISSIONS]
    found = {one.name: one for c in contracts for one in needed(agency.settings, c, NIGHT)}
    assert {name: one.state for name, one in found.items() if one.state != "usable"} == {
        "alb_next": "missing"
    }
    assert len(found) == 10
    monkeypatch.setenv("COUNTERFLOW_HOME", str(agency.settings.home))
    monkeypatch.setenv("COUNTERFLOW_MISSIONS", str(agency.settings.missions))
    said = CliRunner().invoke(app, ["contracts", "check"])
    assert "alb_next" in said.output
    assert "missing" in said.output
    assert locks.PHRASE not in said.output


@pytest.mark.parametrize("scheme", ["pgp", "age", "passphrase"])
def test_a_key_that_is_made_opens_what_its_public_half_locks(tmp_path: Path, scheme: str) -> None:
    agency = Agency(tmp_path, ("ALB",))
    given = make(agency.settings, "alb_2010", scheme, "ALB")
    path = agency.settings.keys / "exports/alb_2010"
    assert path.stat().st_mode & 0o777 == 0o600
    assert (path.read_text("utf-8").strip() == given.strip()) == (scheme == "passphrase")
    data = export()
    if scheme == "pgp":
        import pysequoia

        data = bytes(pysequoia.encrypt(recipients=[pysequoia.Cert.from_bytes(given.encode())], bytes=data))  # fmt: skip
    elif scheme == "age":
        import pyrage

        data = pyrage.encrypt(data, [pyrage.x25519.Recipient.from_str(given)])
    else:
        data = locks.aes_zip(files(), given)
    use = "zip" if scheme == "passphrase" else scheme
    agency.contract("ALB", "limits:", f"encryption: {{{use}: alb_2010}}\n  limits:")
    agency.deliver("ALB", data)
    assert night(agency)["ALB"].status == "loaded"
    with pytest.raises(KeyRefusedError, match="there already"):
        make(agency.settings, "alb_2010", scheme)
    path.chmod(0o640)
    (state,) = needed(agency.settings, contract_of(agency.settings, "ALB"), NIGHT)
    assert (state.state, state.is_usable) == ("unusable", False)
    with pytest.raises(ValueError, match="a key is named"):
        make(agency.settings, "../escaped", scheme)
