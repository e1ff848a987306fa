"""Opening a workbook (.xlsx) that is locked with a password, in memory (msoffcrypto).

In: the bytes, passwords. Out: the bytes of the plain workbook, and whether its lock notices changes;
or `Refused`. A file may ask for any number of rounds to try a password: that is judged first.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection
from typing import Any

from counterflow.sources.biff import MAGIC
from counterflow.sources.errors import Refused

MOST_ROUNDS = 1_000_000  # ten times Excel's own
_ASK = "Ask the mission to save the workbook with its password again"


def unlock(data: bytes, passwords: Collection[bytes]) -> tuple[bytes, bool]:
    """The plain workbook, and whether a change of the ciphertext would have been noticed."""
    if data.startswith(b"PK"):
        from counterflow.sources.pgp import not_encrypted

        raise not_encrypted("a password of the workbook", "workbook")
    if not data.startswith(MAGIC):
        raise _damaged()
    office, is_agile = _parsed(data)
    for password in list(passwords)[:2]:
        if _fits(office, password.decode("utf-8", "replace").strip()):
            return _decrypted(office, is_agile), is_agile
    raise Refused(
        "wrong_key",
        "the password of the contract does not open the workbook (`source.encryption.workbook`)",
        "Agree on the password with the mission, and store it again",
    )


def _parsed(data: bytes) -> tuple[Any, bool]:
    """The locked workbook, once what it asks for is known to be bounded."""
    import olefile
    from msoffcrypto.format.ooxml import OOXMLFile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            if not ole.exists("EncryptionInfo"):
                raise Refused(
                    "bad_workbook",
                    "the file is an old .xls under the name of an .xlsx, or no workbook",
                    "Ask the mission to save it as .xlsx with a password",
                )
            with ole.openstream("EncryptionInfo") as stream:
                info = stream.read(1 << 20)
    except (Refused, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - each part of a compound file has its own way of being damaged
        raise _damaged() from None
    if b"<!" in info:  # entities and document types: no office program writes them
        raise _damaged()
    rounds = [int(n[:12]) for n in re.findall(rb'spinCount\s*=\s*["\'](\d+)', info)]
    if max(rounds, default=0) > MOST_ROUNDS:
        raise Refused(
            "too_much_work",
            "trying its password would take absurdly many rounds",
            "Ask the mission to save it with Excel or LibreOffice as they are",
        )
    try:
        office = OOXMLFile(io.BytesIO(data))
        return office, office.type == "agile"
    except Exception:  # noqa: BLE001 - as above
        raise _damaged() from None


def _fits(office: Any, password: str) -> bool:
    from msoffcrypto.exceptions import InvalidKeyError

    try:
        office.load_key(password=password, verify_password=True)
    except InvalidKeyError:
        return False
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - sizes and names of ciphers that do not fit
        raise _damaged() from None
    return True


def _decrypted(office: Any, is_agile: bool) -> bytes:
    target = io.BytesIO()
    try:
        office.decrypt(target, verify_integrity=is_agile)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - as above
        raise Refused(
            "altered", "the locked workbook was altered or damaged on its way", _ASK
        ) from None
    return target.getvalue()


def _damaged() -> Refused:
    return Refused("bad_workbook", "the locked workbook is damaged or cut short", _ASK)
