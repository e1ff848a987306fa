"""The keys that missions lock their exports with: found by the names in their contracts, made, and looked at.

In: settings and a contract. Out: `Means` for one export; for people, what is there and until when. A key is a
file `keys/exports/<name>` (0600), or Airflow's variable `counterflow_export_<name>`. Public keys, which
prove signatures, are files in `keys/` beside the contracts: they are no secret.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from counterflow.contracts import Contract
from counterflow.contracts.scalars import key_name
from counterflow.disk import sync
from counterflow.keys import KeyRefusedError
from counterflow.settings import Settings
from counterflow.sources import age, pgp
from counterflow.sources.errors import Refused
from counterflow.sources.transport import Delivery, Transport
from counterflow.sources.unlocking import SIGNATURE_LIMIT, Means

SCHEMES = ("pgp", "age", "passphrase")
SOON = 30  # days before a key expires in which it is said
_WORDS = 6
_YEARS = 2
_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """One key that a contract needs. `state`: usable, missing, unusable, expired, revoked or expiring."""

    mission: str
    name: str
    use: str  # pgp, age, zip, workbook, signature
    state: str
    detail: str

    @property
    def is_usable(self) -> bool:
        """Whether tonight's export could be opened with it."""
        return self.state in ("usable", "expiring")

    def to_dict(self) -> dict[str, str]:
        """For `--json`."""
        return {name: getattr(self, name) for name in self.__slots__}


def means(settings: Settings, contract: Contract, fetcher: Transport, delivery: Delivery) -> Means:
    """All that opens and proves an export. Raises Refused for a key that may not be used."""
    source = contract.source
    if source.encryption is None and source.signature is None:
        return Means()
    names = source.encryption.names if source.encryption else []
    keys = {name: text for name in names if (text := secret(settings, name)) is not None}
    if source.signature is None:
        return Means(keys)
    beside = source.signature.place == "beside"
    signature = (
        fetcher.beside(delivery, source.signature.suffix, SIGNATURE_LIMIT) if beside else None
    )
    return Means(keys, signature, public_keys(settings))


def folder(settings: Settings) -> Path:
    """Where the keys of exports are, if they are files."""
    return settings.keys / "exports"


def secret(settings: Settings, name: str) -> bytes | None:
    """The text of a key, None if there is none. Raises Refused for a file that is open to others."""
    if settings.key_source == "airflow":
        from counterflow import keys_airflow

        found = keys_airflow.find_export(name)
        return found.encode() if found is not None else None
    path = folder(settings) / name
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read(_LIMIT)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(
            "bad_key",
            f"the key `{name}` cannot be read ({type(error).__name__})",
            "See its file in `keys/exports/`",
        ) from None
    if mode & 0o077:
        raise Refused(
            "bad_key",
            f"the key `{name}` is open to others ({mode:04o})",
            "chmod 600 its file in `keys/exports/`, and think of it as known: make a new one",
        )
    if not text.strip():
        raise Refused("bad_key", f"the key `{name}` is empty", "Restore it from its backup")
    return text


def public_keys(settings: Settings) -> dict[str, bytes]:
    """The public keys beside the contracts, by fingerprint."""
    paths = sorted((settings.missions / "keys").glob("*.asc"))
    return pgp.certificates([path.read_bytes()[:_LIMIT] for path in paths])


def make(settings: Settings, name: str, scheme: str, mission: str = "") -> str:
    """Make a key; what to give to the mission: a public key, or the passphrase itself to tell by voice.

    Raises KeyRefusedError where there is one already: what was encrypted for it could not be opened any more.
    """
    key_name(name)
    path = folder(settings) / name
    if path.exists():
        raise KeyRefusedError(
            f"{path} is there already: name the next one otherwise, and name both in the contract until "
            "the mission has changed over"
        )
    private, public = _made(name, scheme, mission)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chmod(path.parent, 0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(private.strip() + "\n")
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)
    return public


def _made(name: str, scheme: str, mission: str) -> tuple[str, str]:
    """The private and the public half of a new key."""
    if scheme == "age":
        import pyrage

        identity = pyrage.x25519.Identity.generate()
        return str(identity), str(identity.to_public())
    if scheme == "pgp":
        import pysequoia

        key = pysequoia.Tsk.generate(
            f"{mission or 'Counterflow'} exports ({name})",
            profile=pysequoia.Profile.RFC4880,  # what every GnuPG understands
            validity_seconds=_YEARS * 365 * 86_400,
        )
        return str(key), str(key.extract_certificate())
    phrase = "-".join(secrets.token_hex(3) for _ in range(_WORDS))
    return phrase, phrase


def needed(settings: Settings, contract: Contract, night: date) -> Iterator[Found]:
    """Each key that the contract names, and whether it could be used on `night`."""
    locks, signature = contract.source.encryption, contract.source.signature
    for use in ("pgp", "age", "zip", "workbook"):
        for name in getattr(locks, use) if locks is not None else []:
            state, detail = _state(settings, name, use, night)
            yield Found(contract.mission, name, use, state, detail)
    known = public_keys(settings) if signature is not None else {}
    for fingerprint in signature.by if signature is not None else []:
        state, detail = _public_state(known.get(fingerprint), night)
        yield Found(contract.mission, fingerprint, "signature", state, detail)


def _state(settings: Settings, name: str, use: str, night: date) -> tuple[str, str]:
    try:
        text = secret(settings, name)
        if text is None:
            where = "`keys/exports/`" if settings.key_source == "files" else "any secrets backend"
            return "missing", f"not in {where}"
        if use == "pgp" and pgp.is_private(text):
            key = pgp.private_key(name, text)
            return _validity(key.extract_certificate(), night)
        if use == "age" and (given := age.recipients(name, text)):
            return "usable", f"age, {given[0]}"
    except (Refused, KeyRefusedError) as error:
        return "unusable", str(error)
    return "usable", "passphrase"


def _public_state(text: bytes | None, night: date) -> tuple[str, str]:
    if text is None:
        return "missing", "no public key of it in `keys/` beside the contracts"
    import pysequoia

    return _validity(pysequoia.Cert.from_bytes(text), night)


def _validity(cert: object, night: date) -> tuple[str, str]:
    revoked, expiration = cert.is_revoked, cert.expiration  # type: ignore[attr-defined]
    named = f"OpenPGP, {cert.fingerprint}"  # type: ignore[attr-defined]
    if revoked:
        return "revoked", named
    if expiration is None:
        return "usable", named
    until = expiration.date()
    if until < night:
        return "expired", f"{named}, on {until}"
    left = (until - night).days
    return ("expiring" if left <= SOON else "usable"), f"{named}, until {until}"
