"""Readers under inputs that nobody meant: `make fuzz`.

In: how many inputs, for how long. Out: per reader how many were tried, what crashed (anything but a refusal), the
most memory and the longest time. Inputs are sound small exports, mutated: bits, lengths, repeated and lost
pieces, pieces of each other; workbooks and archives also from within, packed again so that their outside is sound.

An input is a function of its reader and number, so that a crash is told by two words, and a run that was
stopped goes on where it was. Each reader works in a process of its own: one that dies is a crash, told with its number.
"""

from __future__ import annotations

import argparse
import io
import json
import mmap
import os
import random
import resource
import signal
import struct
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from counterflow.contracts import ContractError
from counterflow.contracts.model import Contract, Limits
from counterflow.settings import Settings
from counterflow.sources.errors import Refused

NIGHT = date(2010, 11, 25)
SLOWEST = 10  # seconds after which an input counts as one that hangs
_LIMITS = {"packed": "1 MB", "unpacked": "4 MB", "cell": "8 kB", "rows": "5000", "columns": "60", "members": "20"}  # fmt: skip
_TOKENS = [
    b"\0", b"\xff", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b",", b";", b"\t", b"\n", b"\r", b"\r\n", b"=1+1", b"{", b"}",
    b"[", b"]", b"<", b">", b"&a;", b"<!DOCTYPE a>", b"1e309", b"-0", b"nan", b"9" * 400, b"\xed\xa0\x80", "۱۲".encode(),
    "፳፻".encode(), "\u202e".encode(), b"29.02.2009", b"31.12.9999", b"00.00.0000", b"PK\1\2", b"PK\5\6", b"]]>", b"0" * 70,
    b"&<<: *a", b"!!python/object", b"- ", b": ", b"\xf0\x9f\x98\x80" * 30, b"r=\"XFD1048576\"",
]  # fmt: skip
_NUMBERS = (0, 1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1)


@dataclass(frozen=True)
class Reader:
    """What reads an input, the sound ones to begin with, and its share of all inputs."""

    read: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    share: int
    is_packed: bool = False


@dataclass(slots=True)
class Tried:
    """What became of the inputs of a reader."""

    reader: str
    inputs: int = 0
    refused: int = 0
    crashes: list[str] = field(default_factory=list)  # `<reader> <number>: <kind>`
    slowest: float = 0.0
    megabytes: int = 0


@cache
def contract(kind: str) -> Contract:
    """A small contract of an export of this format."""
    table: dict[str, Any] = {
        "key": "No",
        "columns": {
            "gender": {"from": "Sex", "codes": {"F": "feminine", "M": "masculine"}},
            "registered_on": {"from": "On", "date": ["%d.%m.%Y", "%d %b %y", "%Y-%m-%d"], "calendar": "ethiopian" if kind == "fixed" else "gregorian"},
            "duration_band": {"from": "Months", "unit": "months"},
        },
        "becomes": {"age_band": {"from": "Age", "unit": "years"}},
    }  # fmt: skip
    place: dict[str, dict[str, Any]] = {"csv": {"file": "*"}, "fixed": {"file": "*", "layout": {"No": "1-4", "Sex": "5", "On": "6-15", "Months": "16-18", "Age": "19-21", "Yes": "22-24"}}, "json": {"records": "cases"}}  # fmt: skip
    said: dict[str, Any] = {
        "mission": "ALB", "name": "Testland", "region": "Europe", "languages": "en", "steward": "desk",
        "source": {"connection": "x", "path": "x", "format": kind, "limits": _LIMITS, "header": {"label": 1}},
        "months": {"мар": 3, "mar": 3},
        "tables": {"case": table | place.get(kind, {"sheet": "Cases"})},
        "consent": {"research": {"from": "Yes", "yes": "yes", "no": "no"}},
    }  # fmt: skip
    return Contract.model_validate(json.loads(json.dumps(said)))


_HEAD = ["No", "Sex", "On", "Months", "Age", "Yes"]
_ROWS = [[f"A{n}", "FM"[n % 2], f"{n + 1:02}.03.2009", "1,5" if n % 3 else "7", str(20 + n), "yes"] for n in range(6)]  # fmt: skip


def _text_seeds() -> list[bytes]:
    rows = [_HEAD, *_ROWS]
    texts = ["\n".join(d.join(row) for row in rows) for d in (",", ";")]
    quoted = "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)
    return [text.encode() for text in (*texts, quoted)] + [texts[0].encode("utf-16")]


