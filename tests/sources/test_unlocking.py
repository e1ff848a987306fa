"""Locks on an export: each opens with its key, layers compose, and each way to go wrong has its own refusal."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta

import pysequoia
import pytest
import xlsxwriter

from counterflow.contracts.model import Contract
from counterflow.sources import Refused, age, pgp
from counterflow.sources.errors import Refused as Error
from counterflow.sources.packets import envelope
from counterflow.sources.unlocking import Means, open_export
from counterflow.warehouse.patterns import shapes
from tests import locks
from tests.locks import Gpg, flipped
from tests.sources.test_readers import CONTRACT

NIGHT = date(2010, 11, 25)
CSV = b"c0,c1,c2\n" + b"A-1,F,yes\n" * 400
KEYS = {
    "ours": bytes(str(locks.pgp_key("ours")), "ascii"),
    "next": bytes(str(locks.pgp_key("next")), "ascii"),
    "age": str(locks.identity("ours")).encode(),
    "age_next": str(locks.identity("next")).encode(),
    "phrase": locks.PHRASE.encode() + b"\n",
    "old_phrase": b"what-it-was-before",
}


def contract(**source: object) -> Contract:
    said = json.loads(json.dumps(CONTRACT))
    said["source"] |= source
    if said["source"].get("format") == "xlsx":
        said["tables"]["case"] |= {"file": None, "sheet": "Cases"}
    return Contract.model_validate(said)


def opened(data: bytes, means: Means | None = None, **source: object) -> dict[str, bytes]:
    return open_export(data, contract(**source), means or Means(KEYS), NIGHT).files


def refused(data: bytes, means: Means | None = None, **source: object) -> Error:
    with pytest.raises(Refused) as told:
        opened(data, means, **source)
    assert "\n" not in str(told.value)
    assert (
        shapes(str(told.value), set()) == []
    )  # nothing that the leak gate would take for a person's
    for text in KEYS.values():
        assert text.decode().strip() not in str(told.value)
    return told.value


def workbook() -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet("Cases")
        sheet.write_row(0, 0, ["c0", "c1", "c2"])
        sheet.write_row(1, 0, ["A-1", "F", "yes"])
    return target.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize("armor", [False, True])
def test_pgp_and_age_open_with_their_keys_and_while_a_key_changes(armor: bool) -> None:
    two = {"pgp": ["next", "ours"]}
    for names in (("ours",), ("next",), ("ours", "else")):
        assert opened(locks.pgp(CSV, *names, armor=armor), encryption=two) == {"": CSV}
    two = {"age": ["age_next", "age"]}
    for names in (("ours",), ("next",), ("ours", "else")):
        assert opened(locks.age(CSV, *names, armored=armor), encryption=two) == {"": CSV}


def test_layers_compose() -> None:
    files = {"cases.csv": CSV}
    assert opened(locks.pgp(zipped(files)), archive="zip", encryption={"pgp": "ours"}) == files
    both = {"age": "age", "zip": ["old_phrase", "phrase"]}
    assert opened(locks.age(locks.aes_zip(files)), archive="zip", encryption=both) == files
    both = {"pgp": "ours", "age": "age"}
    assert opened(locks.pgp(locks.age(CSV)), encryption=both) == {"": CSV}
    book = workbook()
    inner = locks.aes_zip({"cases.xlsx": locks.locked_workbook(book)})
    both = {"zip": "phrase", "workbook": ["old_phrase", "phrase"]}
    assert opened(inner, archive="zip", format="xlsx", encryption=both) == {"cases.xlsx": book}


def pgp_refusals() -> Iterator[tuple[str, bytes, dict[str, object], str]]:
    one: dict[str, object] = {"encryption": {"pgp": "ours"}}
    good, armoured = locks.pgp(CSV), locks.pgp(CSV, armor=True)
    for name, data in (("binary", good), ("armoured", armoured)):
        yield f"{name}_wrong_key", data, {"encryption": {"pgp": "next"}}, "wrong_key"
        yield f"{name}_missing_key", data, {"encryption": {"pgp": "nowhere"}}, "missing_key"
        yield f"{name}_cut_short", data[: len(data) * 2 // 3], one, "truncated"
        yield f"{name}_not_said", data, {}, "encrypted"
    yield "a_key_of_another_kind", good, {"encryption": {"pgp": "phrase"}}, "wrong_key"
    yield "cut_after_the_recipient", good[:100], one, "truncated"
    for at in (150, len(good) // 2, len(good) - 5):
        yield f"bit_{at}_flipped", flipped(good, at), one, "altered"
    yield "not_encrypted", CSV, one, "not_encrypted"
    yield "signed_but_not_encrypted", bytes(pysequoia.sign(locks.pgp_key("ours").signer(), CSV)), one, "not_encrypted"  # fmt: skip
    yield "nothing", b"", one, "not_encrypted"
    recipient = good[: 2 + good[1]]
    yield "without_mdc", recipient + b"\xc9\x40" + b"x" * 64, one, "unauthenticated"
    bomb = {"encryption": {"pgp": "ours"}, "limits": {"unpacked": 1000, "packed": 1000}}
    yield "larger_than_it_may_be", locks.pgp(b"0" * 50_000), bomb, "zip_bomb"


@pytest.mark.parametrize(
    ("data", "source", "code"),
    [pytest.param(*rest, id=name) for name, *rest in pgp_refusals()],
)
def test_pgp_refused(data: bytes, source: dict[str, object], code: str) -> None:
    assert refused(data, **source).code == code


def test_a_pgp_key_that_has_expired_or_is_revoked_is_refused_by_the_night() -> None:
    short = pysequoia.Tsk.generate("s <s@example.org>", validity_seconds=86_400 * 40)
    data = bytes(pysequoia.encrypt(recipients=[short.extract_certificate()], bytes=CSV))
    means = Means({"ours": bytes(str(short), "ascii")})
    said = contract(encryption={"pgp": "ours"})
    today = short.extract_certificate().expiration.date() - timedelta(days=40)
    assert open_export(data, said, means, today).files == {"": CSV}
    with pytest.raises(Refused, match="has expired") as told:
        open_export(data, said, means, today + timedelta(days=41))
    assert told.value.code == "key_expired"
    cert = short.extract_certificate()
    gone = cert.merge(
        pysequoia.Cert.from_bytes(bytes(cert) + bytes(cert.revoke(short.certifier())))
    )
    assert gone.is_revoked


def age_refusals() -> Iterator[tuple[str, bytes, dict[str, object], str]]:
    one: dict[str, object] = {"encryption": {"age": "age"}}
    good, armoured = locks.age(CSV), locks.age(CSV, armored=True)
    for name, data in (("binary", good), ("armoured", armoured)):
        yield f"{name}_wrong_key", data, {"encryption": {"age": "age_next"}}, "wrong_key"
        yield f"{name}_missing_key", data, {"encryption": {"age": "nowhere"}}, "missing_key"
        yield f"{name}_not_said", data, {}, "encrypted"
    yield "passphrase_for_an_identity", good, {"encryption": {"age": "phrase"}}, "wrong_key"
    yield "armour_cut_short", armoured[:-60], one, "truncated"
    yield "header_cut_short", good[:60], one, "truncated"
    yield "cut_short", good[:-10], one, "altered"
    yield "bit_flipped", flipped(good, len(good) - 30), one, "altered"
    yield "not_encrypted", CSV, one, "not_encrypted"
    asks = b"age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw 30\n" + b"a" * 43
    asks += b"\n--- " + b"b" * 43 + b"\n" + b"x" * 100
    yield "too_much_work", asks, {"encryption": {"age": "phrase"}}, "too_much_work"
    yield (
        "a_header_without_end",
        b"age-encryption.org/v1\n" + b"-> x y\n" * 40_000,
        one,
        "too_much_work",
    )


@pytest.mark.parametrize(
    ("data", "source", "code"),
    [pytest.param(*rest, id=name) for name, *rest in age_refusals()],
)
def test_age_refused(data: bytes, source: dict[str, object], code: str) -> None:
    assert refused(data, **source).code == code


def test_age_with_a_passphrase_and_with_the_one_before() -> None:
    data = locks.age_phrase(CSV)
    assert opened(data, encryption={"age": ["old_phrase", "phrase"]}) == {"": CSV}
    assert refused(data, encryption={"age": "old_phrase"}).code == "wrong_key"
    assert (
        refused(locks.age_phrase(CSV, asked=21), encryption={"age": "phrase"}).code
        == "too_much_work"
    )


def zip_refusals() -> Iterator[tuple[str, bytes, dict[str, object], str]]:
    one: dict[str, object] = {"archive": "zip", "encryption": {"zip": "phrase"}}
    files = {"cases.csv": CSV * 10}
    good = locks.aes_zip(files)
    yield "wrong_key", good, one | {"encryption": {"zip": "old_phrase"}}, "wrong_key"
    yield "missing_key", good, one | {"encryption": {"zip": "nowhere"}}, "missing_key"
    yield "not_said", good, {"archive": "zip"}, "encrypted"
    yield "not_encrypted", zipped(files), one, "not_encrypted"
    yield "cut_short", good[:-20], one, "bad_archive"
    yield "bit_flipped", flipped(good, good.index(b"PK\x01\x02") - 30), one, "altered"
    yield "a_bomb_within", locks.aes_zip({"cases.csv": b"0" * 30_000_000}), one, "zip_bomb"
    legacy = bytearray(zipped(files))  # the flag of ZipCrypto, in both headers of the file
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        legacy[legacy.index(mark) + at] |= 1
    yield "zip_crypto", bytes(legacy), one, "weak_encryption"


@pytest.mark.parametrize(
    ("data", "source", "code"),
    [pytest.param(*rest, id=name) for name, *rest in zip_refusals()],
)
def test_zip_refused(data: bytes, source: dict[str, object], code: str) -> None:
    assert refused(data, **source).code == code


def workbook_refusals() -> Iterator[tuple[str, bytes, dict[str, object], str]]:
    one: dict[str, object] = {"format": "xlsx", "encryption": {"workbook": "phrase"}}
    good = locks.locked_workbook(workbook())
    yield "wrong_key", good, one | {"encryption": {"workbook": "old_phrase"}}, "wrong_key"
    yield "missing_key", good, one | {"encryption": {"workbook": "nowhere"}}, "missing_key"
    yield "not_encrypted", workbook(), one, "not_encrypted"
    yield "cut_short", good[:1000], one, "bad_workbook"
    yield "something_else", CSV, one, "bad_workbook"
    yield "bit_flipped", flipped(good, good.index(b"<?xml") - 2000 if good.index(b"<?xml") > 9000 else len(good) // 2), one, ""  # fmt: skip
    rounds = good.replace(b'spinCount="100000"', b'spinCount="999999999999"'[:18] + b'"', 1)
    many = good.replace(b'spinCount="100000"', b'spinCount="9000000"', 1)
    assert rounds != good != many
    yield "too_many_rounds", many, one, "too_much_work"
    entity = good.replace(b"<encryption ", b"<!DOCTYPE a>", 1)
    yield "entities", entity, one, "bad_workbook"


@pytest.mark.parametrize(
    ("data", "source", "code"),
    [pytest.param(*rest, id=name) for name, *rest in workbook_refusals()],
)
def test_workbook_refused(data: bytes, source: dict[str, object], code: str) -> None:
    found = refused(data, **source)
    assert found.code == code or (not code and found.code in ("altered", "bad_workbook"))


@pytest.fixture(scope="module")
def gpg() -> Iterator[Gpg]:
    made = Gpg()
    made("--import", data=bytes(locks.pgp_key("ours").extract_certificate()))
    yield made
    made.close()


@pytest.mark.parametrize(
    "options",
    [
        ["-r", "ours@example.org"],
        ["--armor", "-r", "ours@example.org"],
        ["--compress-algo", "zlib", "-r", "ours@example.org"],
        ["-R", "ours@example.org"],
    ],
    ids=["binary", "armoured", "compressed", "hidden"],
)
def test_what_gpg_encrypts_is_opened(gpg: Gpg, options: list[str]) -> None:
    data = gpg("--encrypt", *options, data=CSV)
    assert opened(data, encryption={"pgp": ["next", "ours"]}) == {"": CSV}
    assert refused(data, encryption={"pgp": "next"}).code == "wrong_key"


def test_a_bomb_of_gpg_is_stopped_while_it_inflates(
    gpg: Gpg, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes, real = [], os.fstat

    def fstat(descriptor: int) -> os.stat_result:
        sizes.append(real(descriptor).st_size)
        return real(descriptor)

    monkeypatch.setattr(pgp.os, "fstat", fstat)
    data = gpg("--encrypt", "-z", "9", "-r", "ours@example.org", data=b"0" * 20_000_000)
    assert len(data) < 100_000
    limits = {"unpacked": 1_000_000, "packed": 1_000_000}
    assert refused(data, encryption={"pgp": "ours"}, limits=limits).code == "zip_bomb"
    assert max(sizes) == 1_000_001  # not one byte more was written, in memory or anywhere


def test_a_passphrase_of_gpg(gpg: Gpg) -> None:
    data = gpg("--symmetric", "--passphrase", locks.PHRASE, data=CSV)
    assert opened(data, encryption={"pgp": "phrase"}) == {"": CSV}
    assert refused(data, encryption={"pgp": "old_phrase"}).code == "wrong_key"
    assert refused(data, encryption={"pgp": "ours"}).code == "wrong_key"


def test_an_rsa_key_of_gpg_opens(gpg: Gpg) -> None:
    """A key that a mission's old server was given years ago, brought along."""
    gpg("--passphrase", "", "--quick-gen-key", "old@example.org", "rsa2048", "sign,cert", "2y")
    listed = gpg("--with-colons", "--list-keys", "old@example.org").decode().splitlines()
    fingerprint = next(line.split(":")[9] for line in listed if line.startswith("fpr"))
    gpg("--passphrase", "", "--quick-add-key", fingerprint, "rsa2048", "encr", "2y")
    for armor in ([], ["--armor"]):
        keys = Means({"old": gpg(*armor, "--export-secret-keys", "old@example.org")})
        data = gpg("--encrypt", "-r", "old@example.org", data=CSV)
        assert opened(data, keys, encryption={"pgp": "old"}) == {"": CSV}


