"""Plots: valid specifications, denominators in the picture, hostile labels as text, colours that dark mode knows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import altair as alt
import pytest

from counterflow.drawing import Pictures
from counterflow.site import plots, routes
from counterflow.site.answers import Answer
from counterflow.site.plots import Draw, Figure
from counterflow.site.words import Words
from tests.site.world import EVIL

WORDS = Words({"MDA": "Moldova", "RUS": "Russia", "evil": EVIL, "too_few": "too few"}, {})
INTERVAL = {"share": 0.4, "share_low": 0.3, "share_high": 0.5, "denominator": 50}


def answer(*records: dict[str, Any]) -> Answer:
    return Answer("", tuple(records[0]), tuple(tuple(r.values()) for r in records), ())


RATES = answer(
    {"item": "evil", "by": "a", "panel": "p", "rate": 0.25, "denominator": 4000, "rate_note": None, "rate_low": 0.2, "rate_high": 0.3, "when": 2009},
    {"item": "b", "by": "c", "panel": "q", "rate": None, "denominator": 7, "rate_note": "too_few", "rate_low": None, "rate_high": None, "when": 2010},
)  # fmt: skip
ROUTES = answer(
    {"from_country": "MDA", "to_country": "RUS", "cases": 12},
    {"from_country": "UKR", "to_country": "RUS", "cases": 3},
)
EVERY: dict[str, tuple[Draw, Answer]] = {
    "rates": (plots.rates("item"), RATES),
    "rates in groups": (plots.rates("item", by="by"), RATES),
    "rates in panels": (plots.rates("item", panel="panel"), RATES),
    "line": (plots.line("when"), RATES),
    "counts": (plots.counts("item", by="by"), answer({"item": "evil", "by": "x", "cases": 5})),
    "counts in panels": (plots.counts("item", panel="by"), answer({"item": "evil", "by": "x", "cases": 5})),
    "years": (plots.years(), answer({"registration_year": 2009, "cases": 5, "largest_mission_share": 0.4})),
    "pieces": (plots.pieces("item", ["yes", "unknown"]), answer({"item": "evil", "yes": 5, "unknown": 4})),
    "references": (plots.references(), answer({"measure": "evil", "period": "2009", "reference": "r", "reference_share": 0.5, **INTERVAL})),
    "intervals": (plots.intervals("item", threshold="t"), answer({"item": "evil", "t": 0.05, **INTERVAL})),
    "gaps": (plots.gaps(("item",), "women", "men"), answer({"item": "evil", "women": 0.4, "men": 0.1, "women_known": 30, "men_known": 40})),
    "changes": (plots.changes(), answer({"measure": "evil", "period": "p", "previous_denominator": 90, "denominator": 70, "within_missions": 0.1, "mix_of_missions": -0.05})),
    "map": (routes.world_map("cases"), ROUTES),
    "flow": (routes.flow("cases"), ROUTES),
}  # fmt: skip


def drawn(name: str) -> plots.Plot:
    draw, said = EVERY[name]
    shared = {routes.WORLD: routes.world} if name == "map" else {}
    return plot(Figure("x", draw, shared), said)


def plot(figure: Figure, said: Answer) -> plots.Plot:
    spec = plots.sketch(figure, said, WORDS)
    assert spec is not None
    with Pictures(plots.VEGALITE) as pictures:
        return plots.plot(figure, spec, pictures.draw(spec).result(), "q1-0")


@pytest.mark.parametrize("name", EVERY)
def test_each_kind_is_valid_and_is_text_and_shapes_only(name: str) -> None:
    made = drawn(name)
    shown = {k: v for k, v in made.spec.items() if k != "datasets"}
    alt.Chart.from_dict(shown, validate=True)
    assert made.svg.startswith("<svg")
    tags = set(re.findall(r"<(\w+)", made.svg))
    assert tags <= {
        "svg",
        "g",
        "path",
        "text",
        "rect",
        "defs",
        "clipPath",
        "line",
        "tspan",
        "title",
    }
    assert " style=" not in made.svg, "the pages allow no style of their own"
    assert "href" not in made.svg
    assert "alert(1)" not in made.svg or "&lt;script" in made.svg
    ids = re.findall(r'\bid="([^"]+)"', made.svg)
    assert all(one.startswith("q1-0-") for one in ids)
    assert set(re.findall(r"url\(#([^)]+)\)", made.svg)) <= set(ids)


def test_a_share_says_of_how_many_and_what_is_too_few_says_so() -> None:
    svg = drawn("rates").svg
    assert "25 % of 4,000" in svg
    assert "too few (7 known)" in svg
    assert "a" in drawn("rates in groups").svg
    assert "25 % of 4,000 · a" in drawn("rates in groups").svg


def test_what_was_never_asked_says_so_in_its_place() -> None:
    said = answer({"item": "b", "rate": None, "denominator": 0, "rate_note": "not_asked"})
    assert "not asked (0 known)" in plot(Figure("x", plots.rates("item")), said).svg


def test_nothing_to_draw_is_no_plot() -> None:
    empty = Answer(
        "", ("item", "rate", "denominator", "from_country", "to_country", "cases"), (), ()
    )
    for draw in (
        plots.rates("item"),
        plots.counts("item"),
        routes.flow("cases"),
        routes.world_map("cases"),
    ):
        assert plots.sketch(Figure("x", draw), empty, WORDS) is None


def test_a_plot_drawn_twice_is_the_same() -> None:
    assert drawn("map").svg == drawn("map").svg


def test_a_map_has_its_arcs_its_ends_and_the_world() -> None:
    svg = drawn("map").svg
    arcs = re.findall(rf'stroke="{plots.SERIES[1]}"[^>]*stroke-width="([^"]+)"', svg)
    assert sorted(float(width) for width in arcs) == [2.3, 6.8], "as wide as they have cases"
    assert svg.count(f'fill="{plots.GRID}"') > 150
    points = [
        row
        for rows in drawn("map").spec["datasets"].values()
        if isinstance(rows, list)
        for row in rows
        if "kind" in row
    ]
    assert {(p["name"], p["kind"]) for p in points} == {
        ("Moldova", "from"),
        ("UKR", "from"),
        ("Russia", "to"),
    }


def test_a_flow_is_as_high_as_it_has_cases() -> None:
    spec = drawn("flow").spec
    bands = next(rows for rows in spec["datasets"].values() if "pair" in rows[0])
    heights = {(b["pair"], b["high"] - b["low"]) for b in bands}
    assert {(pair, round(height)) for pair, height in heights} == {(0, 12), (1, 3)}
    assert "Russia  15" in drawn("flow").svg


def test_bands_stand_in_the_order_of_their_size() -> None:
    assert plots._sized(["18-20", "48+", "9-17", "0-8"]) == ["0-8", "9-17", "18-20", "48+"]
    months = ["12_to_23_months", "3_to_11_months", "under_3_months", "unknown"]
    assert plots._sized(months) == [
        "under_3_months",
        "3_to_11_months",
        "12_to_23_months",
        "unknown",
    ]
    assert plots._sized(["b", "a"]) == ["b", "a"]


def test_dark_mode_knows_every_colour_of_a_plot() -> None:
    sheet = (Path(plots.__file__).with_name("assets") / "site.css").read_text("utf-8")
    for ink in plots.INKS:
        assert f'[fill="{ink}"]' in sheet, ink
        assert f'[stroke="{ink}"]' in sheet, ink
    for name in EVERY:
        inks = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]{3,6})"', drawn(name).svg))
        assert inks <= set(plots.INKS), name


def test_every_country_with_a_shape_or_a_zone_has_a_place() -> None:
    places = routes.places()
    assert {"MDA", "UKR", "RUS", "XKX", "SGP", "MLT", "BHR", "ARE", "LAO", "FRA"} <= places.keys()
    for country, (longitude, latitude) in places.items():
        assert -180 <= longitude <= 180, country
        assert -90 <= latitude <= 84, country
    near = {"RUS": (37.6, 55.8), "FRA": (2.5, 46.5), "MDA": (28.4, 47.2), "SGP": (103.9, 1.3)}
    for country, (longitude, latitude) in near.items():
        assert abs(places[country][0] - longitude) < 1.5, country
        assert abs(places[country][1] - latitude) < 1.5, country