def _fixed_seeds() -> list[bytes]:
    widths = (4, 1, 10, 3, 3, 3)
    lines = ["".join(c[:w].ljust(w) for c, w in zip(r, widths, strict=True)) for r in [_HEAD, *_ROWS]]  # fmt: skip
    return ["\n".join(lines).encode(), "\r\n".join(lines[1:]).encode()]


def _json_seeds() -> list[bytes]:
    records = [dict(zip(_HEAD, row, strict=True)) | {"means": [{"a": 1}, {"b": [1, 2]}]} for row in _ROWS]  # fmt: skip
    return [json.dumps({"cases": records}).encode(), json.dumps(records, indent=1).encode()]


def _xlsx_seeds() -> list[bytes]:
    import xlsxwriter

    target = io.BytesIO()
    with xlsxwriter.Workbook(target) as book:
        sheet = book.add_worksheet("Cases")
        for number, row in enumerate([_HEAD, *_ROWS]):
            sheet.write_row(number, 0, row)
        sheet.write_number(2, 4, 25.5)
        sheet.write_datetime(3, 2, datetime(2009, 3, 1))
        sheet.write_formula(4, 4, "=1+1", None, 2)
    return [target.getvalue()]


def _xls_seeds() -> list[bytes]:
    import xlwt

    book, target = xlwt.Workbook(), io.BytesIO()
    sheet = book.add_sheet("Cases")
    for number, row in enumerate([_HEAD, *_ROWS]):
        for place, cell in enumerate(row):
            sheet.write(number, place, cell)
    sheet.write(2, 10, 25.5)
    book.save(target)
    return [target.getvalue()]


