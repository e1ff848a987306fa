"""From bytes to text in the contract's encoding, strictly: a wrong encoding is refused, not guessed.

In: the bytes of a file, whole or in pieces. Out: its text, whole or in pieces, or `Refused`.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

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
    _check_nul(text)
    return text


def decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[str]:
    """What `decode` makes of the whole, in pieces. Raises Refused, of what only the end shows at the end."""
    codec = codecs.lookup(encoding).name
    multibyte = codec.startswith("utf")
    marked, decoder, fed = None, None, 0
    utf8 = _Utf8()
    blank = b""  # what may be all there is
    for piece in pieces:
        if decoder is None:
            blank += piece
            if not blank.strip():
                continue
            piece, blank = blank, b""
            marked = next((name for bom, name in _BOMS.items() if piece.startswith(bom)), None)
            if marked == "utf-16" and not multibyte:
                raise _wrong(encoding, marked)
            named = {"utf-8": "utf-8-sig", "utf-16": "utf-16" if marked else "utf-16-le"}
            decoder = codecs.getincrementaldecoder(named.get(codec, codec))()
        fed += len(piece)
        utf8.feed(piece)
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            at = fed - len(error.object) + error.start
            for rest in pieces:
                utf8.feed(rest)
            raise _wrong(encoding, marked or ("utf-8" if utf8.ends() else None), at) from None
        _check_nul(text)
        yield text
    if decoder is None:
        raise Refused("empty_file", "the file is empty", "Ask the mission to export again")
    if not multibyte and not utf8.ascii and utf8.ends():
        raise _wrong(encoding, "utf-8")
    try:
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise _wrong(encoding, marked, fed - 1) from None


class _Utf8:
    """Whether the pieces that were fed are ASCII, and whether they are UTF-8 so far."""

    def __init__(self) -> None:
        self.ascii = self.valid = True
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def feed(self, piece: bytes) -> None:
        """The next piece."""
        if not self.valid or (self.ascii and piece.isascii()):
            return
        self.ascii = False
        try:
            self._decoder.decode(piece)
        except UnicodeDecodeError:
            self.valid = False

    def ends(self) -> bool:
        """Whether all of it is UTF-8, no character broken off."""
        return self.valid and not self._decoder.getstate()[0]


def _check_nul(text: str) -> None:
    if "\0" in text:
        raise Refused(
            "nul_bytes",
            "the file holds NUL bytes",
            "Correct `source.encoding` (UTF-16 looks so), or ask the mission to export again",
        )


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
