"""The docs as a site: README.md, docs/ and references made of the code, in one folder that needs no network.

In: the checkout. Out: pages that MkDocs reads (`pages/`), its configuration, and the site (`site/`). `make docs`, or
`python -m counterflow.docsite OUT`. MkDocs builds strictly: a link that leads nowhere ends it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from counterflow.settings import PROJECT

_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```[ \t]*$)", re.DOTALL | re.MULTILINE)
# By who reads: title, then pages of docs/ or generated ones; a folder stands for all in it.
NAV: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("Start", (("What it is", "index.md"),)),
    (
        "Analysts",
        (
            ("Asking questions", "analysts.md"),
            ("Cookbook: Python, R, DBeaver, Metabase", "cookbook.md"),
            ("Tables and columns", "catalogue.md"),
            ("The standard", "standard.md"),
        ),
    ),
    (
        "Engineers",
        (
            ("Running it", "engineers.md"),
            ("Onboarding a mission", "onboarding.md"),
            ("The Missions page", "missions_page.md"),
            ("Serving analysts elsewhere", "serving.md"),
            ("Scale", "scale.md"),
            ("Reliability", "reliability.md"),
            ("Inside", "internals.md"),
            ("Benchmarks", "benchmarks.md"),
        ),
    ),
    ("Stewards", (("Your mission's export", "stewards.md"),)),
    (
        "Officers",
        (
            ("Data protection", "data_protection.md"),
            ("Impact assessment", "dpia.md"),
            ("Threat model", "threat_model.md"),
            ("Sensitivity of columns", "sensitivity.md"),
            ("Disclosure control", "disclosure.md"),
            ("Releases", "releases.md"),
        ),
    ),
    ("Runbooks", (("", "runbooks"),)),
    (
        "Reference",
        (("The command", "reference/command.md"), ("The contract", "reference/contract.md")),
    ),
    ("Decisions", (("", "adr"),)),
)


def build(out: Path) -> Path:
    """Make the site under `out`; where it begins. Raises ValueError with MkDocs' words if it is not whole."""
    pages = out / "pages"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(PROJECT / "docs", pages, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copy(PROJECT / "README.md", pages / "index.md")
    (pages / "reference").mkdir()
    (pages / "reference" / "command.md").write_text(command_page(), "utf-8")
    (pages / "reference" / "contract.md").write_text(contract_page(), "utf-8")
    for page in sorted(pages.rglob("*.md")):
        page.write_text(_inside(page, pages), "utf-8")
    config = out / "mkdocs.yml"
    config.write_text(yaml.safe_dump(configuration(pages, out / "site"), sort_keys=False), "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(config)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"},
    )
    if done.returncode:
        raise ValueError(f"the docs are not whole:\n{done.stdout}{done.stderr}")
    return out / "site" / "index.html"


def configuration(pages: Path, site: Path) -> dict[str, Any]:
    """MkDocs' settings; no font, script or picture of another server."""
    modes = (
        ("light", "default", "weather-night", "Dark"),
        ("dark", "slate", "weather-sunny", "Light"),
    )
    palette = [
        {
            "media": f"(prefers-color-scheme: {mode})",
            "scheme": scheme,
            "primary": "teal",
            "toggle": {"icon": f"material/{icon}", "name": f"{name} pages"},
        }
        for mode, scheme, icon, name in modes
    ]
    return {
        "site_name": "Counterflow",
        "docs_dir": str(pages.resolve()),
        "site_dir": str(site.resolve()),
        "use_directory_urls": False,  # it opens from the disk too
        "theme": {
            "name": "material",
            "font": False,
            "features": [
                "navigation.tabs",
                "navigation.sections",
                "navigation.top",
                "content.code.copy",
            ],
            "palette": palette,
        },
        "plugins": ["search"],
        "markdown_extensions": [
            "tables",
            "sane_lists",
            "pymdownx.superfences",
            {"toc": {"permalink": True}},
        ],
        "extra": {"generator": False},
        "validation": {
            "nav": {"omitted_files": "warn", "not_found": "warn"},
            "links": {"not_found": "warn", "anchors": "warn", "absolute_links": "warn"},
        },
        "nav": [{title: list(_listed(pages, entries))} for title, entries in NAV],
    }


