"""What is recorded is found again; the page keeps what others wrote; a ratio that grew is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterflow.bench import __main__ as main
from counterflow.bench import checking, page, plot, results
from counterflow.bench.parts import PARTS
from counterflow.bench.results import Figure, Part
from counterflow.bench.targets import targets

STEPS = {"start": 1.0, "ingest": 4.0, "validate": 1.0, "transform": 10.0, "gates": 1.0, "publish": 1.0, "pages": 1.0, "end": 1.0}  # fmt: skip
FOREIGN = """# Benchmarks

Old words.

## Airflow

Old figures.

## Fuzzing

`make fuzz`, 0 crashes.

### Below it

More.

## Disclosure control

| rows | method | suppressed | coarsened | lost | withheld | smallest | seconds | CPU | memory |
|---|---|---|---|---|---|---|---|---|---|
| 16,000 | tree | 99.0% | 0.0% | 1.0% | 1 | 11 | 99.0 | 0.4 | 242 MB |
| 16,000 | lattice | 39.4% | 0.0% | 39.4% | 1 | 11 | 0.4 | 0.4 | 242 MB |
| 16,000 | lattice, effort 0 | 40.0% | 0.0% | 40.0% | 1 | 11 | 0.2 | 0.4 | 242 MB |
| 1,600,000 | lattice | 18.6% | 0.0% | 18.6% | 0 | 11 | 21.2 | 26.5 | 1,884 MB |
"""


def a_part(ratio: float = 1.4, name: str = "airflow") -> Part:
    figures = [Figure("A night", "counterflow nightly", 20.5, 1.0, 5, 30.0, 512.0)]
    values = {"airflow ÷ one process": ratio, "parse": 0.2}
    return Part(name, figures, values, ["airflow ÷ one process"], ["A note."], machine="2 cores")


def test_parts_are_recorded_one_by_one(tmp_path: Path) -> None:
    first, second = a_part(), Part("scale", nights={"16000": STEPS}, models={"16000": {"m": 2.0}})
    results.record(first, tmp_path)
    results.record(second, tmp_path)
    assert results.load(tmp_path) == {"airflow": first, "scale": second}
    results.record(a_part(2.0), tmp_path)
    assert results.load(tmp_path)["airflow"].values["airflow ÷ one process"] == 2.0
    assert results.load(tmp_path)["scale"] == second


def test_the_page_keeps_the_sections_of_other_benches(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    path.write_text(FOREIGN, "utf-8")
    parts = {"airflow": a_part(), "scale": Part("scale", nights={"16000": STEPS})}
    text = page.write(parts, tmp_path)
    before, after = page.sections(FOREIGN)[1], page.sections(text)[1]
    assert after["Fuzzing"] == before["Fuzzing"]
    assert after["Disclosure control"] == before["Disclosure control"]
    assert "Old" not in text
    assert "| A night | `counterflow nightly` | 20.5 s | 1.00 | 5 | 30.0 s | 512 MB |" in text
    assert page.write(parts, tmp_path) == text, "written twice it is the same"


def test_a_section_is_put_into_its_place(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.md"
    path.write_text(FOREIGN, "utf-8")
    page.put("Fuzzing", "New.\n", path)
    page.put("Validation", "Newer.", path)
    assert list(page.sections(path.read_text("utf-8"))[1]) == [
        "Airflow",
        "Fuzzing",
        "Disclosure control",
        "Validation",
    ]
    assert "\n## Fuzzing\n\nNew.\n\n## Disclosure" in path.read_text("utf-8")
    assert path.read_text("utf-8").endswith("\n## Validation\n\nNewer.\n")


def test_targets_hold_fall_short_or_were_not_measured() -> None:
    found = targets({"airflow": a_part(1.6)}, page.sections(FOREIGN)[1])
    by_what = {(one.number, one.what.split(":")[0]): one for one in found}
    assert {one.number for one in found} == set(range(1, 8))
    airflow = found[0]
    assert airflow.holds is False
    assert "**falls short**" in airflow.row()
    assert next(one for one in found if "Parsing" in one.what).holds is True
    assert next(one for one in found if "dlt" in one.what).holds is None
    assert "not measured" in next(one for one in found if "dlt" in one.what).row()
    disclosure = [one for one in found if one.number == 5]
    assert [one.figure for one in disclosure] == [pytest.approx(0.985), 0.4, None, None, 21.2, 1884]
    assert by_what[4, "GX's plain COMPLETE ÷ our form of validation"].holds is None


def test_a_target_may_be_a_least() -> None:
    line = "Target, {} cases: plain COMPLETE ÷ ours ≥ 8: **{}, pass** (CPU seconds).\n"
    validation = "| x | 1.0 |\n\n" + line.format("1,000", 3.4) + "\n" + line.format("10,000", 9.3)
    found = [one for one in targets({}, {"Validation": validation}) if one.number == 4]
    assert [(one.figure, one.holds) for one in found] == [(3.4, False), (9.3, True)]
    assert "10,000 cases" in found[1].what


@pytest.mark.parametrize(("now", "wrong"), [(1.4, False), (1.7, False), (1.8, True), (0.5, False)])
def test_a_ratio_that_grew_is_a_regression(now: float, wrong: bool) -> None:
    found = checking.compare({"airflow": a_part(1.4)}, [a_part(now)])
    assert [one.regressed for one in found] == [wrong]
    assert bool(checking.verdict(found)) is wrong
    assert ("GREW" in str(found[0])) is wrong


def test_with_nothing_recorded_nothing_is_said_to_be_well() -> None:
    assert "make bench" in checking.verdict(checking.compare({}, [a_part()]))


def test_the_check_ends_with_1_and_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results.record(a_part(1.0), tmp_path)
    measured = {"airflow": lambda _: a_part(1.5)}
    monkeypatch.setattr(main, "PARTS", measured)
    folder = ["--folder", str(tmp_path), "--sizes", "1", "2", "3", "4"]
    assert main.main(["--check", *folder]) == 1
    assert "from 1 to 1.5" in capsys.readouterr().out.splitlines()[-1]
    measured["airflow"] = lambda _: a_part(1.1)
    assert main.main(["--check", *folder]) == 0
    assert results.load(tmp_path)["airflow"].values["airflow ÷ one process"] == 1.0, (
        "a check records nothing"
    )


def test_a_part_that_fails_leaves_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def breaks(_: object) -> Part:
        raise RuntimeError("no night")

    monkeypatch.setattr(main, "PARTS", {"scale": breaks, "airflow": lambda _: a_part()})
    assert main.main(["--folder", str(tmp_path), "--sizes", "1", "2", "3", "4"]) == 1
    assert results.load(tmp_path) == {"airflow": a_part()}
    assert "not measured" in (tmp_path / page.FILE).read_text("utf-8")
    assert "scale failed" in capsys.readouterr().err


def test_the_picture_has_a_bar_a_size(tmp_path: Path) -> None:
    plot.draw({"160000": {s: 10 * v for s, v in STEPS.items()}, "16000": STEPS}, tmp_path)
    text = (tmp_path / plot.PICTURE).read_text("utf-8")
    assert text.index("16,000 cases: 20 s") < text.index("160,000 cases: 200 s")
    assert text.count("50%") >= 2  # dbt's half, in each bar
    assert plot.label("1600000", {"ingest": 900.0}) == "1,600,000 cases: 15 min"


def test_every_part_has_a_heading() -> None:
    assert set(PARTS) <= set(page.TITLES)
