"""Two releases of 3,000 cases under the committed policy, three nights apart, as an outsider holds them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import frictionless
import pandas as pd
import pytest
from pycanon import anonymity

from counterflow.release import building, deciding, folder, recall, verification
from counterflow.release.gates import rows_of
from tests.release.world import NIGHT, installation, key, publish

FIRST = list(range(3_000))
LATER = [n for n in FIRST if n % 500 != 7] + list(range(3_000, 3_040))  # 6 left, 40 came


@pytest.mark.slow
def test_two_releases_of_three_thousand(tmp_path: Path) -> None:
    settings = installation(tmp_path)
    held = []
    for nights, cases in ((0, FIRST), (3, LATER)):
        publish(settings, cases, NIGHT + timedelta(days=nights))
        made = building.build(settings)
        assert all(gate.passed for gate in made.gates)
        deciding.approve(settings, made.number, made.digest, "desk")
        where = settings.releases / made.number
        held.append(folder.read(where))
        assert frictionless.validate(str(where / "datapackage.json")).valid
        frame = pd.read_csv(where / "data/microdata.csv", dtype=str, keep_default_na=False)
        assert anonymity.k_anonymity(frame, list(frame.columns)) >= 11
        assert len(frame) > 0.9 * len(cases)
    then, now = (rows_of(one.microdata) for one in held)
    assert all(abs(now[p] - then[p]) >= 11 for p in then.keys() | now.keys() if now[p] != then[p])
    changed = 0
    for name in held[0].about.policy.tables:
        said = [dict(zip(zip(*(one.table(name)[c].to_pylist() for c in one.table(name).column_names[:-1]), strict=True), one.table(name)["cases"].to_pylist(), strict=True)) for one in held]  # fmt: skip
        changed += sum(
            said[0].get(cell) != said[1].get(cell) for cell in said[0].keys() | said[1].keys()
        )
    assert changed > 0  # 46 moved: the large cells say so
    recall.forget(settings, "MDA", {key(1)}, NIGHT + timedelta(days=4))
    for number in ("001", "002"):
        assert all(result.passed for result in verification.verify(settings, number))