def _listed(pages: Path, entries: tuple[tuple[str, str], ...]) -> Iterator[Any]:
    for title, name in entries:
        if not (pages / name).is_dir():
            if (pages / name).exists():
                yield {title: name}
            continue
        found = sorted(
            (pages / name).glob("*.md"), key=lambda one: (one.name != "README.md", one.name)
        )
        for page in found:
            yield page.relative_to(pages).as_posix()


def _inside(page: Path, pages: Path) -> str:
    """A page with links that hold in the site: what is not in it is named, and not linked."""
    is_readme = page == pages / "index.md"

    def link(match: re.Match[str]) -> str:
        picture, text, target = match.groups()
        if target.startswith(("http://", "https://", "mailto:", "#")):
            return match[0]
        path, hash_, anchor = target.partition("#")
        if is_readme and path.startswith("docs/"):
            path = path.removeprefix("docs/")
        there = (page.parent / path).resolve()
        if there == PROJECT / "README.md" or path in ("../README.md", "../../README.md"):
            path, there = os.path.relpath(pages / "index.md", page.parent), pages / "index.md"
        if there.is_dir() and (there / "README.md").exists():
            path, there = f"{path.rstrip('/')}/README.md", there / "README.md"
        if not there.is_file() or not there.is_relative_to(pages.resolve()):
            return text if picture else f"`{path.lstrip('./')}`" if text == path else text
        return f"{picture}[{text}]({path}{hash_}{anchor})"

    parts = _FENCE.split(page.read_text("utf-8"))
    return "".join(one if one.startswith("```") else _LINK.sub(link, one) for one in parts)


def command_page() -> str:
    """Every verb with its help, as `--help` prints it."""
    import typer

    from counterflow.cli import app

    lines = [
        "# The command `counterflow`",
        "",
        "Made of the program: what `--help` prints of each verb.",
        "",
    ]

    def told(command: Any, words: tuple[str, ...], parent: Any) -> None:
        context = command.context_class(
            command, info_name=words[-1], parent=parent, terminal_width=84, max_content_width=84
        )
        depth = min(len(words), 3)
        lines.extend([f"{'#' * (depth + 0 if depth > 1 else 2)} {' '.join(words)}", ""])
        lines.extend(["```text", command.get_help(context).rstrip(), "```", ""])
        if hasattr(command, "list_commands"):  # a group; Typer has a click of its own
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                told(inner, (*words, name), context)

    told(typer.main.get_command(app), ("counterflow",), None)
    return "\n".join(lines)


def contract_page() -> str:
    """Every key of a contract, from its JSON Schema."""
    from counterflow.contracts.schema import contract_schema

    schema = contract_schema()
    lines = [
        "# The contract of a mission",
        "",
        "Made of the JSON Schema that editors use (`dags/missions/contract.schema.json`). "
        "[Onboarding](../onboarding.md) shows how a contract comes about.",
        "",
    ]
    parts = {"Contract": schema} | dict(sorted(schema["$defs"].items()))
    for name, part in parts.items():
        options = [part, *part.get("anyOf", ())]
        keys = next((one["properties"] for one in options if "properties" in one), None)
        if keys is None:
            continue
        lines += [f"## {name}", ""]
        if said := part.get("description"):
            lines += [_cell(said), ""]
        lines += ["| key | what | kind |", "|---|---|---|"]
        for key, one in keys.items():
            lines.append(f"| `{key}` | {_cell(one.get('description', ''))} | {_cell(_kind(one))} |")
        lines.append("")
    return "\n".join(lines)


def _kind(one: dict[str, Any]) -> str:
    if "$ref" in one:
        return str(one["$ref"]).rsplit("/", 1)[1]
    if "enum" in one:
        return " ".join(f"`{value}`" for value in one["enum"][:12])
    if "anyOf" in one:
        kinds = dict.fromkeys(_kind(inner) for inner in one["anyOf"])
        return " or ".join(kind for kind in kinds if kind and kind != "null")
    if one.get("type") == "array":
        return f"list of {_kind(one.get('items', {})) or 'values'}"
    return str(one.get("type", one.get("const", "")))


def _cell(text: str) -> str:
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else PROJECT / "var" / "docs"))
