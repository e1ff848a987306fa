"""A release for what loads data sets by itself: `croissant.json` (MLCommons Croissant 1.0, JSON-LD).

In: an `About`, the tables, and their files, which are there already. Out: the file that says which columns each table has,
what they mean, and the hash of what is to be loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from counterflow.release.about import About
from counterflow.release.describe import MICRODATA, sha256, title_of
from counterflow.release.formats import COUNT

FILE = "croissant.json"
_CONFORMS = "http://mlcommons.org/croissant/1.0"
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
# The addresses that name the vocabulary, for the leak gate: longest first.
ADDRESSES = tuple(
    sorted({_CONFORMS, *(v for v in _CONTEXT.values() if "://" in v)}, key=len, reverse=True)
)
_CODES = {
    "list": "Name of the code list.",
    "code": "A value that may stand in a table.",
    "label": "The value for readers.",
    "definition": "What it means.",
}


def write(folder: Path, about: About, tables: Mapping[str, pa.Table]) -> None:
    """Write `croissant.json` of the files in `folder`."""
    told = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS,
        "name": about.name,
        "description": f"{about.title}. " + " ".join(about.caveats),
        "version": f"{int(about.number)}.{len(about.revisions)}.0",
        "datePublished": str(about.night),
        "license": about.policy.licence["path"],
        "creator": {"@type": "sc:Organization", "name": about.policy.publisher},
        "publisher": {"@type": "sc:Organization", "name": about.policy.publisher},
        "citeAs": f"{about.policy.publisher}: {about.title}, as of the night of {about.night}.",
        "isLiveDataset": False,
        "keywords": ["human trafficking", "migration", "k-anonymity", "protected counts"],
        "distribution": [
            *(_file(folder, f"data/{name}.csv") for name in tables),
            _file(folder, "codes.csv"),
        ],
        "recordSet": [
            *(_table(about, name, table) for name, table in tables.items()),
            _records(
                "codes", "codes.csv", "What each value means", {c: (t, "sc:Text") for c, t in _CODES.items()},
                ("list", "code"),
            ),
        ],
    }  # fmt: skip
    (folder / FILE).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _file(folder: Path, path: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path,
        "name": path,
        "contentUrl": path,
        "encodingFormat": "text/csv",
        "contentSize": f"{(folder / path).stat().st_size} B",
        "sha256": sha256(folder / path),
    }


def _table(about: About, name: str, table: pa.Table) -> dict[str, Any]:
    fields = {
        column: ("Distinct cases, protected.", "sc:Integer")
        if column == COUNT
        else (about.describe(column).meaning, "sc:Text")
        for column in table.column_names
    }
    unique = () if name == MICRODATA else tuple(c for c in table.column_names if c != COUNT)
    return _records(name, f"data/{name}.csv", title_of(about, name), fields, unique)


def _records(
    name: str, path: str, title: str, fields: Mapping[str, tuple[str, str]], unique: tuple[str, ...]
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": title,
        "field": [
            {
                "@type": "cr:Field",
                "@id": f"{name}/{column}",
                "name": column,
                "description": meaning,
                "dataType": kind,
                "source": {"fileObject": {"@id": path}, "extract": {"column": column}},
            }
            for column, (meaning, kind) in fields.items()
        ],
    }
    if unique:
        made["key"] = [{"@id": f"{name}/{column}"} for column in unique]
    return made
