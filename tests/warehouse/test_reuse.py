"""What is kept of the last build is what a whole build makes, and nothing is kept that is not."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from counterflow import nightly
from counterflow.sealing import Seal
from counterflow.settings import Settings
from counterflow.warehouse import build
from counterflow.warehouse.gates import GateFailed
from counterflow.warehouse.manifest import Build
from tests.support import NIGHT, Agency, case, export

MISSIONS = ("ALB", "BLR")


def settings_of(agency: Agency) -> Settings:
    """The agency with a project of its own, which a test may change."""
    project = agency.root / "dbt_project"
    shutil.copytree(agency.settings.dbt_project, project)
    return replace(agency.settings, dbt_project=project)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Three nights: nothing changes on the second, a case of ALB on the third. Tests of this module go on in order."""
    made = Agency(tmp_path_factory.mktemp("agency"), missions=MISSIONS)
    for mission in MISSIONS:
        for day in (0, 1):
            made.deliver(mission, export(), NIGHT + timedelta(day))
    changed = [case(n, **({"Country": "Kenya"} if n == 3 else {})) for n in range(30)]
    made.deliver("ALB", export(changed), NIGHT + timedelta(2))
    made.deliver("BLR", export(), NIGHT + timedelta(2))
    return settings_of(made)


def night(settings: Settings, day: int) -> tuple[Build, set[str]]:
    """A night up to its publication: the build, and the names of what dbt made or asked."""
    on, ran = NIGHT + timedelta(day), set()
    for mission in nightly.plan(settings, on).changed:
        nightly.ingest(settings, on, mission)
    nightly.validate(settings, on)
    made = nightly.transform(settings, on, lambda name, at, of: ran.add(name))
    nightly.gates(settings, on)
    nightly.publish(settings, on)
    return made, ran


def whole(settings: Settings, day: int) -> Build:
    """The same night built whole, in a copy of the home."""
    copied = replace(settings, home=settings.home.with_name(f"whole{day}"))
    shutil.copytree(settings.home, copied.home, symlinks=True)
    shutil.rmtree(copied.build)
    shutil.copytree(
        settings.home.with_name(f"published{day}"), copied.warehouse, dirs_exist_ok=True
    )
    return nightly.transform(copied, NIGHT + timedelta(day))


def before(settings: Settings, day: int) -> None:
    """Keep what was published before a night, which its history goes on from."""
    shutil.copytree(settings.warehouse, settings.home.with_name(f"published{day}"))


def same(kept: Build, whole: Build) -> None:
    differing = {n for n in whole.tables if whole.tables[n] != kept.tables.get(n)}
    assert differing == set()
    assert set(kept.failed_tests) == set(whole.failed_tests)
    assert kept.tables.keys() == whole.tables.keys()


def test_the_first_night_makes_everything(settings: Settings) -> None:
    _, ran = night(settings, 0)
    assert {"stg_case", "int_case", "fct_case", "gender", "load", "history_fct_case"} <= ran


def test_a_night_without_changes_makes_what_asks_for_the_night_and_nothing_else(
    settings: Settings,
) -> None:
    before(settings, 1)
    made, ran = night(settings, 1)
    assert {"load", "dim_day", "history_night", "representation_month"} <= ran
    assert not {"stg_case", "int_case", "fct_case", "fct_control", "gender", "question_rate"} & ran
    assert not {"history_fct_case", "history_holds_tonight", "case_change"} & ran
    same(made, whole(settings, 1))


def test_what_a_change_reaches_is_made_again(settings: Settings) -> None:
    before(settings, 2)
    made, ran = night(settings, 2)
    assert {"int_case", "fct_case", "gender", "routes", "children_have_their_case"} <= ran
    same(made, whole(settings, 2))


def test_the_same_night_again_keeps_almost_all(settings: Settings) -> None:
    on, ran = NIGHT + timedelta(2), set[str]()
    made = nightly.transform(settings, on, lambda name, at, of: ran.add(name))
    assert not {"fct_case", "gender", "dim_day"} & ran
    assert made.tables == json.loads(
        (settings.warehouse / "manifest.json").read_text(), object_hook=_tables
    )


