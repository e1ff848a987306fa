"""A release for machines: data package, HXL, DDI codebook and check sums.

In: an `About` and the tables. Out: `datapackage.json` (Frictionless, version 1), `hxl/*.csv`, `ddi.xml` (DDI
Codebook 2.5) and `SHA256SUMS`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pyarrow as pa

from counterflow.release.about import OURS, PACKAGE, About
from counterflow.release.contents import SUPPRESSED
from counterflow.release.formats import COUNT, FORMATS, csv_text

SUMS = "SHA256SUMS"
MICRODATA = "microdata"
_MEDIA = {
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "dta": "application/x-stata",
}
_DDI = "ddi:codebook:2_5"


def title_of(about: About, name: str) -> str:
    """Of a table, for people."""
    if name == MICRODATA:
        return "Microdata: one row a case, coarsened and suppressed"
    return about.policy.tables[name].title


def write_package(folder: Path, about: About, tables: Mapping[str, pa.Table]) -> None:
    """`datapackage.json`: every file with its hash, every column with its type and what it may hold."""
    resources = []
    for name, table in tables.items():
        for kind in FORMATS:
            path = folder / "data" / f"{name}.{kind}"
            resource: dict[str, Any] = {
                "name": name if kind == "csv" else f"{name}-{kind}",
                "path": f"data/{name}.{kind}",
                "title": title_of(about, name),
                "format": kind,
                "mediatype": _MEDIA[kind],
                "bytes": path.stat().st_size,
                "hash": f"sha256:{sha256(path)}",
            }
            if kind != "dta":
                resource |= {
                    "profile": "tabular-data-resource",
                    "schema": _schema(about, name, table),
                }
            if kind == "csv":
                resource["encoding"] = "utf-8"
            if (
                kind == "parquet"
            ):  # frictionless reads it, but counts no bytes of it; SHA256SUMS has the hash
                del resource["bytes"], resource["hash"]
            resources.append(resource)
    codes = folder / "codes.csv"
    resources.append(
        {
            "name": "codes",
            "path": "codes.csv",
            "title": "What each value means",
            "format": "csv",
            "mediatype": "text/csv",
            "bytes": codes.stat().st_size,
            "hash": f"sha256:{sha256(codes)}",
            "profile": "tabular-data-resource",
            "encoding": "utf-8",
            "schema": {
                "fields": [
                    {"name": n, "type": "string"} for n in ("list", "code", "label", "definition")
                ]
            },
        }
    )
    package = {
        "profile": "data-package",
        "name": about.name,
        "title": about.title,
        "description": " ".join(about.caveats),
        "version": f"{int(about.number)}.{len(about.revisions)}.0",
        "created": f"{about.night}T00:00:00Z",
        "licenses": [dict(about.policy.licence)],
        "contributors": [{"title": about.policy.publisher, "role": "publisher"}],
        "sources": [
            {"title": f"Cases of about {about.missions} missions, as of the night of {about.night}"}
        ],
        "keywords": ["human trafficking", "migration", "k-anonymity", "protected counts"],
        "resources": resources,
        OURS: about.to_json(),
    }
    (folder / PACKAGE).write_text(json.dumps(package, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _schema(about: About, name: str, table: pa.Table) -> dict[str, Any]:
    fields = []
    for column in table.column_names:
        if column == COUNT:
            fields.append(
                {
                    "name": COUNT,
                    "type": "integer",
                    "title": "Cases",
                    "description": "Distinct cases, protected.",
                    "constraints": {"required": True, "minimum": about.policy.minimum_cell},
                }
            )
            continue
        told = about.describe(column)
        fields.append(
            {
                "name": column,
                "type": "string",
                "title": told.title,
                "description": told.meaning,
                "constraints": {"required": True, "enum": sorted(set(table[column].to_pylist()))},
            }
        )
    schema: dict[str, Any] = {"fields": fields, "missingValues": []}
    if name != MICRODATA:
        schema["primaryKey"] = [c for c in table.column_names if c != COUNT]
    return schema


def write_hxl(folder: Path, about: About, tables: Mapping[str, pa.Table]) -> None:
    """Each table once more as CSV, with a row of tags under its header."""
    (folder / "hxl").mkdir(exist_ok=True)
    for name, table in tables.items():
        tags = [about.tag(column) for column in table.column_names]
        (folder / "hxl" / f"{name}.csv").write_text(csv_text(table, tags), "utf-8", newline="")


def write_codebook(folder: Path, about: About, tables: Mapping[str, pa.Table]) -> None:
    """`ddi.xml`: the study, its files, and every variable of the microdata with its categories and frequencies."""
    ET.register_namespace("", _DDI)
    book = ET.Element(f"{{{_DDI}}}codeBook", {"version": "2.5", "ID": about.name, "xml:lang": "en"})

    def add(
        parent: ET.Element, path: str, text: str | None = None, **attributes: str
    ) -> ET.Element:
        for tag in path.split("/"):
            parent = ET.SubElement(parent, f"{{{_DDI}}}{tag}")
        parent.attrib.update(attributes)
        parent.text = text
        return parent

    citation = add(book, "docDscr/citation")
    statement = add(citation, "titlStmt")
    add(statement, "titl", f"Codebook: {about.title}")
    add(statement, "IDNo", f"{about.name}-codebook")
    study = add(book, "stdyDscr")
    citation = add(study, "citation")
    statement = add(citation, "titlStmt")
    add(statement, "titl", about.title)
    add(statement, "IDNo", about.name)
    add(citation, "rspStmt/AuthEnty", about.policy.publisher)
    produced = add(citation, "prodStmt")
    add(produced, "producer", about.policy.publisher)
    add(produced, "copyright", about.policy.licence["title"])
    add(produced, "software", "Counterflow", version=about.version)
    add(
        citation,
        "verStmt/version",
        f"{about.number}, revision {len(about.revisions)}",
        date=str(about.night),
    )
    info = add(study, "stdyInfo")
    subject = add(info, "subject")
    for word in ("human trafficking", "migration", "assistance"):
        add(subject, "keyword", word)
    add(
        info,
        "abstract",
        "Persons assisted by the agency's missions who agreed to research. "
        + " ".join(about.caveats),
    )
    summary = add(info, "sumDscr")
    years = (
        sorted(y for y in set(tables[MICRODATA]["registration_year"].to_pylist()) if y.isdigit())
        if "registration_year" in tables[MICRODATA].column_names
        else []
    )
    for event, year in zip(("start", "end"), (years[:1] + years[-1:]), strict=False):
        add(summary, "timePrd", year, event=event, date=year)
    add(summary, "anlyUnit", "Person assisted by a mission")
    add(summary, "universe", "Cases registered by the missions with a valid consent to research")
    add(summary, "dataKind", "Administrative records, coarsened and suppressed")
    method = add(study, "method")
    collected = add(method, "dataColl")
    add(collected, "collMode", "Case records of the missions, harmonised each night")
    add(
        collected,
        "cleanOps",
        f"k = {about.policy.k} over all columns, l = {about.policy.l} on sensitive ones; counts protected by {about.policy.method}",
    )
    use = add(add(study, "dataAccs"), "useStmt")
    add(use, "restrctn", "No attempt may be made to recognise a person.")
    add(use, "conditions", about.policy.licence["title"])
    for name, table in tables.items():
        text = add(book, "fileDscr", ID=f"F_{name}")
        text = add(text, "fileTxt")
        add(text, "fileName", f"data/{name}.csv")
        add(text, "fileCont", title_of(about, name))
        dimensions = add(text, "dimensns")
        add(dimensions, "caseQnty", str(table.num_rows))
        add(dimensions, "varQnty", str(table.num_columns))
        add(text, "fileType", "text/csv", charset="utf-8")
    labels = {code.code: code.label for code in about.codes}
    described = add(book, "dataDscr")
    table = tables[MICRODATA]
    for column in table.column_names:
        told = about.describe(column)
        counts = Counter(table[column].to_pylist())
        variable = add(
            described,
            "var",
            ID=f"V_{column}",
            name=column,
            files=f"F_{MICRODATA}",
            intrvl="discrete",
        )
        add(variable, "labl", told.title)
        add(variable, "txt", told.meaning)
        for value, count in sorted(counts.items()):
            missing = {"missing": "Y"} if value in (SUPPRESSED, "unknown", "not_asked") else {}
            category = add(variable, "catgry", **missing)
            add(category, "catValu", value)
            add(category, "labl", labels.get(value, value.replace("_", " ")))
            add(category, "catStat", str(count), type="freq")
        add(variable, "varFormat", type="character", schema="other")
    ET.indent(book)
    written = ET.tostring(book, encoding="unicode")
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    (folder / "ddi.xml").write_text(f"{head}{written}\n", "utf-8")


def write_sums(folder: Path) -> None:
    """`SHA256SUMS`, as `sha256sum --check` reads it."""
    (folder / SUMS).write_text(
        "".join(f"{digest}  {name}\n" for name, digest in sums(folder).items()), "utf-8"
    )


def sums(folder: Path) -> dict[str, str]:
    """File → SHA-256 of every file of a release but the list itself."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): sha256(path) for path in files if path != folder / SUMS}


def read_sums(folder: Path) -> dict[str, str]:
    """The list as it is written."""
    lines = (folder / SUMS).read_text("utf-8").splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def sha256(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
