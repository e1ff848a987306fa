"""From bytes to text in the contract's encoding, strictly: a wrong encoding is refused, not guessed."""

from __future__ import annotations

import codecs

from counterflow.sources.errors import Refused

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def decode(data: bytes, encoding: str) -> str:
    """The text of `data`, without a byte order mark. Raises Refused."""
    if not data.strip():
        raise Refused("empty_file", "the file is empty", "Ask the mission to export again")
    codec = codecs.lookup(encoding).name
    marked = next((name for bom, name in _BOMS.items() if data.startswith(bom)), None)
    if marked == "utf-16" and not codec.startswith("utf-16"):
        raise _wrong(encoding, marked)
    multibyte = codec.startswith("utf")
    if not multibyte and not data.isascii() and _is_utf8(data):
        raise _wrong(encoding, "utf-8")
    try:
        text = data.decode("utf-8-sig" if codec == "utf-8" else codec)
    except UnicodeDecodeError as error:
        at = error.start
        guess = marked or ("utf-8" if _is_utf8(data) else None)
        raise _wrong(encoding, guess, at) from None
    except UnicodeError:  # UTF-16 without a byte order mark
        raise _wrong(encoding, marked) from None
    if "\0" in text:
        raise Refused(
            "nul_bytes",
            "the file holds NUL bytes",
            "Correct `source.encoding` (UTF-16 looks so), or ask the mission to export again",
        )
    return text


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _wrong(encoding: str, guess: str | None, at: int | None = None) -> Refused:
    where = f", byte {at + 1} does not fit" if at is not None else ""
    hint = f" It looks like `{guess}`" if guess else ""
    return Refused(
        "wrong_encoding",
        f"the file is not `{encoding}`{where}.{hint}".rstrip("."),
        "Correct `source.encoding` in the contract, or ask the mission to export as before",
    )
