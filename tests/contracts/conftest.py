"""A small missions folder that is sound; each test breaks one thing of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MISSION = """\
# yaml-language-server: $schema=contract.schema.json
mission: MDA
name: Moldova
region: Eastern Europe
languages: [ro, ru]
steward: moldova-protection-desk
extends: legacy
cadence: {every: night, grace: 3}
source:
  connection: mission_mda
  path: outgoing/cazuri_{night:%Y%m%d}.zip
  encoding: cp1250
missing: ["-99", nu se știe]
versions:
  v1: {until: 2008-12, not_asked: [control.debt_bondage, case.is_forced_labour]}
  v2: {from: 2009-01}
tables:
  case:
    columns:
      country_of_exploitation: {from: Țara, codes: countries_ro, basis: registration}
    personal: [Nume, IDNP]
    ignore:
      Observații: free text
    local:
      seasonal_departure:
        from: Plecare sezonieră
        label: Left for seasonal work
        codes: yes_no_ro
consent:
  research: {from: Acord cercetare, yes: [da], no: [nu], withdrawn: Retras la}
assert:
  case: {rows: {min: 900, fall: 20 %}, filled: {registered_on: 98 %, gender: 95 %}}
"""

DIALECT = """\
source: {format: csv, archive: zip, delimiter: ";", limits: {unpacked: 500 MB, cell: 64 kB}}
codes:
  sex: {F: feminine, M: masculine}
tables:
  case:
    file: cazuri*.csv
    key: Nr. caz
    columns:
      registered_on: {from: Data înregistrării, date: "%d.%m.%Y"}
      gender: {from: Sex, codes: sex}
      is_forced_labour: {from: Muncă forțată, codes: yes_no_ro}
    becomes:
      age_band: {from: Data nașterii, date: "%d.%m.%Y", at: registered_on}
  citizenship:
    columns:
      citizenship: {from: Cetățenia, many: ", ", codes: countries_ro}
  control:
    file: mijloace*.csv
    key: Nr. caz
    columns:
      means_of_control:
        from: Mijloc
        codes:
          datorie: debt_bondage
          acte reținute: withholds_documents
          amenințări: {code: threats_law_enforcement, relation: broader}
"""

CODES = """\
countries_ro:
  Moldova: MDA
  Moldova, Republica: MDA
  România: ROU
yes_no_ro: {da: yes, nu: no}
"""

Write = Callable[..., Path]


@pytest.fixture
def missions(tmp_path: Path) -> Path:
    """The folder, sound as it is."""
    for name, text in (
        ("MDA.yml", MISSION),
        ("dialects/legacy.yml", DIALECT),
        ("codes/ro.yml", CODES),
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


@pytest.fixture
def change(missions: Path) -> Write:
    """`change(old, new, file)` replaces a text that stands once in a file; its line is returned."""

    def replace(old: str, new: str, file: str = "MDA.yml") -> int:
        path = missions / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), "utf-8")
        return text[: text.index(old)].count("\n") + 1

    return replace
