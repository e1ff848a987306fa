"""The master key: made once, readable by its owner alone, refused in every other state."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from counterflow import keys


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    path = keys.init(folder)
    first = keys.master(folder)
    assert len(first) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    keys.init(folder)
    assert keys.master(folder) == first
    assert os.listdir(folder) == [keys.FILE]


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (None, 0o600, "no master key"),
        ("ab" * 32, 0o640, "open to others"),
        ("ab" * 31, 0o600, "32 bytes"),
        ("not hexadecimal", 0o600, "32 bytes"),
        ("", 0o600, "32 bytes"),
    ],
)
def test_a_key_that_cannot_be_trusted_is_refused(
    tmp_path: Path, content: str | None, mode: int, said: str
) -> None:
    if content is not None:
        path = tmp_path / keys.FILE
        path.write_text(content)
        path.chmod(mode)
    with pytest.raises(keys.KeyRefusedError, match=said) as refused:
        keys.master(tmp_path)
    assert content is None or not content or content not in str(refused.value)
