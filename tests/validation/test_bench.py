"""The bench of validation: every form says the same of the same rows, and the page keeps its other sections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from counterflow.validation import bench, frames
from counterflow.validation.rules import load_suites

from .landing import case, child, land


@pytest.fixture
def work(tmp_path: Path, suites: Path) -> list[bench.Work]:
    tables = {
        "case": [case(1), case(2, key_reading="repeat"), case(3, gender="?")],
        "control": [child(n, "control", means_of_control="ocazional") for n in (1, 1, 2)],
    }
    exports = [land(tmp_path, mission, tables) for mission in ("MDA", "UKR")]
    book, made = load_suites(suites), []
    for name in ("case", "control"):
        ready = {
            e.mission_code: frames.prepared(e, book[name], frames.code_lookup(e.code_map))
            for e in exports
        }
        made.append(bench.Work(book[name], ready, bench.whole(ready.values())))
    return made


def test_every_form_of_gx_finds_the_same_rows(work: list[bench.Work]) -> None:
    ours = {rule: sorted(at) for rule, at in bench._ours(work).items()}
    assert ours == {"case.key_repeat": [1, 4], "case.gender_mapped": [2, 5]}
    others: list[dict[str, Any]] = [
        bench._two(work),
        bench._whole(work, bench.PLAIN),
        bench._whole(work, bench.NAMED),
    ]
    for found in others:
        critical = {rule: sorted(at) for rule, at in found.items() if at and rule in ours}
        assert critical == ours
        assert "control.means_not_repeated" in found  # a warning: ours only counts it


def test_the_page_keeps_what_others_wrote() -> None:
    page = "# Benchmarks\n\na\n\n## Validation\n\nold\n\n## Other\n\nb\n"
    new = bench.with_section(page, "## Validation\n\nnew\n")
    assert new == "# Benchmarks\n\na\n\n## Validation\n\nnew\n\n## Other\n\nb\n"
    assert bench.with_section("# Benchmarks\n\na\n", "## Validation\n\nnew\n").endswith(
        "a\n\n## Validation\n\nnew\n"
    )
