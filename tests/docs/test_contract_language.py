"""The contracts in the docs are contracts: the whole one loads, and every fragment fits over it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from counterflow.contracts.check import Report, check_folder
from counterflow.settings import PROJECT
from tests.docs.pages import Block, fenced

WHOLE, *FRAGMENTS = [b for b in fenced(PROJECT / "docs/engineers.md") if b.language == "yaml"]


def checked(folder: Path, fragment: str = "") -> Report:
    """The report on a folder whose one contract is `fragment` over the whole contract of the page."""
    shutil.copytree(PROJECT / "dags/missions/codes", folder / "codes")
    (folder / "dialects").mkdir()
    if not fragment:
        (folder / "TST.yml").write_text(WHOLE.text, "utf-8")
        return check_folder(folder)
    (folder / "dialects/whole.yml").write_text(WHOLE.text, "utf-8")
    (folder / "TST.yml").write_text(f"extends: whole\n{fragment}", "utf-8")
    return check_folder(folder)


def test_the_whole_contract_is_sound(tmp_path: Path) -> None:
    report = checked(tmp_path)
    assert [str(error) for error in report.errors] == []
    assert set(report.contracts) == {"TST"}


@pytest.mark.parametrize("fragment", FRAGMENTS, ids=str)
def test_a_fragment_is_sound(tmp_path: Path, fragment: Block) -> None:
    report = checked(tmp_path, fragment.text)
    assert [str(error) for error in report.errors] == []
    assert set(report.contracts) == {"TST"}


def test_a_wrong_fragment_fails(tmp_path: Path) -> None:
    """The test can fail, and the message names the nearest key."""
    report = checked(tmp_path, "tables: {case: {colums: {gender: Sex}}}")
    assert "columns" in str(report.errors[0])


def test_every_key_of_the_language_is_shown() -> None:
    """The reference by example is complete: each key of the models stands in one of its contracts."""
    from counterflow.contracts import consents, model, source

    text = "".join(block.text for block in (WHOLE, *FRAGMENTS))
    models = (
        *(model.Contract, model.Version, model.Consent, model.Cadence, model.RowBounds),
        *(consents.Scopes, consents.ConsentDate, consents.FormVersions, consents.Guardian),
        *(model.Table, model.Merged, model.Column, model.Local, model.Code, model.Header),
        *(source.Source, source.HeaderRows, source.Limits, source.Encryption, source.Signature),
    )
    keys = {field.alias or name for m in models for name, field in m.model_fields.items()}
    # `extends` is what lays a fragment over the whole
    assert sorted(k for k in keys - {"extends"} if f"{k}:" not in text) == []