def _tables(said: dict[str, object]) -> dict[str, object]:
    found = said.get("tables", said)
    assert isinstance(found, dict)
    return {name: tuple(v) if isinstance(v, list) else v for name, v in found.items()}


def _another_model(settings: Settings) -> None:
    with (settings.dbt_project / "models/analysis/trends.sql").open("a") as file:
        file.write("-- another\n")


def _another_macro(settings: Settings) -> None:
    with (settings.dbt_project / "macros/period.sql").open("a") as file:
        file.write("-- another\n")


def _killed(settings: Settings) -> None:
    """A build that did not come to its end leaves no record."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "_write_results", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            nightly.transform(settings, NIGHT + timedelta(2))


def _lost(settings: Settings) -> None:
    (settings.build / "scratch.duckdb").unlink()


def _of_another(settings: Settings) -> None:
    """A manifest that is not of the build that was recorded."""
    path = settings.build / "manifest.json"
    said = json.loads(path.read_text())
    path.write_text(json.dumps(said | {"build_id": "0123456789abcdef"}))


def _refused(settings: Settings) -> None:
    """A fault in the files that a gate finds must not outlive the night."""
    with Seal.of(settings).opened(settings.build / "warehouse.duckdb", False) as broken:
        broken.execute("update quality.load set rows_blank = rows_blank + 1")
    with pytest.raises(GateFailed):
        nightly.gates(settings, NIGHT + timedelta(2))


@pytest.mark.parametrize(
    "happens",
    [
        _another_macro,
        _killed,
        _refused,
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in (_another_model, _lost, _of_another)
        ),
    ],
)
def test_a_build_is_made_whole_if(settings: Settings, happens: Callable[[Settings], None]) -> None:
    happens(settings)
    ran: set[str] = set()
    nightly.transform(settings, NIGHT + timedelta(2), lambda name, at, of: ran.add(name))
    assert {"stg_case", "fct_case", "gender", "dim_code"} <= ran


def test_cases_that_were_taken_out_are_in_no_page_of_the_next_build(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables are made again where they stood, and the freed pages would keep the old ones: the files must go."""
    from counterflow import purging

    with ExitStack() as stack:
        held = [stack.enter_context((settings.build / name).open("rb")) for name in build.FILES]
        nightly.transform(settings, NIGHT + timedelta(2))
        assert [os.fstat(file.fileno()).st_nlink for file in held] == [1, 1]
        monkeypatch.setattr(purging, "purge", lambda settings: ["a case"])
        nightly.transform(settings, NIGHT + timedelta(2))
        assert [os.fstat(file.fileno()).st_nlink for file in held] == [0, 0]


def test_by_name_each_half_is_what_its_selector_chooses(settings: Settings) -> None:
    from dbt.cli.main import dbtRunner

    with build._ready(settings, NIGHT):
        project = build._parsed(settings)
        halves = build._halves(project, {"none of them"})
        for half, chosen in halves.items():
            listed = [
                dbtRunner(project).invoke(
                    [*build._QUIET, "list", *how, "--exclude-resource-type", "unit_test",
                     "--resource-types", "model", "snapshot", "seed", "test",
                     "--output", "json", "--output-keys", "unique_id", *build._where(settings)]
                ).result
                for how in (chosen, ["--selector", half])
            ]  # fmt: skip
            assert listed[0]
            assert sorted(listed[0]) == sorted(listed[1])


def test_a_landed_file_that_was_written_again_is_another_source(settings: Settings) -> None:
    from counterflow.warehouse.sources import source_hashes

    first = source_hashes(settings)
    link = settings.build / "sources" / "case" / "ALB.parquet"
    file = Path(link.resolve())
    shutil.copy(file, file.with_suffix(".new"))
    file.with_suffix(".new").replace(file)
    now = source_hashes(settings)
    assert {name for name in first if first[name] != now[name]} == {"case"}