def signed(cert: pysequoia.Cert, signature: bytes | None, **more: object) -> tuple[Means, dict]:
    known = {cert.fingerprint: bytes(cert)}
    return Means(KEYS, signature, known), {"signature": {"by": cert.fingerprint.upper(), **more}}


def test_a_signature_beside(gpg: Gpg) -> None:
    cert = gpg.key("signer@example.org")
    other = gpg.key("other@example.org")
    good = gpg("--detach-sign", "-u", "signer@example.org", data=CSV)
    armoured = gpg("--armor", "--detach-sign", "-u", "signer@example.org", data=CSV)
    for signature in (good, armoured):
        means, source = signed(cert, signature)
        assert opened(CSV, means, **source) == {"": CSV}
    assert refused(CSV + b"A-2,F,yes\n", *signed(cert, good)[:1], **signed(cert, good)[1]).code == "bad_signature"  # fmt: skip
    for made_by, signature, code in (
        (cert, None, "missing_signature"),
        (cert, b"rubbish", "bad_signature"),
        (other, good, "unknown_signer"),
        (cert, gpg("--detach-sign", "-u", "other@example.org", data=CSV), "unknown_signer"),
    ):
        means, source = signed(made_by, signature)
        assert refused(CSV, means, **source).code == code
    means, source = signed(cert, good)
    assert refused(CSV, Means(KEYS, good), **source).code == "missing_key"
    for at in range(len(good) - 60, len(good), 9):
        means, source = signed(cert, flipped(good, at))
        assert refused(CSV, means, **source).code in ("bad_signature", "unknown_signer")


