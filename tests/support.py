"""A small agency for tests: missions with one legacy form, exports written by hand, a home to land in.

Nothing here uses the synthetic generator: what an export holds stands in the test that breaks it.
"""

from __future__ import annotations

import base64
import io
import zipfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from counterflow.contracts import load_contract
from counterflow.depersonalise import MissionKeys
from counterflow.ingest import Landed, ingest
from counterflow.keys import Keyring
from counterflow.sealing import Seal
from counterflow.settings import Settings

NIGHT = date(2010, 11, 25)
SECRET = "Zxqvella Planted"  # stands in every personal cell; must be found nowhere

CONTRACT = """\
mission: {mission}
name: Testland
region: Eastern Europe
languages: [en]
steward: test-desk
missing: ["-99", "not said"]
source:
  connection: mission_test
  path: outgoing/cases_{{night:%Y%m%d}}.zip
  format: csv
  archive: zip
  encoding: {encoding}
  delimiter: ";"
  limits: {{unpacked: 20 MB, cell: 20 kB}}
codes:
  yes_no: {{"yes": "yes", "no": "no"}}
  countries: {{"Moldova, Republic of": MDA, Romania: ROU, Niger: NER, Nigeria: NGA, "NA": NAM}}
versions:
  v1: {{until: 2008-12, not_asked: [control.debt_bondage]}}
  v2: {{from: 2009-01}}
tables:
  case:
    file: cases.csv
    key: No.
    columns:
      registered_on: {{from: Registered, date: "%d.%m.%Y"}}
      gender: {{from: Sex, codes: {{F: feminine, M: masculine}}}}
      is_forced_labour: {{from: Labour, codes: yes_no}}
      country_of_exploitation: {{from: Country, codes: countries, basis: last_exploitation}}
    becomes:
      age_band: {{from: Born, date: "%d.%m.%Y", at: registered_on}}
    personal: [Name, Phone]
    ignore: {{Notes: free text}}
  citizenship:
    columns:
      citizenship: {{from: Citizenship, many: ", ", codes: countries}}
  control:
    file: means.csv
    key: No.
    columns:
      means_of_control:
        from: Means
        codes: {{debt: debt_bondage, "papers; kept": withholds_documents}}
consent:
  research: {{from: Consent, "yes": "yes", "no": "no", withdrawn: Withdrawn}}
assert:
  case: {{rows: {{min: 5, fall: 30 %}}, filled: {{registered_on: 60 %}}}}
"""
COLUMNS = (
    "No.",
    "Registered",
    "Sex",
    "Labour",
    "Country",
    "Born",
    "Name",
    "Phone",
    "Notes",
    "Citizenship",
    "Consent",
    "Withdrawn",
)


def case(number: int | str, **changes: str) -> dict[str, str]:
    """One case row that is accepted as it is."""
    row = {
        "No.": f"A-{number}" if isinstance(number, int) else number,
        "Registered": f"{1 + (number if isinstance(number, int) else 1) % 28:02}.03.2009",
        "Sex": "F",
        "Labour": "yes",
        "Country": "Romania",
        "Born": "01.02.1985",
        "Name": SECRET,
        "Phone": "+373 600 12345",
        "Notes": f"{SECRET} said so",
        "Citizenship": "Moldova, Republic of",
        "Consent": "yes",
        "Withdrawn": "",
    }
    return row | changes


def table(rows: list[dict[str, str]], columns: tuple[str, ...], delimiter: str = ";") -> str:
    """A CSV text as a legacy system writes it."""

    def quoted(text: str) -> str:
        odd = any(c in text for c in (delimiter, '"', "\n"))
        return '"' + text.replace('"', '""') + '"' if odd else text

    lines = [delimiter.join(map(quoted, columns))]
    lines += [delimiter.join(quoted(row.get(c, "")) for c in columns) for row in rows]
    return "\n".join(lines) + "\n"


