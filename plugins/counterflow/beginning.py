"""An agency's own repository of contracts, on top of this program: `counterflow init DIR`.

In: a folder that is empty or not there. Out: the files of `agency/` in their places, the contracts' JSON Schema beside
the contract for editors, and nothing of this machine. What it makes passes its own check.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from counterflow.contracts.schema import text

_FILES = {
    "MDA.yml": "contracts/MDA.yml",
    "README.md": "README.md",
    "Makefile": "Makefile",
    "settings.env.example": "settings.env.example",
    "gitignore": ".gitignore",
    "ci.yml": ".github/workflows/contracts.yml",
    "settings.json": ".vscode/settings.json",
}


def begin(folder: Path) -> list[Path]:
    """Make it; which files. Raises ValueError if something is there already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is not empty: name a folder that is new")
    templates = Path(__file__).with_name("agency")
    made = []
    version = metadata.version("counterflow")
    for name, place in _FILES.items():
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        content = (templates / name).read_text("utf-8").replace("@VERSION@", version)
        target.write_text(content, "utf-8")
        made.append(target)
    schema = folder / "contracts" / "contract.schema.json"
    schema.write_text(text(), "utf-8")
    return [*made, schema]
