"""The leak gate of a release: no value outside its list, no file or word that looks like a person's data.

In: what the files of a release hold. Out: problems, a sentence each, never a value.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterator
from pathlib import Path

from counterflow.release.cells import ALL
from counterflow.release.contents import COLUMNS, NOT_STATED, OWN_CODES, SUPPRESSED, hierarchies
from counterflow.release.croissant import ADDRESSES
from counterflow.release.folder import Material
from counterflow.release.formats import COUNT
from counterflow.settings import PROJECT
from counterflow.warehouse.patterns import shapes

_SEEDS = PROJECT / "dbt_project" / "seeds"
_YEAR = re.compile(r"(?:19|20)\d\d")
# A case key or token: 32 hexadecimal digits. Hashes of files and policies have 64.
_KEY = re.compile(rb"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")
_TEXT = {".md", ".html", ".xml", ".json", ".csv", ""}
_SVG = re.compile(r"<svg.*?</svg>", re.S)
_TAG = re.compile(r"<[^>]*>|&#?\w+;")
_SIZE = re.compile(r'"bytes": \d+|"contentSize": "\d+ B"')
_JSON_LD = re.compile(
    r'"@(?:context|id|json|language|type|vocab)"'
)  # words of its own, no addresses
_HASH = re.compile(r"\b[0-9a-f]{64}\b|\b[0-9a-f]{16}\b")


@functools.cache
def lists() -> dict[str, frozenset[str]]:
    """Code list → its codes, from the seeds that the warehouse is built with."""
    found: dict[str, set[str]] = {}
    with (_SEEDS / "code.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found.setdefault(row["code_list"], set()).add(row["code"])
    with (_SEEDS / "country.csv").open(encoding="utf-8", newline="") as lines:
        found["country"] = {row["country_code"] for row in csv.DictReader(lines)}
    return {name: frozenset(codes) for name, codes in found.items()}


def allowed(column: str, material: Material) -> frozenset[str]:
    """What a column of the release may hold, beside years."""
    if column == "attribute":
        return frozenset(material.about.policy.columns)
    if column == "value":
        return frozenset().union(*(allowed(c, material) for c in material.about.policy.columns))
    words = frozenset({ALL, SUPPRESSED, "unknown", "not_asked"})
    if column in COLUMNS:
        own = frozenset(
            {NOT_STATED, "several", "not_labour", "not_recorded", "sexual", "labour", "other"}
        )
        return words | own | frozenset().union(*(lists()[n] for n in COLUMNS[column].lists))
    for name, said in material.about.policy.columns.items():
        if said.coarsens and column in material.about.policy.levels(name):
            place = material.about.policy.levels(name).index(column) - 1
            of = hierarchies()[said.coarsens].ancestors
            finest = allowed(name, material)
            steps = {
                of(v)[place]
                for v in finest
                if v not in (ALL, SUPPRESSED, NOT_STATED, "not_recorded", "sexual", "labour")
            }
            return words | {step for step in steps if step} | frozenset(OWN_CODES)
    return frozenset()


def _is_year(column: str, value: str) -> bool:
    if not column.startswith(("registration_year", "value")):
        return False
    return all(_YEAR.fullmatch(part) for part in value.split("-", 1))


def leaks(material: Material) -> Iterator[str]:
    """What must not be in a release."""
    for name, kinds in material.tables.items():
        for kind, table in kinds.items():
            for column in table.column_names:
                if column == COUNT:
                    continue
                known = allowed(column, material)
                foreign = sum(
                    v not in known and not _is_year(column, v)
                    for v in set(table[column].to_pylist())
                )
                if foreign:
                    yield f"{foreign} values of {name}.{column} ({kind}) are outside its list"
    for path in sorted(material.folder.rglob("*")):
        if path.is_file():
            yield from _of_file(path, material)


def _of_file(path: Path, material: Material) -> Iterator[str]:
    name = str(path.relative_to(material.folder))
    data = path.read_bytes()
    if _KEY.search(data):
        yield f"{name} holds what looks like a case key"
    if path.suffix not in _TEXT or name.startswith(("data/", "hxl/")) or name == "SHA256SUMS":
        return  # their values are those of closed lists, looked at above
    text = data.decode("utf-8", "replace")
    for ours in (
        *material.about.policy.licence.values(),
        "ddi:codebook:2_5",
        *ADDRESSES,
        material.about.version,
    ):
        text = text.replace(ours, " ")
    if path.suffix == ".html":
        text = _SVG.sub(" ", text)
    text = _HASH.sub(" ", _TAG.sub(" ", _JSON_LD.sub(" ", text)))
    night = str(material.about.night)
    nights = {night, *(str(r["night"]) for r in material.about.revisions)}
    text = _SIZE.sub(" ", text).replace(f"{night}T00:00:00Z", night)
    for line in text.splitlines():
        for shape in shapes(line, nights):
            yield f"{name} has a line with the shape of: {shape}"