def test_a_signature_that_has_expired_or_was_made_after_its_key_had(gpg: Gpg) -> None:
    at = ("--faked-system-time", "20090101T000000")
    cert = gpg.key("late@example.org", *at, days="30d")
    in_time = gpg("--faked-system-time", "20090105T000000!", "--detach-sign", "-u", "late@example.org", data=CSV)  # fmt: skip
    means, source = signed(cert, in_time)
    assert opened(CSV, means, **source) == {"": CSV}  # the key has expired since: it was good then
    short = gpg("--faked-system-time", "20090105T000000!", "--default-sig-expire", "3d", "--detach-sign", "-u", "late@example.org", data=CSV)  # fmt: skip
    means, source = signed(cert, short)
    assert "has expired" in str(refused(CSV, means, **source))


def test_a_signature_inside(gpg: Gpg) -> None:
    cert = gpg.key("inside@example.org")
    said = {"encryption": {"pgp": "ours"}}
    sign = ("--sign", "--encrypt", "-u", "inside@example.org", "-r", "ours@example.org")
    good = gpg("--compress-algo", "none", *sign, data=CSV)
    means, source = signed(cert, None, place="inside")
    assert opened(good, means, **said, **source) == {"": CSV}
    unsigned = gpg("--encrypt", "-r", "ours@example.org", data=CSV)
    squeezed = gpg("--compress-algo", "zlib", *sign, data=CSV)
    for data in (unsigned, squeezed):
        assert refused(data, means, **said, **source).code == "bad_signature"
    other, _ = signed(gpg.key("third@example.org"), None)
    means = Means(KEYS, None, {**other.certificates, cert.fingerprint: bytes(cert)})
    by_other = gpg("--compress-algo", "none", "--sign", "--encrypt", "-u", "third@example.org", "-r", "ours@example.org", data=CSV)  # fmt: skip
    assert refused(by_other, means, **said, **source).code == "bad_signature"


def test_an_envelope_is_told_from_whatever_bytes() -> None:
    good = locks.pgp(CSV, "ours", "next")
    found = envelope(good)
    assert found is not None
    assert len(found.key_ids) == 2
    assert (found.is_authenticated, found.is_whole) == (True, True)
    for at in range(0, len(good), 7):
        envelope(flipped(good, at))
        envelope(good[:at])
    assert pgp.key_ids(locks.pgp_key("ours")) & set(found.key_ids)
    assert age.recipients("age", KEYS["age"]) == [str(locks.identity("ours").to_public())]
