"""Where the time of a night goes, as one picture: seconds by step and size in, an SVG out.

One bar a size, as long as the others, because seconds differ a thousandfold: its parts are shares of the night, its label says how long it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import altair as alt

from counterflow.drawing import Pictures
from counterflow.site.plots import GONE, INK, SERIES, VEGALITE, Figure, plot, sketch

PICTURE = Path("images") / "benchmarks.svg"  # in the folder of the page
# `start` and `end` are one: neither depends on the cases.
GROUPS = {
    "start": "start and end", "ingest": "ingest", "validate": "validate", "transform": "transform (dbt)",
    "gates": "gates", "publish": "publish", "pages": "pages", "end": "start and end",
}  # fmt: skip
ORDER = ("ingest", "validate", "transform (dbt)", "gates", "publish", "pages", "start and end")
COLOURS = (*SERIES, GONE)
_LEAST = 0.06  # a part of so large a share says its share


def draw(nights: Mapping[str, Mapping[str, float]], folder: Path) -> None:
    """Write the picture below a folder. `nights` is cases (a number as text) → step → seconds."""
    sizes = sorted(nights, key=int)
    rows = [row for size in sizes for row in _rows(size, nights[size])]
    figure = Figure("Share of each step in a night", lambda *_: _chart(rows, sizes, nights))
    spec = sketch(figure, cast("Any", None), cast("Any", None))
    assert spec is not None, "there is always a night to draw"
    with Pictures(VEGALITE) as pictures:
        made = plot(figure, spec, pictures.draw(spec).result(), "spent")
    path = folder / PICTURE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_on_white(made.svg) + "\n", "utf-8")


def label(size: str, steps: Mapping[str, float]) -> str:
    """The words beside a bar."""
    seconds = sum(steps.values())
    took = f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
    return f"{int(size):,} cases: {took}"


def _rows(size: str, steps: Mapping[str, float]) -> list[dict[str, Any]]:
    whole, begun, rows = sum(steps.values()), 0.0, []
    for number, name in enumerate(ORDER):
        seconds = sum(took for step, took in steps.items() if GROUPS[step] == name)
        share = seconds / whole
        told = f"{share:.0%}" if share >= _LEAST else ""
        place = {"begins": begun, "ends": begun + share, "middle": begun + share / 2}
        rows.append(
            {"bar": label(size, steps), "step": name, "order": number, "told": told, **place}
        )
        begun += share
    return rows


def _chart(rows: list[dict[str, Any]], sizes: Sequence[str], nights: Mapping[str, Mapping[str, float]]) -> Any:  # fmt: skip
    bars = [label(size, nights[size]) for size in sizes]
    y = alt.Y("bar:N", sort=bars, title=None, axis=alt.Axis(domain=False, ticks=False))
    scale = alt.Scale(domain=list(ORDER), range=list(COLOURS))
    base = alt.Chart(alt.InlineData(values=rows))
    parts = base.mark_bar(height=26).encode(
        y=y,
        x=alt.X("begins:Q", title="share of the night", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1])),
        x2="ends:Q",
        color=alt.Color("step:N", scale=scale, sort=list(ORDER), title=None, legend=alt.Legend(columns=7)),
    )  # fmt: skip
    dark = alt.condition(f"datum.step == '{ORDER[-1]}'", alt.value(INK), alt.value("#ffffff"))
    shares = base.mark_text(fontSize=11).encode(y=y, x="middle:Q", text="told:N", color=dark)
    return (parts + shares).properties(width=520, height=alt.Step(40))


def _on_white(svg: str) -> str:
    """The picture on a sheet of its own: its ink is dark, and pages may be too."""
    head, end, rest = svg.partition(">")
    title = "<title>Share of each step in a night, by its number of cases</title>"
    return (
        f'{head} color="{INK}"{end}{title}<rect width="100%" height="100%" fill="#ffffff"/>{rest}'
    )
