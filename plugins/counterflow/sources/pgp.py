"""Opening what OpenPGP has locked, and verifying what it has signed, in memory (Sequoia, by pysequoia).

In: ciphertext, keys by name, the night. Out: plaintext; or `Refused`, which says what is wrong with the
lock and never what is behind it. No agent, no keyring, no process: a key is read, used and forgotten.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from counterflow.sources.errors import Refused
from counterflow.sources.packets import HIDDEN, Envelope, envelope
from counterflow.sources.unheard import unheard

if TYPE_CHECKING:
    from pysequoia import Cert, Tsk

_ASK = "Ask the mission to encrypt and send it again"
_PRIVATE = b"-----BEGIN PGP PRIVATE KEY BLOCK-----"


def decrypt(
    data: bytes,
    keys: Mapping[str, bytes],
    limit: int,
    night: date,
    signers: Collection[str] = (),
    certificates: Mapping[str, bytes] | None = None,
) -> bytes:
    """The plaintext, at most `limit` bytes of it. Raises Refused.

    `keys`: texts of private keys or passphrases, by name. `signers`: fingerprints of which one must
    have signed inside; `certificates`: their public keys.
    """
    found = envelope(data)
    if found is None:
        raise not_encrypted("OpenPGP", "pgp")
    if not found.is_authenticated:
        raise Refused(
            "unauthenticated",
            "the encryption does not notice changes (OpenPGP without MDC), so it is not opened",
            "Ask the mission to encrypt with GnuPG 2.1 or later, without --rfc2440 and --disable-mdc",
        )
    if not found.is_whole:
        raise Refused("truncated", "the encrypted export is cut short", _ASK)
    private = {name: text for name, text in keys.items() if is_private(text)}
    phrases = [text for name, text in keys.items() if name not in private]
    how: dict[str, Any] = {}
    if signers:
        how["store"] = partial(_known, signers, certificates or {})
    fitting = [key for key in _fitting(private, found) if _is_usable(key, night)]
    tries: list[Callable[[], dict[str, Any]]] = [partial(_with_key, key) for key in fitting]
    if found.has_passphrase and phrases:
        words = [phrase.decode("utf-8", "replace").strip() for phrase in phrases]
        tries.append(lambda: {"passwords": words})
    if not tries:
        raise _wrong_key(found)
    for number, make in enumerate(tries, start=1):
        try:
            plain, signed_by = _bounded(data, limit, {**make(), **how})
        except _Damage as damage:
            if damage.is_key and number < len(tries):
                continue  # a message that hides whom it is for: the next key
            raise _told(damage, found, bool(signers)) from None
        if signers and not set(signed_by) & set(signers):
            raise _unsigned()
        return plain
    raise _wrong_key(found)


def verify(
    data: bytes, signature: bytes, signers: Collection[str], certificates: Mapping[str, bytes]
) -> None:
    """Refuse bytes of which `signature` is not a good one by one of `signers`."""
    import pysequoia

    try:
        with unheard():
            sig = pysequoia.Sig.from_bytes(signature)
            issuer = (sig.issuer_fingerprint or sig.issuer_key_id or "").lower()
            expiry = sig.expiration
    except BaseException as error:  # noqa: BLE001 - a panic is no Exception
        _pass_on(error)
        raise Refused(
            "bad_signature",
            "the signature is no OpenPGP signature",
            "Ask the mission to sign again",
        ) from None
    certs = _known(signers, certificates, [])
    by = [cert for cert in certs if not issuer or _is_of(cert, issuer)]
    if not by:
        raise Refused(
            "unknown_signer",
            "the export is signed by a key that the contract does not name",
            "Ask the mission who signs its exports; if the key is new, add it to `source.signature.by`",
        )
    try:
        with unheard():
            found = pysequoia.verify(bytes=data, signature=sig, store=lambda _ids: by)
    except BaseException as error:  # noqa: BLE001 - a panic is no Exception
        _pass_on(error)
        if any(cert.is_revoked for cert in by):
            raise Refused(
                "key_revoked",
                "the key that signed the export is revoked",
                "Ask the mission which key it signs with now, and put that into the contract",
            ) from None
        if expiry is not None:
            raise Refused(
                "bad_signature",
                "the signature has expired, or is of other bytes than these",
                "Ask the mission to sign again",
            ) from None
        raise Refused(
            "bad_signature",
            "the signature is of other bytes than these, or was made when its key had expired",
            "Ask the mission to send export and signature again, with a key that is valid",
        ) from None
    if not {one.certificate.lower() for one in found.valid_sigs} & set(signers):
        raise _unsigned()


def is_private(text: bytes) -> bool:
    """Whether a stored key is a private key; else it is a passphrase."""
    return text.lstrip().startswith(_PRIVATE) or text[:1] in (b"\x94", b"\x95", b"\xc5")


def private_key(name: str, text: bytes) -> Tsk:
    """The private key of a stored text. Raises Refused."""
    import pysequoia

    try:
        with unheard():
            return pysequoia.Tsk.from_bytes(text)
    except BaseException as error:  # noqa: BLE001 - its text may quote the key
        _pass_on(error)
        raise Refused(
            "bad_key",
            f"the key `{name}` is no OpenPGP private key",
            "Restore it from its backup, or make a new one with `counterflow keys export-key`",
        ) from None


def certificates(texts: Collection[bytes]) -> dict[str, bytes]:
    """Public keys by fingerprint; what is none is passed over."""
    import pysequoia

    found: dict[str, bytes] = {}
    for text in texts:
        try:
            with unheard():
                for cert in pysequoia.Cert.split_bytes(text):
                    found[cert.fingerprint.lower()] = bytes(cert)
        except BaseException as error:  # noqa: BLE001 - a panic is no Exception
            _pass_on(error)
    return found


def not_encrypted(scheme: str, layer: str) -> Refused:
    """The refusal of what should be locked and is not."""
    return Refused(
        "not_encrypted",
        f"the export is not encrypted by {scheme}, as the contract says (`source.encryption.{layer}`)",
        "Ask the mission to encrypt it, and whether it went over an open line",
    )


def key_ids(key: Tsk | Cert) -> set[str]:
    """Ids of the key and of its subkeys."""
    from pysequoia.packet import PacketPile

    pile = PacketPile.from_bytes(bytes(key))
    return {packet.key_id for packet in pile if packet.key_id and packet.fingerprint}


def _fitting(private: Mapping[str, bytes], found: Envelope) -> list[tuple[str, Tsk]]:
    """The keys that the message is for; all of them if it hides whom it is for."""
    keys = [(name, private_key(name, text)) for name, text in private.items()]
    named = [(name, key) for name, key in keys if key_ids(key) & set(found.key_ids)]
    return named or (keys if HIDDEN in found.key_ids else [])


def _is_usable(named: tuple[str, Tsk], night: date) -> bool:
    """Raises Refused for a key that has expired by the night, or is revoked."""
    name, key = named
    cert = key.extract_certificate()
    if cert.is_revoked:
        raise Refused(
            "key_revoked",
            f"the key `{name}` that the export is encrypted for is revoked",
            "Give the mission the new key, and ask it to encrypt again",
        )
    if cert.expiration is not None and cert.expiration.date() < night:
        raise Refused(
            "key_expired",
            f"the key `{name}` that the export is encrypted for has expired",
            "Make a new one with `counterflow keys export-key` and give its public half to the mission",
        )
    return True


def _with_key(named: tuple[str, Tsk]) -> dict[str, Any]:
    name, key = named
    try:
        return {"decryptor": key.decryptor()}
    except BaseException as error:  # noqa: BLE001 - its text may quote the key
        _pass_on(error)
        raise Refused(
            "bad_key",
            f"the key `{name}` cannot decrypt: it has no part for encryption, or a passphrase of its own",
            "Store it without a passphrase (its file is 0600), or make one with `counterflow keys export-key`",
        ) from None


def _known(
    signers: Collection[str], certificates: Mapping[str, bytes], _ids: list[str]
) -> list[Cert]:
    import pysequoia

    texts = (certificates[one] for one in signers if one in certificates)
    return [pysequoia.Cert.from_bytes(text) for text in texts]


def _is_of(cert: Cert, issuer: str) -> bool:
    return cert.fingerprint.lower() == issuer or bool(key_ids(cert) & {issuer[-16:], issuer[:16]})


@dataclass
class _Damage(Exception):
    """What the library said, of which nothing is shown."""

    said: str = ""
    is_too_large: bool = False

    @property
    def is_key(self) -> bool:
        return "session key" in self.said or "No key" in self.said or "unexpected EOF" in self.said


def _bounded(data: bytes, limit: int, how: Mapping[str, Any]) -> tuple[bytes, list[str]]:
    """Decrypt by way of two files in memory: what inflates inside stops at `limit` bytes."""
    import pysequoia

    with _memory() as source, _memory() as target:
        view = memoryview(data)
        while view:
            view = view[os.write(source, view) :]
        try:
            with _no_file_beyond(limit + 1), unheard():
                found = pysequoia.decrypt_file(
                    input=f"/proc/self/fd/{source}", output=f"/proc/self/fd/{target}", **how
                )
        except BaseException as error:  # noqa: BLE001 - a panic is no Exception
            _pass_on(error)
            is_large = os.fstat(target).st_size > limit
            raise _Damage(str(error).partition("\n")[0], is_large) from None
        if os.fstat(target).st_size > limit:
            raise _Damage(is_too_large=True)
        os.lseek(target, 0, os.SEEK_SET)
        with os.fdopen(os.dup(target), "rb") as file:
            return file.read(), [one.certificate.lower() for one in found.valid_sigs]


@contextmanager
def _memory() -> Iterator[int]:
    """A file that has no name and no disk."""
    descriptor = os.memfd_create("counterflow", os.MFD_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _no_file_beyond(size: int) -> Iterator[None]:
    """Within the block no file of this process grows beyond `size` bytes; a write that would fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    lowest = min(x for x in (size, soft, hard) if x != resource.RLIM_INFINITY)
    resource.setrlimit(resource.RLIMIT_FSIZE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _told(damage: _Damage, found: Envelope, is_signed: bool) -> Refused:
    if damage.is_too_large:
        return Refused(
            "zip_bomb",
            "decrypted, the export would exceed what the contract allows (`source.limits`)",
            "Ask the mission what it packed; raise `source.limits` only if it is right",
        )
    if is_signed and ("valid signatures" in damage.said or "message structure" in damage.said):
        return _unsigned()
    if damage.is_key and found.has_passphrase and not found.key_ids:
        return Refused(
            "wrong_key",
            "the passphrase of the contract does not open the export, or the export was altered",
            "Agree on the passphrase with the mission, and store it again",
        )
    if damage.is_key and HIDDEN in found.key_ids:
        return _wrong_key(found)
    if (
        "olicy rejected" in damage.said
        or "nsupported" in damage.said
        or "ompression" in damage.said
    ):
        return Refused(
            "weak_encryption",
            "the export is encrypted or packed in a way that is too old or not known",
            "Ask the mission to encrypt with AES and without bzip2 (the defaults of GnuPG)",
        )
    return Refused("altered", "the encrypted export was altered or damaged on its way", _ASK)


def _wrong_key(found: Envelope) -> Refused:
    # without its id: sixteen hexadecimal digits can look like somebody's telephone
    whom = (
        "for another key"
        if set(found.key_ids) - {HIDDEN}
        else "for a key that it hides, or with a passphrase"
    )
    return Refused(
        "wrong_key",
        f"the export is encrypted {whom}, and no key of the contract opens it",
        "Give the mission the public half of the key that `source.encryption.pgp` names",
    )


def _unsigned() -> Refused:
    return Refused(
        "bad_signature",
        "inside the encrypted export there is no good signature of a key that the contract names, "
        "or it stands under a compression",
        "Ask the mission to sign with its agreed key, as `gpg --compress-algo none --sign --encrypt` does",
    )


def _pass_on(error: BaseException) -> None:
    """Let a refusal, and what stops the process, go on as it is."""
    if isinstance(error, Refused | KeyboardInterrupt | SystemExit | MemoryError):
        raise error