def _ods_seeds() -> list[bytes]:
    rows = "".join(
        "<table:table-row>" + "".join(f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>' for c in row) + "</table:table-row>"
        for row in [_HEAD, *_ROWS]
    )  # fmt: skip
    spaces = " ".join(f'xmlns:{n}="urn:oasis:names:tc:opendocument:xmlns:{n}:1.0"' for n in ("office", "table", "text"))  # fmt: skip
    content = f'<?xml version="1.0"?><office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name="Cases">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'  # fmt: skip
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    manifest = f'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"><manifest:file-entry manifest:full-path="/" manifest:media-type="{kind.decode()}"/></manifest:manifest>'  # fmt: skip
    return [_packed({"mimetype": kind, "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()})]  # fmt: skip


def _zip_seeds() -> list[bytes]:
    return [_packed({"cases.csv": _text_seeds()[0], "means.csv": b"No;Means\nA1;debt\n"}), *_xlsx_seeds()]  # fmt: skip


def _packed(files: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name), content)
    return target.getvalue()


@cache
def _pgp() -> Any:
    import pysequoia

    return pysequoia.Tsk.generate("fuzz <f@example.org>", profile=pysequoia.Profile.RFC4880)


@cache
def _age() -> Any:
    import pyrage

    return pyrage.x25519.Identity.generate()


def _pgp_seeds() -> list[bytes]:
    import pysequoia

    cert, data = _pgp().extract_certificate(), _text_seeds()[0]
    return [bytes(pysequoia.encrypt(recipients=[cert], bytes=data, armor=a)) for a in (False, True)]


def _age_seeds() -> list[bytes]:
    import pyrage

    public, data = _age().to_public(), _text_seeds()[0]
    return [bytes(pyrage.encrypt(data, [public], armored=a)) for a in (False, True)]


@cache
def _aes_seeds() -> list[bytes]:
    import pyzipper

    target = io.BytesIO()
    with pyzipper.AESZipFile(target, "w", encryption=pyzipper.WZ_AES) as made:
        made.setpassword(b"words")
        made.writestr("cases.csv", _text_seeds()[0])
    return [target.getvalue()]


@cache
def _locked_seeds() -> list[bytes]:
    from msoffcrypto.method.ecma376_agile import ECMA376Agile

    # few rounds: what is tried is the parser, and not the patience
    locked = ECMA376Agile.encrypt("words", io.BytesIO(_xlsx_seeds()[0]), spin_count=10)
    return [locked.read() if hasattr(locked, "read") else bytes(locked)]


def _signature_seeds() -> list[bytes]:
    import pysequoia

    signer = _pgp().signer()
    return [bytes(pysequoia.sign(signer, b"data", mode=pysequoia.SignatureMode.DETACHED, armor=a)) for a in (False, True)]  # fmt: skip


def _contract_seeds() -> list[bytes]:
    import yaml

    said = [contract(kind).model_dump(mode="json", by_alias=True, exclude_none=True) for kind in ("csv", "fixed", "json")]  # fmt: skip
    return [yaml.safe_dump(_sayable(one), sort_keys=False).encode() for one in said]


def _sayable(value: Any) -> Any:
    """A contract as somebody would write it: without what is empty, places in words."""
    if isinstance(value, dict):
        return {k: _sayable(v) for k, v in value.items() if v not in ({}, [], None)}
    if isinstance(value, list) and len(value) == 2 and all(isinstance(v, int) for v in value):
        return f"{value[0]}-{value[1]}"
    return [_sayable(v) for v in value] if isinstance(value, list) else value


def _read(kind: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> object:
        from counterflow.sources.readers import read_tables

        return read_tables({"": data}, contract(kind))

    return read


def _ingest(data: bytes) -> object:
    """All of it: dates, calendars, numbers, bands, codes, consent."""
    from counterflow.depersonalise import MissionKeys
    from counterflow.ingest import ingest
    from counterflow.keys import Keyring

    return ingest(data, contract("csv"), MissionKeys.of(Keyring(bytes(32), bytes(32)), "ALB"), NIGHT)  # fmt: skip


def _ingest_parts(data: bytes) -> object:
    """The same of a large export, a part after the other: a few bytes each."""
    from counterflow.depersonalise import MissionKeys
    from counterflow.ingest import Reading
    from counterflow.keys import Keyring

    keys = MissionKeys.of(Keyring(bytes(32), bytes(32)), "ALB")
    return list(Reading(data, contract("csv"), keys, NIGHT, part=100).parts())


def _values(data: bytes) -> object:
    """Cells alone: each way of writing a date, in each calendar."""
    from counterflow import calendars, values
    from counterflow.text import case_number, clean, digits, fold

    text = data.decode("utf-8", "replace")[:300]
    parts = [fold(text), clean(text), digits(text), case_number(text)]
    parts += [str(values.parse_number(text, frozenset({"-99"}), mark)) for mark in (".", ",")]
    parts += [
        str(values.decimal_mark(text)),
        *values.split_list(text, ";", frozenset({"a", "a;b"})),
    ]
    numbers = [ord(c) % 4000 for c in text[:3]] + [1, 1, 1]
    for name in ("gregorian", "buddhist", "solar_hijri", "ethiopian"):
        try:
            year, month, day = numbers[:3]
            parts.append(str(calendars.to_gregorian(name, year, month, day)))
        except ValueError:  # no such day: what the callers expect
            continue
    return parts


def _open_pgp(data: bytes) -> object:
    from counterflow.sources import pgp

    return pgp.decrypt(data, {"k": bytes(str(_pgp()), "ascii")}, 4_000_000, NIGHT)


def _open_age(data: bytes) -> object:
    from counterflow.sources import age

    return age.decrypt(data, {"k": str(_age()).encode()})


def _open_zip(data: bytes) -> object:
    from counterflow.sources.unpack import unpack_zip

    return unpack_zip(data, Limits.model_validate(_LIMITS))


def _open_aes(data: bytes) -> object:
    from counterflow.sources.unpack import unpack_zip

    return unpack_zip(data, Limits.model_validate(_LIMITS), [b"words"])


def _open_locked(data: bytes) -> object:
    from counterflow.sources import locked

    return locked.unlock(data, [b"words"])


def _envelope(data: bytes) -> object:
    from counterflow.sources import packets

    return packets.looks_encrypted(data), packets.envelope(data)


def _verify(data: bytes) -> object:
    from counterflow.sources import pgp

    cert = _pgp().extract_certificate()
    pgp.verify(b"data", data, [cert.fingerprint.lower()], {cert.fingerprint.lower(): bytes(cert)})  # fmt: skip
    return None


def _load(data: bytes) -> object:
    """A contract, from a file that has no disk."""
    from counterflow.contracts.load import load

    folder = Path(f"/dev/shm/counterflow-fuzz-{os.getpid()}")  # noqa: S108 - in memory, of this process
    folder.mkdir(exist_ok=True)
    path = folder / "ALB.yml"
    try:
        path.write_bytes(data)
        return load(path)
    finally:
        path.unlink(missing_ok=True)
        folder.rmdir()


READERS: dict[str, Reader] = {
    "csv": Reader(_read("csv"), _text_seeds, 14),
    "fixed": Reader(_read("fixed"), _fixed_seeds, 10),
    "json": Reader(_read("json"), _json_seeds, 14),
    "xlsx": Reader(_read("xlsx"), _xlsx_seeds, 3, is_packed=True),
    "xls": Reader(_read("xls"), _xls_seeds, 6),
    "ods": Reader(_read("ods"), _ods_seeds, 6, is_packed=True),
    "zip": Reader(_open_zip, _zip_seeds, 12, is_packed=True),
    "ingest": Reader(_ingest, _text_seeds, 4),
    "parts": Reader(_ingest_parts, _text_seeds, 4),
    "values": Reader(_values, _text_seeds, 8),
    "pgp": Reader(_open_pgp, _pgp_seeds, 6),
    "pgp_envelope": Reader(_envelope, _pgp_seeds, 10),
    "signature": Reader(_verify, _signature_seeds, 6),
    "age": Reader(_open_age, _age_seeds, 8),
    "zip_aes": Reader(_open_aes, _aes_seeds, 2),
    "workbook_locked": Reader(_open_locked, _locked_seeds, 1),
    "contract": Reader(_load, _contract_seeds, 1),
}


def made(name: str, number: int, seeds: Sequence[bytes]) -> bytes:
    """Input `number` of a reader."""
    dice = random.Random(f"{name} {number}")
    data = dice.choice(seeds)
    if READERS[name].is_packed and dice.random() < 0.6:
        return _within(data, dice)
    return _mutated(data, seeds, dice)


def _within(data: bytes, dice: random.Random) -> bytes:
    """A container one of whose files is mutated, and whose outside is sound."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = dice.choice([n for n in files if files[n]])
    files[name] = _mutated(files[name], list(files.values()), dice)
    return _packed(files)


def _mutated(data: bytes, others: Sequence[bytes], dice: random.Random) -> bytes:
    found = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        at = dice.randrange(len(found) + 1)
        length = dice.choice((1, 2, 4, 8, 40, 300))
        match dice.randrange(9):
            case 0 if found:
                found[at % len(found)] ^= 1 << dice.randrange(8)
            case 1 if found:
                found[at % len(found)] = dice.choice((0, 1, 32, 34, 127, 128, 254, 255))
            case 2:
                del found[at : at + length]
            case 3:
                found[at:at] = found[at : at + length] * dice.choice((1, 2, 20))
            case 4:
                found[at:at] = dice.choice(_TOKENS)
            case 5:
                other = dice.choice(others)
                start = dice.randrange(len(other) + 1)
                found[at : at + length] = other[start : start + length]
            case 6:
                del found[at:]
            case 7:
                form = dice.choice(("<H", "<I", ">H", ">I"))
                size = struct.calcsize(form)
                found[at : at + size] = struct.pack(form, dice.choice(_NUMBERS) % (1 << 8 * size))
            case _:
                found[at : at + length] = dice.randbytes(length)
    return bytes(found[:200_000])


class _TooSlowError(Exception):
    pass


def _alarm(_number: int, _frame: object) -> None:
    raise _TooSlowError


def try_one(name: str, data: bytes) -> str | None:
    """Read an input: `""` if it was taken, `refused`, or the kind of the crash."""
    try:
        READERS[name].read(data)
    except (Refused, ContractError):
        return "refused"
    except _TooSlowError:
        return f"more than {SLOWEST} s"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        return type(error).__name__
    return ""


def try_many(name: str, first: int, count: int, seconds: float) -> Tried:
    """Inputs `first` … of a reader, in a process of its own."""
    found = Tried(name)
    at = first
    until = time.monotonic() + seconds
    while at < first + count and time.monotonic() < until:
        place = mmap.mmap(-1, 16)
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ours)
            os._exit(_child(name, at, first + count, until, place, theirs))
        os.close(theirs)
        with os.fdopen(ours, "rb") as pipe:
            said = pipe.read()
        _, status = os.waitpid(pid, 0)
        number, _ = struct.unpack("<QQ", place[:16])
        for line in said.decode().splitlines():
            _add(found, json.loads(line))
        if os.waitstatus_to_exitcode(status) == 0:
            at = number
        else:  # it died: its last number is the crash, and the next process goes on behind it
            died = signal.Signals(-os.waitstatus_to_exitcode(status)).name if os.WIFSIGNALED(status) else "died"  # fmt: skip
            found.crashes.append(f"{name} {number}: {died}")
            found.inputs += number - at + 1
            at = number + 1
    return found


def _add(found: Tried, said: dict[str, Any]) -> None:
    found.inputs += said.get("inputs", 0)
    found.refused += said.get("refused", 0)
    found.crashes += said.get("crashes", [])[: 200 - len(found.crashes)]
    found.slowest = max(found.slowest, said.get("slowest", 0.0))
    found.megabytes = max(found.megabytes, said.get("megabytes", 0))


def _child(name: str, first: int, end: int, until: float, place: mmap.mmap, pipe: int) -> int:
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 2)  # what a panic says
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGALRM, _alarm)
    seeds = READERS[name].seeds()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said: dict[str, Any] = {"inputs": 0, "refused": 0, "slowest": 0.0}
    number = first
    while number < end and (number % 64 or time.monotonic() < until):
        place[:16] = struct.pack("<QQ", number, 0)
        data = made(name, number, seeds)
        signal.alarm(SLOWEST)
        started = time.perf_counter()
        became = try_one(name, data)
        said["slowest"] = max(said["slowest"], time.perf_counter() - started)
        signal.alarm(0)
        said["inputs"] += 1
        said["refused"] += became == "refused"
        if became not in ("", "refused"):  # told at once: a later input may end this process
            line = json.dumps({"crashes": [f"{name} {number}: {became}"]})
            os.write(pipe, f"{line}\n".encode())
        number += 1
    place[:16] = struct.pack("<QQ", number, 0)
    said["megabytes"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
    with os.fdopen(pipe, "w") as out:
        out.write(json.dumps(said) + "\n")
    return 0


def table(tried: Sequence[Tried]) -> str:
    """The result as a table of Markdown."""
    lines = ["| reader | inputs | of them refused | crashes | most memory | longest time |", "|---|---|---|---|---|---|"]  # fmt: skip
    for one in tried:
        lines.append(f"| {one.reader} | {one.inputs:,} | {one.refused / max(one.inputs, 1):.0%} | {len(one.crashes)} | {one.megabytes} MB | {one.slowest:.2f} s |")  # fmt: skip
    inputs, crashes = sum(t.inputs for t in tried), sum(len(t.crashes) for t in tried)
    memory, slowest = max(t.megabytes for t in tried), max(t.slowest for t in tried)
    lines.append(f"| **all** | **{inputs:,}** | | **{crashes}** | **{memory} MB** | **{slowest:.2f} s** |")  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    """`python -m counterflow.fuzzing`."""
    options = argparse.ArgumentParser(description="Mutated exports through every reader.")
    options.add_argument("--inputs", type=int, default=1_000_000)
    options.add_argument("--seconds", type=float, default=3600)
    options.add_argument("--reader", action="append", choices=list(READERS))
    options.add_argument("--part", default="1/1", help="of how many processes this is which")
    options.add_argument("--again", help="one input of a crash, as `csv 4711`")
    given = options.parse_args()
    if given.again:
        name, number = given.again.split()
        data = made(name, int(number), READERS[name].seeds())
        READERS[name].read(data)
        return
    part, parts = map(int, given.part.split("/"))
    folder = Settings.from_env().home / "fuzz"
    folder.mkdir(parents=True, exist_ok=True)
    names = (given.reader or list(READERS))[part - 1 :: parts]
    shares = sum(READERS[name].share for name in given.reader or READERS)
    results: list[Tried] = []
    until = time.monotonic() + given.seconds
    for name in names:
        state = folder / f"{name}.json"
        done = Tried(**json.loads(state.read_text("utf-8"))) if state.exists() else Tried(name)
        wanted = given.inputs * READERS[name].share // shares + 1 - done.inputs
        if wanted > 0 and until > time.monotonic():
            fresh = try_many(name, done.inputs, wanted, until - time.monotonic())
            _add(done, {n: getattr(fresh, n) for n in ("inputs", "refused", "crashes", "slowest", "megabytes")})  # fmt: skip
            state.write_text(json.dumps({n: getattr(done, n) for n in Tried.__slots__}), "utf-8")
        results.append(done)
        print(f"{name}: {done.inputs:,} inputs, {len(done.crashes)} crashes", flush=True)
    print(table(results))
    for one in results:
        print("\n".join(one.crashes[:20]))
    if any(one.crashes for one in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
