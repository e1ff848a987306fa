"""The plots of a release's report, as SVG that stands in the page: nothing is fetched, and nothing names a date.

In: losses and moves counted from the release. Out: SVG text, the same for the same release.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import pyarrow as pa
from matplotlib.figure import Figure

from counterflow.release.formats import COUNT
from counterflow.release.losses import Loss, Moved

_SHOWN, _COARSER, _GONE = (
    "#1f5a7a",
    "#7fb2cc",
    "#d9d9d9",
)  # told apart in grey and by the colour-blind
_OTHER = "#c2571a"
_INK = "#222222"
_STYLE: Any = {
    "svg.hashsalt": "counterflow",
    "svg.fonttype": "path",  # the reader's machine need not have our fonts
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#888888",
    "text.color": _INK,
    "axes.labelcolor": _INK,
}


def _svg(figure: Figure) -> str:
    target = io.StringIO()
    figure.savefig(
        target, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight"
    )
    text = target.getvalue()
    return text[text.index("<svg") :]


def lost(found: Sequence[Loss], titles: Sequence[str]) -> str:
    """A bar a column: how many of its cells show the value, only a coarser one, nothing."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 0.5 + 0.27 * len(found)))
        axes = figure.subplots()
        places = list(range(len(found)))
        left = [0.0] * len(found)
        for name, colour, label in (
            ("exact", _SHOWN, "the value itself"),
            ("coarser", _COARSER, "only coarser"),
            ("suppressed", _GONE, "suppressed"),
        ):
            widths = [100 * getattr(one, name) for one in found]
            axes.barh(places, widths, left=left, color=colour, label=label, height=0.72)
            left = [a + b for a, b in zip(left, widths, strict=True)]
        for place, one in enumerate(found):
            axes.text(101, place, f"{100 * one.suppressed:.0f} %", va="center", fontsize=8)
        axes.set_yticks(places, titles)
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_xlabel("share of the cells, %  (right: suppressed)")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
        return _svg(figure)


def marginals(found: Sequence[Moved], columns: Sequence[tuple[str, str]], most: int = 9) -> str:
    """A panel a column: each value's share among all cases, and among the rows that show one."""
    with mpl.rc_context(_STYLE):
        rows = (len(columns) + 1) // 2
        figure = Figure(figsize=(8.4, 2.9 * rows))
        every = figure.subplots(rows, 2, squeeze=False).flatten()
        for axes, (column, title) in zip(every, columns, strict=False):
            values = sorted((m for m in found if m.column == column), key=lambda m: -m.before)[
                :most
            ]
            if column.endswith(("year", "band")):
                values = sorted(values, key=lambda m: m.value.rjust(6))
            for place, one in enumerate(values):
                axes.plot(
                    [100 * one.before, 100 * one.after], [place, place], color="#bbbbbb", zorder=1
                )
            places = range(len(values))
            axes.scatter(
                [100 * m.before for m in values],
                places,
                color=_SHOWN,
                s=26,
                label="all cases (protected counts)",
                zorder=2,
            )
            axes.scatter(
                [100 * m.after for m in values],
                places,
                color=_OTHER,
                marker="D",
                s=20,
                label="rows that show it",
                zorder=3,
            )
            axes.set_yticks(list(places), [m.value.replace("_", " ")[:28] for m in values])
            axes.invert_yaxis()
            axes.set_ylim(len(values) - 0.4, -0.6)
            axes.set_xlim(left=0)
            axes.set_title(title, loc="left", fontsize=9.5)
            axes.set_xlabel("share, %")
        for axes in every[len(columns) :]:
            axes.set_visible(False)
        handles, labels = every[0].get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False
        )
        figure.tight_layout()
        return _svg(figure)


def trend(table: pa.Table) -> str:
    """Cases by year of registration: women and girls, men and boys, all."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 2.8))
        axes = figure.subplots()
        rows = list(
            zip(
                *(table[c].to_pylist() for c in ("registration_year", "gender", "is_minor", COUNT)),
                strict=True,
            )
        )
        years = sorted({r[0] for r in rows if r[0].isdigit()})
        for gender, label, colour, marker in (
            ("all", "all", "#555555", "o"),
            ("feminine", "women and girls", _OTHER, "D"),
            ("masculine", "men and boys", _SHOWN, "s"),
        ):
            counts = {r[0]: r[3] for r in rows if r[1] == gender and r[2] == "all"}
            axes.plot(
                [int(y) for y in years],
                [counts.get(y, float("nan")) for y in years],
                marker=marker, markersize=4, color=colour, label=label,
            )  # fmt: skip
        axes.set_xticks([int(y) for y in years])
        axes.set_ylim(bottom=0)
        axes.set_ylabel("cases")
        axes.set_xlabel("year of registration; a gap: too few cases to be shown")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
        return _svg(figure)


def means(table: pa.Table, most: int = 12) -> str:
    """The four answers on each means of control: why a share needs its denominator."""
    colours = {"yes": _OTHER, "no": _SHOWN, "unknown": _GONE}
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(8, 4))
        axes = figure.subplots()
        counts: dict[str, dict[str, int]] = {}
        for gender, item, answer, count in zip(
            *(table[c].to_pylist() for c in ("gender", "means_of_control", "answer", COUNT)),
            strict=True,
        ):
            if gender == "all" and item != "all" and answer in colours:
                counts.setdefault(item, {})[answer] = count
        items = sorted(counts, key=lambda i: -counts[i].get("yes", 0))[:most]
        left = [0.0] * len(items)
        for answer, colour in colours.items():
            widths = [float(counts[i].get(answer, 0)) for i in items]
            axes.barh(range(len(items)), widths, left=left, color=colour, label=answer, height=0.72)
            left = [a + b for a, b in zip(left, widths, strict=True)]
        axes.set_yticks(range(len(items)), [i.replace("_", " ") for i in items])
        axes.invert_yaxis()
        axes.set_xlabel("cases whose form has the item")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)
        return _svg(figure)
