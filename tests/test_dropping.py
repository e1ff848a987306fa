"""Exports that come by hand: sealed on the disk, taken before a server that is down, removed when landed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from counterflow import dropping, keys, rotation
from counterflow.dropping import DropRefusedError, drop, waiting
from counterflow.landing import Landing
from counterflow.missions import contract_of, transport
from counterflow.retention import enforce
from counterflow.sealing import Seal
from counterflow.sources.remote import RemoteTransport
from tests.servers.running import free_port
from tests.sources.linked import agency, define, landed, night
from tests.support import NIGHT, SECRET, Agency, archive, case, export, table

SECOND = NIGHT + timedelta(days=1)


@pytest.fixture
def down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Agency:
    """A mission whose server does not answer."""
    made = agency(tmp_path / "agency", missions=("ALB",))
    pinned = {"host_key": "ssh-ed25519 AAAAC3Nza", "private_key": "x"}
    said = {"conn_type": "http", "host": f"https://127.0.0.1:{free_port()}", "extra": pinned}
    define(monkeypatch, said)
    monkeypatch.setattr(RemoteTransport.__init__, "__defaults__", ((),))
    return made


def handed(folder: Path, on: date = NIGHT, data: bytes | None = None) -> Path:
    path = folder / f"cases_{on:%Y%m%d}.zip"
    path.write_bytes(data if data is not None else export())
    return path


def dropped(made: Agency, file: Path, on: date | None = None) -> dropping.Dropped:
    return drop(made.settings, contract_of(made.settings, "ALB"), file, on)


def test_it_takes_the_place_of_a_server_that_is_down(down: Agency, tmp_path: Path) -> None:
    dropped(down, handed(tmp_path))
    assert night(down)["ALB"] == ("loaded", "")
    assert waiting(down.settings, "ALB") == []
    record = Landing(down.settings.landing, "ALB").record(NIGHT)
    assert record is not None
    path = Landing(down.settings.landing, "ALB").path(record.export or "") / "signals.parquet"
    signals = Seal.of(down.settings).read(path).to_pylist()
    assert [(s["kind"], s["rows"]) for s in signals if s["kind"] == "dropped_by_hand"] == [
        ("dropped_by_hand", 60)
    ]
    by_folder = agency(tmp_path / "folder", missions=("ALB",))
    by_folder.settings = down.settings.__class__(**{
        **{name: getattr(by_folder.settings, name) for name in by_folder.settings.__slots__},
        "connections": "none",
    })  # fmt: skip
    by_folder.deliver("ALB", export())
    night(by_folder)
    one, other = landed(down.settings), landed(by_folder.settings)
    assert {n for n in one if one[n] != other.get(n)} == {
        n for n in one if n.endswith("signals.parquet")
    }


def test_what_lies_there_is_sealed_and_its_name_is_inside(down: Agency, tmp_path: Path) -> None:
    down.contract("ALB", "outgoing/cases_", "outgoing/*cases_")
    plain = archive({"cases.csv": table([case(1)], ("No.", "Name")).encode()})
    file = tmp_path / f"{SECRET} cases_{NIGHT:%Y%m%d}.zip"
    file.write_bytes(plain)
    (tmp_path / f"{file.name}.sha256").write_bytes(b"0" * 64)
    told = dropped(down, file)
    (path,) = (p for p in down.settings.drop.rglob("*") if p.is_file())
    assert (path.name, told.night) == (f"{NIGHT}.sealed", NIGHT)
    assert path.stat().st_mode & 0o777 == 0o600
    assert down.settings.drop.stat().st_mode & 0o777 == 0o700
    assert plain[:40] not in path.read_bytes()
    fetcher = transport(down.settings, contract_of(down.settings, "ALB"))
    delivery = fetcher.newest(contract_of(down.settings, "ALB"), NIGHT)
    assert delivery is not None
    assert (delivery.name, fetcher.fetch(delivery, 10**6)) == (file.name, plain)
    assert fetcher.beside(delivery, ".sha256", 100) == b"0" * 64
    assert SECRET not in repr(delivery)
    path.rename(path.with_name(f"{SECOND}.sealed"))  # another night does not open it
    assert "drop_unreadable" in night(down, SECOND)["ALB"][1]


def test_past_nights_one_after_the_other(down: Agency, tmp_path: Path) -> None:
    dropped(down, handed(tmp_path))
    dropped(down, handed(tmp_path, SECOND, export([case(n) for n in range(31)])))
    assert night(down, NIGHT)["ALB"][0] == "loaded"
    assert waiting(down.settings, "ALB") == [SECOND]
    assert night(down, SECOND)["ALB"][0] == "loaded"


def test_the_server_that_comes_back_with_yesterdays_does_not_take_its_place(
    tmp_path: Path,
) -> None:
    made = agency(tmp_path / "agency", missions=("ALB",))
    dropped(made, handed(tmp_path, SECOND))
    assert night(made, SECOND)["ALB"][0] == "loaded"
    made.deliver("ALB", export([case(n) for n in range(29)]))  # of the night before, never loaded
    third = SECOND + timedelta(days=1)
    assert night(made, third)["ALB"][0] == "late"  # not `loaded`
    assert night(made, SECOND)["ALB"][0] == "unchanged"
    record = Landing(made.settings.landing, "ALB").record(third)
    assert record is not None
    assert record.loaded_night == SECOND
    made.deliver("ALB", export([case(n) for n in range(28)]), third)
    assert night(made, third)["ALB"][0] == "loaded"


def test_a_newer_one_of_the_server_wins(tmp_path: Path) -> None:
    made = agency(tmp_path / "agency", missions=("ALB",))
    dropped(made, handed(tmp_path, NIGHT, b"no zip"))
    made.deliver("ALB", export(), SECOND)
    assert night(made, SECOND)["ALB"] == ("loaded", "")


@pytest.mark.parametrize(
    ("name", "on", "said"),
    [
        ("other.zip", None, "does not fit"),
        ("cases_20101125.csv", None, "does not fit"),
        ("cases_20101125.zip", SECOND, "which is right"),
    ],
)
def test_a_file_that_cannot_be_the_missions_is_refused(
    name: str, on: date | None, said: str, down: Agency, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DropRefusedError, match=said):
        dropped(down, tmp_path / name, on)
    assert not down.settings.drop.exists()


def test_without_a_date_in_its_name_the_night_is_asked_for(down: Agency, tmp_path: Path) -> None:
    down.contract("ALB", "outgoing/cases_{night:%Y%m%d}.zip", "outgoing/cases.zip")
    (tmp_path / "cases.zip").write_bytes(export())
    with pytest.raises(DropRefusedError, match="give --night"):
        dropped(down, tmp_path / "cases.zip")
    assert dropped(down, tmp_path / "cases.zip", NIGHT).night == NIGHT


def test_a_rotation_takes_it_along(down: Agency, tmp_path: Path) -> None:
    dropped(down, handed(tmp_path))
    old = keys.keyring(down.settings).key_id
    rotation.rotate(down.settings)
    assert keys.keyring(down.settings).key_id != old
    assert night(down)["ALB"] == ("loaded", "")


def test_what_is_never_landed_goes_with_retention(down: Agency, tmp_path: Path) -> None:
    dropped(down, handed(tmp_path))
    enforce(down.settings, date.today() + timedelta(days=14))  # noqa: DTZ011 - files have the day of today
    assert waiting(down.settings, "ALB") == [NIGHT]
    enforce(down.settings, date.today() + timedelta(days=16))  # noqa: DTZ011
    assert waiting(down.settings, "ALB") == []
