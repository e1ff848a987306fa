"""Locked exports for tests: what missions do with gpg, age, 7-Zip and Excel, and how it goes wrong.

In: plain bytes. Out: locked bytes. Keys are made here, for each run anew.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import io
import os
import subprocess
import tempfile
from pathlib import Path

import msoffcrypto.format.ooxml
import pyrage
import pysequoia
import pyzipper
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PHRASE = "six-plain-words"


@functools.cache
def pgp_key(name: str) -> pysequoia.Tsk:
    """A private key as `counterflow keys export-key` makes it."""
    return pysequoia.Tsk.generate(f"{name} <{name}@example.org>", profile=pysequoia.Profile.RFC4880)


def pgp(data: bytes, *names: str, armor: bool = False) -> bytes:
    """Encrypted for the keys of these names."""
    certs = [pgp_key(name).extract_certificate() for name in names or ("ours",)]
    return bytes(pysequoia.encrypt(recipients=certs, bytes=data, armor=armor))


def signature(key: pysequoia.Tsk, data: bytes) -> bytes:
    """A signature in a file of its own."""
    mode = pysequoia.SignatureMode.DETACHED
    return bytes(pysequoia.sign(key.signer(), data, mode=mode, armor=False))


@functools.cache
def identity(name: str) -> pyrage.x25519.Identity:
    """An identity of age."""
    return pyrage.x25519.Identity.generate()


def age(data: bytes, *names: str, armored: bool = False) -> bytes:
    """Encrypted for the identities of these names."""
    public = [identity(name).to_public() for name in names or ("ours",)]
    return bytes(pyrage.encrypt(data, public, armored=armored))


def age_phrase(
    data: bytes, phrase: str = PHRASE, work: int = 10, asked: int | None = None
) -> bytes:
    """Locked with a passphrase by the format's own description: its tools take a second for it."""

    def derived(salt: bytes, info: bytes) -> bytes:
        return HKDF(hashes.SHA256(), 32, salt or None, info).derive(file_key)

    def text(raw: bytes) -> bytes:
        return base64.b64encode(raw).rstrip(b"=")

    file_key, salt, nonce = os.urandom(16), os.urandom(16), os.urandom(16)
    label = b"age-encryption.org/v1/scrypt" + salt
    key = hashlib.scrypt(phrase.encode(), salt=label, n=1 << work, r=8, p=1, dklen=32)
    wrapped = ChaCha20Poly1305(key).encrypt(bytes(12), file_key, None)
    header = b"age-encryption.org/v1\n-> scrypt %b %d\n%b\n---" % (
        text(salt),
        asked or work,
        text(wrapped),
    )
    mac = hmac.digest(derived(b"", b"header"), header, "sha256")
    body = ChaCha20Poly1305(derived(nonce, b"payload")).encrypt(bytes(11) + b"\1", data, None)
    return header + b" " + text(mac) + b"\n" + nonce + body


def aes_zip(files: dict[str, bytes], phrase: str = PHRASE) -> bytes:
    """A zip whose files are locked with AES-256, as 7-Zip makes it."""
    target = io.BytesIO()
    with pyzipper.AESZipFile(
        target, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as made:
        made.setpassword(phrase.encode())
        for name, content in files.items():
            made.writestr(name, content)
    return target.getvalue()


def locked_workbook(data: bytes, password: str = PHRASE) -> bytes:
    """A workbook as Excel locks it (agile)."""
    target = io.BytesIO()
    msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(data)).encrypt(password, target)
    return target.getvalue()


def flipped(data: bytes, at: int) -> bytes:
    """One bit is another."""
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


class Gpg:
    """Debian's gpg with a home of its own: what stands on a mission's computer."""

    def __init__(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="gpg-", dir="/tmp"))  # a socket's path is short
        self.home.chmod(0o700)

    def __call__(self, *arguments: str, data: bytes = b"") -> bytes:
        """What gpg writes."""
        command = ["gpg", "--batch", "--yes", "--quiet", "--trust-model", "always"]
        command += ["--pinentry-mode", "loopback", *arguments]
        environment = {**os.environ, "GNUPGHOME": str(self.home)}
        done = subprocess.run(
            command, input=data, capture_output=True, env=environment, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def key(self, mail: str, *faked: str, days: str = "2y") -> pysequoia.Cert:
        """A signing key; its public half."""
        self(*faked, "--passphrase", "", "--quick-gen-key", mail, "ed25519", "sign", days)
        return pysequoia.Cert.from_bytes(self("--export", mail))

    def close(self) -> None:
        """Stop its agent, and forget its keys."""
        environment = {**os.environ, "GNUPGHOME": str(self.home)}
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False, timeout=30)
        subprocess.run(["rm", "-rf", str(self.home)], check=False, timeout=30)