def archive(files: dict[str, bytes]) -> bytes:
    """A zip of `files`, the same bytes for the same content."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name, (2010, 1, 1, 0, 0, 0)), content)
    return target.getvalue()


def export(
    cases: list[dict[str, str]] | None = None,
    means: list[dict[str, str]] | None = None,
    columns: tuple[str, ...] = COLUMNS,
    encoding: str = "utf-8",
    delimiter: str = ";",
) -> bytes:
    """The zip of a mission: 30 good cases and a means of control each, unless said otherwise."""
    cases = cases if cases is not None else [case(n) for n in range(30)]
    means = means if means is not None else [{"No.": f"A-{n}", "Means": "debt"} for n in range(30)]
    return archive(
        {
            "cases.csv": table(cases, columns, delimiter).encode(encoding),
            "means.csv": table(means, ("No.", "Means"), delimiter).encode(encoding),
        }
    )


@dataclass
class Agency:
    """A home, contracts and exports in one folder; `deliver` puts an export where it is looked for."""

    root: Path
    missions: tuple[str, ...] = ("ALB", "BLR", "CIV")
    encoding: str = "utf-8"
    settings: Settings = field(init=False)

    def __post_init__(self) -> None:
        self.settings = Settings(
            home=self.root / "home",
            exports=self.root / "exports",
            missions=self.root / "missions",
            workers=1,
        )
        self.settings.missions.mkdir(parents=True)
        for mission in self.missions:
            text = CONTRACT.format(mission=mission, encoding=self.encoding)
            (self.settings.missions / f"{mission}.yml").write_text(text, "utf-8")

    def deliver(self, mission: str, data: bytes, night: date = NIGHT) -> Path:
        """Put an export of `night` into the mission's folder."""
        path = self.settings.exports / mission / f"outgoing/cases_{night:%Y%m%d}.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def contract(self, mission: str, old: str, new: str) -> None:
        """Change a mission's contract."""
        path = self.settings.missions / f"{mission}.yml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")


KEYRING = Keyring(bytes(range(32)), bytes(range(32, 64)))
KEYS = MissionKeys.of(KEYRING, "ALB")


def landed(
    folder: Path, tables: str, cases: list[dict[str, str]], **files: list[dict[str, str]]
) -> Landed:
    """What ingest lands of cases with `No.` and of the rows of other files.

    `tables` goes on under the contract's `tables.case`, whose research consent is the column
    `Consent`, yes unless said otherwise.
    """
    head = CONTRACT[: CONTRACT.index("tables:")].format(mission="ALB", encoding="utf-8")
    case = "tables:\n  case:\n    file: cases.csv\n    key: No.\n"
    consent = 'consent:\n  research: {from: Consent, "yes": "yes", "no": "no"}\n'
    folder.mkdir(exist_ok=True)
    (folder / "ALB.yml").write_text(head + case + tables + consent, "utf-8")

    def text(rows: list[dict[str, str]]) -> bytes:
        return table(rows, tuple(dict.fromkeys(column for row in rows for column in row))).encode()

    packed = {f"{name}.csv": text(rows) for name, rows in files.items()}
    packed["cases.csv"] = text([{"Consent": "yes"} | row for row in cases])
    return ingest(archive(packed), load_contract(folder / "ALB.yml"), KEYS, NIGHT)


def everything(folder: Path, seal: Seal | None = None) -> str:
    """All names and contents below a folder as text, Parquet and DuckDB opened, for searching."""
    parts = []
    for path in sorted(folder.rglob("*")):
        parts.append(str(path.relative_to(folder)))
        if path.suffix == ".parquet":
            assert seal is not None, path
            parts.append(str(seal.read(path).to_pylist()))
        elif path.suffix == ".duckdb":
            assert seal is not None, path
            parts.append(_tables(seal, path))
        elif path.is_file():
            parts.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(parts)


def _tables(seal: Seal, path: Path) -> str:
    """All rows of all tables of a DuckDB file, and what its bytes say to whoever has no key."""
    with seal.opened(path) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'warehouse'"
        ).fetchall()
        rows = [connection.execute(f'from "{s}"."{t}"').fetchall() for s, t in tables]
    return str(rows) + path.read_bytes().decode("utf-8", "replace")


def key_forms(*secrets: bytes) -> list[bytes]:
    """All that a key could be written as: raw, hexadecimal, base64 in both alphabets."""
    return [
        form
        for secret in secrets
        for form in (
            secret,
            secret.hex().encode(),
            secret.hex().upper().encode(),
            base64.b64encode(secret).rstrip(b"="),
            base64.urlsafe_b64encode(secret).rstrip(b"="),
        )
    ]
