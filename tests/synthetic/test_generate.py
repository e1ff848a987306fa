"""The generator as a whole: same bytes, right numbers, all countries, its own code only."""

from __future__ import annotations

import ast
import hashlib
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import counterflow.synthetic as package
from counterflow.synthetic import generate
from counterflow.synthetic.missions import MISSIONS, sizes
from tests.synthetic import reading
from tests.synthetic.conftest import World

RUBBISH = "exports/HND/htcds/casos 20101126.xlsx"


def digest(folder: Path) -> dict[str, str]:
    """Path to hash of every file below a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_seed_same_bytes_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("one", 5), ("two", 5), ("other", 6)):
        generate(tmp_path / name, missions=6, cases=90, seed=seed, nights=2)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    one, other = digest(tmp_path / "one"), digest(tmp_path / "other")
    same = {path for path in one if path.startswith("exports") and one[path] == other.get(path)}
    assert all(path.endswith("FORM.txt") or path in RUBBISH for path in same)


def test_processes_and_one_process_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generate(tmp_path / "one", missions=3, cases=60)
    monkeypatch.setattr(package, "WORTH_PROCESSES", 0)
    generate(tmp_path / "many", missions=3, cases=60)
    assert digest(tmp_path / "one") == digest(tmp_path / "many")


def test_what_an_earlier_run_left_is_gone(tmp_path: Path) -> None:
    generate(tmp_path, missions=6, cases=30, nights=3)
    seen: list[tuple[str, int, int]] = []
    generate(tmp_path, missions=2, cases=30, progress=lambda *step: seen.append(step))
    assert sorted(p.name for p in (tmp_path / "exports").iterdir()) == ["IDN", "MDA"]
    assert [step[1:] for step in seen] == [(1, 2), (2, 2)]


@pytest.mark.parametrize("wrong", [{"missions": 0}, {"missions": 73}, {"cases": 3}, {"nights": 0}])
def test_impossible_wishes_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"mission|case"):
        generate(tmp_path, **{"missions": 6, "cases": 60, "nights": 1, **wrong})  # type: ignore[arg-type]


def test_the_number_of_cases_is_exact(full: World) -> None:
    total = 0
    for mission in full.missions():
        folder = full.out / "exports" / mission
        rows = reading.sources(folder, "2010-11-25")["case"]
        named = {row[reading.key(folder)] for row in rows} - {"", None}
        # A row without a case number is a case too; an empty row is none.
        fates = Counter(row["rule_id"] for row in full.truth(mission, "rows"))
        total += len(named) + fates["case.key_present"]
    assert total == 16000


def test_exactly_the_seeds_countries(full: World) -> None:
    origins: Counter[object] = Counter()
    destinations: Counter[object] = Counter()
    for mission in full.missions():
        for case in full.truth(mission, "case"):
            origins[case["citizenship"]] += 1
            destinations[case["country_of_exploitation"]] += 1
    del origins[None], destinations[None]
    assert (len(origins), len(destinations)) == (85, 100)
    assert min(origins.values()) >= 3
    assert min(destinations.values()) >= 3


def test_calibration(full: World) -> None:
    cases = [case for mission in full.missions() for case in full.truth(mission, "case")]
    count = len(cases)
    assert 0.88 < count / 16000 < 0.93
    women = sum(case["gender"] == "feminine" for case in cases)
    assert 0.74 < women / count < 0.82
    south_east = {"MDA", "ROU", "BGR", "ALB", "SRB", "MKD", "BIH", "HRV"}

    def share(first: int, last: int) -> float:
        window = [c for c in cases if first <= int(str(c["registration_year"])) <= last]
        return sum(c["citizenship"] in south_east for c in window) / len(window)

    assert share(2002, 2004) == pytest.approx(0.83, abs=0.05)
    assert share(2005, 2007) == pytest.approx(0.33, abs=0.05)
    assert share(2008, 2010) == pytest.approx(0.24, abs=0.05)
    pairs = Counter(
        (c["citizenship"], c["country_of_exploitation"])
        for c in cases
        if c["is_cross_border"] == "yes"
    )
    common = [pair for pair, _ in pairs.most_common(12)]
    assert {("UKR", "RUS"), ("BLR", "RUS"), ("IDN", "MYS"), ("MDA", "SRB"), ("UKR", "POL"),
            ("UKR", "TUR"), ("GNB", "SEN")} <= set(common)  # fmt: skip


@given(st.integers(1, 72), st.integers(0, 40_000))
def test_sizes_add_up_and_nobody_is_empty(missions: int, more: int) -> None:
    shares = sizes(missions, missions + more)
    assert sum(size for _, size in shares) == missions + more
    assert all(size >= 1 for _, size in shares)


def test_variety() -> None:
    def dialect(form: str) -> str:
        return form if form == "htcds_xlsx" else form.rpartition("_")[0]

    assert len({mission.code for mission in MISSIONS}) == 72
    assert len({dialect(m.form) for m in MISSIONS[:6]}) == 5
    languages = {m.form.rpartition("_")[2] for m in MISSIONS if m.form != "htcds_xlsx"}
    assert len(languages | {"en"}) >= 8
    assert len({m.encoding for m in MISSIONS}) >= 6


def test_it_imports_nothing_of_what_it_tests() -> None:
    root = Path(package.__file__).parent
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, path
                names = [node.module or ""]
            for name in names:
                if name.split(".")[0] == "counterflow":
                    assert name.startswith("counterflow.synthetic"), f"{path.name}: {name}"
