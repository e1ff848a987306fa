"""The keys: made once, readable by their owner alone, refused in every other state."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from counterflow import keys, keys_airflow
from counterflow.settings import Settings

FILES = [keys.MASTER, keys.LINKING]


def at(home: Path) -> Settings:
    return Settings(home=home, exports=home / "exports", missions=home / "missions")


def land(settings: Settings, mission: str, **ids: str) -> None:
    """What a landed export says of the keys it was made with."""
    folder = settings.landing / mission / "exports" / "0123456789abcdef-01234567"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "outcome.json").write_text(json.dumps(ids))


def test_keys_are_made_once_and_for_their_owner_only(tmp_path: Path) -> None:
    folder = keys.init(tmp_path / "keys")
    first = keys.keyring(at(tmp_path))
    assert (len(first.master), len(first.linking)) == (32, 32)
    assert first.master != first.linking
    for name in FILES:
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    keys.init(folder)
    assert keys.keyring(at(tmp_path)) == first
    assert sorted(os.listdir(folder)) == sorted(FILES)


def test_of_many_who_make_keys_at_once_the_first_wins(tmp_path: Path) -> None:
    def make(_: int) -> keys.Keyring:
        keys.init(tmp_path / "keys")
        return keys.keyring(at(tmp_path))

    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(make, range(32)))
    assert all(ring == rings[0] for ring in rings)


def test_ids_name_keys_and_tell_nothing_of_them(tmp_path: Path) -> None:
    ring = keys.Keyring(bytes(range(32)), bytes(range(32)))
    assert ring.key_id == ring.linking_id  # of equal keys: the id is of the key alone
    assert len(ring.key_id) == 8
    assert ring.key_id not in ring.master.hex()
    assert ring.key_id != keys.Keyring(bytes(32), bytes(32)).key_id
    assert ring.master.hex() not in repr(ring)
    assert str(ring.master) not in repr(ring)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (None, 0o600, "restore it from its backup"),
        ("ab" * 32, 0o640, r"open to others \(0640\): chmod 600"),
        ("ab" * 31, 0o600, "31 bytes in hexadecimal and not 32"),
        ("ab" * 33, 0o600, "33 bytes in hexadecimal and not 32"),
        ("zz" * 32, 0o600, "not hexadecimal"),
        ("", 0o600, "0 bytes"),
        ("ключ", 0o600, "cannot be read"),
    ],
)
def test_a_key_that_cannot_be_trusted_is_refused(
    tmp_path: Path, name: str, content: str | None, mode: int, said: str
) -> None:
    path = keys.init(tmp_path / "keys") / name
    path.unlink()
    if content is not None:
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(keys.KeyRefusedError, match=said) as refused:
        keys.keyring(at(tmp_path))
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not content or content not in str(refused.value)


@pytest.mark.parametrize(("which", "name"), [("key_id", "master"), ("linking_id", "linking")])
def test_a_landing_made_with_another_key_is_refused_and_both_are_named(
    tmp_path: Path, which: str, name: str
) -> None:
    settings = at(tmp_path)
    keys.init(settings.keys)
    ring = keys.keyring(settings)
    land(settings, "ALB", key_id=ring.key_id, linking_id=ring.linking_id)
    assert keys.keyring(settings) == ring
    land(
        settings, "BLR", **{"key_id": ring.key_id, "linking_id": ring.linking_id, which: "0badcafe"}
    )
    own = getattr(ring, which)
    said = f"BLR was landed with the {name}.key 0badcafe, and this one is {own}: restore 0badcafe"
    with pytest.raises(keys.KeyRefusedError, match=said):
        keys.keyring(settings)


@pytest.mark.parametrize("name", FILES)
def test_a_lost_key_is_not_replaced_where_something_is_landed(tmp_path: Path, name: str) -> None:
    settings = at(tmp_path)
    folder = keys.begin(settings)
    assert folder is not None
    land(settings, "ALB")
    (folder / name).unlink()
    with pytest.raises(keys.KeyRefusedError, match=f"landed with a {name} .* restore it"):
        keys.begin(settings)
    assert not (folder / name).exists()


def test_nothing_goes_on_while_a_rotation_is_unfinished(tmp_path: Path) -> None:
    folder = keys.init(tmp_path / "keys")
    keys.make(folder / keys.NEXT)
    with pytest.raises(keys.KeyRefusedError, match="run `counterflow keys rotate` to its end"):
        keys.keyring(at(tmp_path))


def test_purposes_missions_and_versions_have_keys_of_their_own() -> None:
    master = bytes(range(32))
    asked = [
        (mission, purpose, version)
        for mission in ("MDA", "UKR", keys.AGENCY)
        for purpose in ("case", "code", "suppression", "landing", "id")
        for version in (1, 2)
    ]
    assert len({keys.derive(master, *one) for one in asked}) == len(asked)


class Backend:
    """A secrets backend as Airflow knows one."""

    def __init__(self, held: dict[str, str] | None) -> None:
        self.held = held

    def get_variable(self, key: str) -> str | None:
        if self.held is None:
            raise ConnectionError("vault.example.org: token s.abc is expired")
        return self.held.get(key)


def backends(monkeypatch: pytest.MonkeyPatch, *chain: Backend) -> None:
    from airflow.sdk.execution_time import supervisor

    keys_airflow.forget()
    monkeypatch.setattr(supervisor, "ensure_secrets_backend_loaded", lambda: list(chain))


HELD = {"counterflow_master_key": "0a" * 32, "counterflow_linking_key": "0b" * 32 + "\n"}


def test_keys_come_from_the_first_backend_that_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(at(tmp_path), key_source="airflow")
    backends(monkeypatch, Backend({}), Backend(HELD), Backend(dict.fromkeys(HELD, "0c" * 32)))
    assert keys.keyring(settings) == keys.Keyring(b"\x0a" * 32, b"\x0b" * 32)
    assert not settings.keys.exists()


def test_keys_come_from_airflows_own_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its backend of environment variables needs no server: the chain is the real one."""
    for name, value in HELD.items():
        monkeypatch.setenv(f"AIRFLOW_VAR_{name.upper()}", value)
    keys_airflow.forget()
    settings = replace(at(tmp_path), key_source="airflow")
    assert keys.keyring(settings) == keys.Keyring(b"\x0a" * 32, b"\x0b" * 32)


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ([Backend({})], "counterflow_master_key is in no secrets backend"),
        (
            [Backend({**HELD, "counterflow_linking_key": "short"})],
            "counterflow_linking_key is not hex",
        ),
        ([Backend({**HELD, "counterflow_master_key": "0a" * 31})], "31 bytes"),
        # the second one may hold an older key: it is not asked
        ([Backend(None), Backend(HELD)], r"Backend did not answer .*\(ConnectionError\)"),
    ],
)
def test_a_backend_that_is_silent_or_empty_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chain: list[Backend], said: str
) -> None:
    backends(monkeypatch, *chain)
    with pytest.raises(keys.KeyRefusedError, match=said) as refused:
        keys.keyring(replace(at(tmp_path), key_source="airflow"))
    assert "\n" not in str(refused.value)
    assert not any(hidden in str(refused.value) for hidden in ("s.abc", "0a0a", "vault", "short"))


def test_the_source_of_keys_is_said_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFLOW_KEYS", "airflow")
    assert Settings.from_env().key_source == "airflow"
    monkeypatch.setenv("COUNTERFLOW_KEYS", "vault")
    with pytest.raises(ValueError, match="COUNTERFLOW_KEYS is `files`"):
        Settings.from_env()
