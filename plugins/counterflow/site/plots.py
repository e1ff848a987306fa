"""Plots, made with Vega-Altair: answers in, specifications of Vega-Lite out; what was drawn of them (`counterflow.drawing`)
becomes pictures of a page.

Every bar says its share and of how many; what is too few to be a share says so in its place. Colours are told apart by
the colour-blind, and each bar names its group in words. A page's style sheet turns these colours into those of dark mode,
so they stand in one place (`INKS`, and assets/site.css).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from counterflow.site.answers import Answer
from counterflow.site.words import Words, number, percent

SERIES = ("#0072b2", "#d55e00", "#00785a", "#a0417f", "#7d6300", "#56606b")
INK, SOFT, GRID, GONE = "#222222", "#5c5c5c", "#dedede", "#b9b9b9"
INKS = (*SERIES, INK, SOFT, GRID, GONE)
_FONT = "Arial, Liberation Sans, Helvetica, sans-serif"  # one width on all systems, which is what was measured
_WIDTH = 360
_MOST = 40  # rows of a plot; the table has them all
VEGALITE = alt.SCHEMA_VERSION.lstrip("v").rpartition(".")[0]

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture: what it shows in a sentence, its specification, its SVG."""

    title: str
    spec: Row
    svg: str


Draw = Callable[[Answer, Words], "alt.TopLevelMixin | None"]


@dataclass(frozen=True, slots=True)
class Figure:
    """How an answer is drawn, and the sentence under it."""

    title: str
    draw: Draw
    shared: Mapping[str, Callable[[], Any]] = field(default_factory=dict)  # data that a chart names


def sketch(figure: Figure, answer: Answer, words: Words) -> Row | None:
    """The specification of an answer's picture; None if there is nothing to draw."""
    chart = figure.draw(answer, words)
    if chart is None:
        return None
    # Validated by a test, once, and not each night: it costs as much as drawing.
    spec: Row = chart.to_dict(validate=False)
    spec["config"] |= _CONFIG
    if figure.shared:
        spec.setdefault("datasets", {}).update({n: data() for n, data in figure.shared.items()})
    return spec


def plot(figure: Figure, spec: Row, drawn: str, name: str) -> Plot:
    """The picture as it stands in a page, for a reader one image. `name` is the figure's within its site."""
    text = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", drawn[drawn.index("<svg") :])
    # Its ids are its own and begin at one.
    for place, found in enumerate(dict.fromkeys(re.findall(r'\bid="([\w-]+)"', text)), 1):
        text = re.sub(rf'(\bid="|url\(#){found}\b', rf"\g<1>{name}-{place}", text)
    return Plot(figure.title, spec, text)


_CONFIG: Row = alt.Config(
    background="transparent",
    font=_FONT,
    padding={"left": 12, "right": 40, "top": 4, "bottom": 4},
    aria=False,  # the page describes the picture, and has its table
    view=alt.ViewConfig(stroke=None, continuousWidth=300, continuousHeight=300),
    axis=alt.AxisConfig(
        labelColor=INK, titleColor=SOFT, titleFontWeight="normal", domainColor=SOFT, tickColor=SOFT,
        gridColor=GRID, labelFontSize=12, titleFontSize=12, labelLimit=300,
    ),
    legend=alt.LegendConfig(
        labelColor=INK, titleColor=SOFT, titleFontWeight="normal", orient="top", labelFontSize=12,
        labelLimit=300, columns=3,
    ),
    header=alt.HeaderConfig(labelColor=INK, titleColor=SOFT, labelFontSize=12, labelFontWeight="bold"),
    text=alt.MarkConfig(color=INK, fontSize=11),
    bar=alt.BarConfig(color=SERIES[0]),
    line=alt.LineConfig(color=SERIES[0]),
    point=alt.MarkConfig(color=SERIES[0]),
    rule=alt.MarkConfig(color=SOFT),
).to_dict()  # fmt: skip


def _data(rows: Iterable[Row]) -> alt.InlineData:
    return alt.InlineData(values=list(rows))


def _in_order(values: Iterable[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


def _colour(series: Sequence[str], title: str) -> alt.Color:
    scale = alt.Scale(domain=list(series), range=list(SERIES[: len(series)]))
    return alt.Color("series:N", scale=scale, sort=list(series), title=title or None)


def rates(
    item: str,
    by: str = "",
    value: str = "rate",
    of: str = "denominator",
    note: str = "rate_note",
    most: int = _MOST,
    panel: str = "",
) -> Draw:
    """A bar an item, its length a share; `by` parts it into groups, `panel` into plots under one another."""

    def draw(answer: Answer, words: Words) -> Any:
        rows: list[Row] = []
        kept = _in_order(_place(r, item, panel) for r in answer.records)[:most]
        for record in answer.records:
            if _place(record, item, panel) not in kept:
                continue
            share, known = record[value], record[of]
            group = words.short(record[by]) if by else ""
            if share is None:
                told = f"{words.label(record.get(note) or 'too_few')} ({number(known)} known)"
            else:
                told = f"{percent(share)} of {number(known)}"
            row: Row = {
                "item": words.short(record[item]), "share": share or 0.0, "series": group,
                "panel": words.short(record[panel]) if panel else "", "told": f"{told} · {group}" if group else told,
            }  # fmt: skip
            if f"{value}_low" in record:
                row["low"] = record[f"{value}_low"] or row["share"]
                row["high"] = record[f"{value}_high"] or row["share"]
            rows.append(row)
        if not rows:
            return None
        series = _in_order(r["series"] for r in rows)
        panels = _in_order(p for p, _ in kept)
        sized = (v for panel in panels for v in _sized([i for p, i in kept if p == panel]))
        items = _in_order(words.short(v) for v in sized)
        top = max(max(r["share"], r.get("high", 0)) for r in rows)
        x = alt.X(
            "share:Q",
            axis=_share_axis(bool(panel)),
            scale=alt.Scale(domain=[0, min(1.0, max(top * 1.05, 0.02))], nice=False),
        )
        step = alt.Step(22 if len(series) == 1 else 17, **({"for": "offset"} if by else {}))
        base = alt.Chart().encode(y=alt.Y("item:N", sort=items, title=None, axis=_PLAIN), x=x)
        if by:
            base = base.encode(yOffset=alt.YOffset("series:N", sort=series))
        bars = base.mark_bar(height={"band": 0.82})
        if by:
            bars = bars.encode(color=_colour(series, "")) if len(series) <= len(SERIES) else bars
        told = base.mark_text(align="left", dx=5).encode(text="told:N")
        layers = [bars, told]
        if any("low" in r for r in rows):
            whiskers = base.mark_rule(strokeWidth=1.5, color=INK).encode(x="low:Q", x2="high:Q")
            layers = [
                bars,
                whiskers,
                told.encode(x=alt.X("end:Q")).transform_calculate(
                    end="max(datum.share, datum.high)"
                ),
            ]
        return _panels(rows, *layers, step=step)

    return draw


def _panels(rows: Sequence[Row], *layers: Any, width: int = _WIDTH, step: Any = 22) -> Any:
    """Layers over the same rows; one picture under another where the rows name panels."""
    step = step if isinstance(step, alt.Step) else alt.Step(step)
    chart = alt.layer(*layers, data=_data(rows)).properties(width=width, height=step)
    order = _in_order(r.get("panel", "") for r in rows)
    if order == [""]:
        return chart
    row = alt.Row("panel:N", sort=order, title=None, header=_HEADER)
    return chart.facet(row=row).resolve_scale(y="independent")


def _share_axis(panelled: bool = False) -> alt.Axis:
    """Above the bars, where reading begins; below, where headings of panels stand above."""
    return alt.Axis(format="%", tickCount=5, orient="bottom" if panelled else "top", title=None)


_PLAIN = alt.Axis(domain=False, ticks=False, labelPadding=6)
_HEADER = alt.Header(labelAngle=0, labelAlign="left", labelOrient="top", labelAnchor="start")


def _sized(values: Sequence[Any]) -> list[Any]:
    """Bands in the order of their size, if all that is known of them are bands; else as they came."""
    known = [v for v in values if v not in ("unknown", "not_asked")]
    if not known or not all(isinstance(v, str) and re.search(r"\d", v) for v in known):
        return list(values)

    def size(value: Any) -> tuple[int, int]:
        found = re.search(r"\d+", str(value))
        return (int(found[0]) if found else 10**9, 0 if "under" in str(value) else 1)

    return sorted(values, key=size)


def _place(record: Row, item: str, panel: str) -> tuple[Any, Any]:
    return (record[panel] if panel else None, record[item])


def counts(
    item: str,
    value: str = "cases",
    by: str = "",
    most: int = 25,
    panel: str = "",
    title: str = "cases",
) -> Draw:
    """A bar an item, its length a count; with `by` in pieces."""

    def draw(answer: Answer, words: Words) -> Any:
        kept = _in_order(_place(r, item, panel) for r in answer.records if r[value])[:most]
        rows: list[Row] = [
            {
                "item": words.short(r[item]), "count": r[value], "series": words.short(r[by]) if by else "",
                "panel": words.short(r[panel]) if panel else "",
            }
            for r in answer.records
            if _place(r, item, panel) in kept and r[value]
        ]  # fmt: skip
        if not rows:
            return None
        items, series = _in_order(r["item"] for r in rows), _in_order(r["series"] for r in rows)
        y = alt.Y("item:N", sort=items, title=None, axis=_PLAIN)
        side: Any = "bottom" if panel else "top"
        axis = alt.Axis(orient=side, title=title, tickCount=5, format=",d")
        bars = (
            alt.Chart()
            .mark_bar(height={"band": 0.8})
            .encode(y=y, x=alt.X("sum(count):Q", axis=axis))
        )
        if by and len(series) <= len(SERIES):
            bars = bars.encode(color=_colour(series, ""), order=alt.Order("place:Q"))
            bars = bars.transform_calculate(place=f"indexof({json.dumps(series)}, datum.series)")
        text = alt.Text("sum(count):Q", format=",d")
        told = alt.Chart().mark_text(align="left", dx=5).encode(y=y, x="sum(count):Q", text=text)
        return _panels(rows, bars, told)

    return draw


def line(when: str, value: str = "rate", of: str = "denominator", by: str = "") -> Draw:
    """A share over time above, of how many below: a line alone would hide that its years are thin."""

    def draw(answer: Answer, words: Words) -> Any:
        rows: list[Row] = [
            {
                "when": str(r[when]), "share": r[value], "known": r[of], "series": words.short(r[by]) if by else "",
                "told": percent(r[value]) if r[value] is not None else "",
            }
            for r in answer.records
            if r[when] is not None
        ]  # fmt: skip
        if not rows:
            return None
        series = _in_order(r["series"] for r in rows)[: len(SERIES)]
        rows = [r for r in rows if r["series"] in series]
        x = alt.X("when:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True))
        y = alt.Y(
            "share:Q",
            axis=alt.Axis(format="%", tickCount=5),
            scale=alt.Scale(domainMin=0),
            title=None,
        )
        base = alt.Chart(_data(rows)).encode(x=x, y=y)
        drawn = base.mark_line(strokeWidth=2.5, point={"size": 55, "filled": True})
        layers = [drawn]
        if by:
            layers = [
                drawn.encode(
                    color=_colour(series, ""), shape=alt.Shape("series:N", sort=series, title=None)
                )
            ]
        else:
            layers.append(base.mark_text(dy=-12).encode(text="told:N"))
        width = 520
        above = alt.layer(*layers).properties(width=width, height=190)
        below = (
            alt.Chart(_data(rows))
            .mark_bar(color=GONE)
            .encode(
                x=x,
                y=alt.Y(
                    "max(known):Q",
                    title=f"{of.replace('_', ' ')}",
                    axis=alt.Axis(tickCount=2, format=",d"),
                ),
            )
            .properties(width=width, height=60)
        )
        return alt.vconcat(above, below).resolve_scale(x="shared")

    return draw


def years(
    value: str = "cases", share: str = "largest_mission_share", when: str = "registration_year"
) -> Draw:
    """Counts a year above, the share of the largest mission below: where that jumps, the count is one mission's."""

    def draw(answer: Answer, words: Words) -> Any:
        rows: list[Row] = [
            {"when": str(r[when]), "count": r[value], "share": r[share]} for r in answer.records
        ]
        if not rows:
            return None
        x = alt.X("when:O", title=None, axis=alt.Axis(labelAngle=0, labelOverlap=True))
        above = (
            alt.Chart(_data(rows))
            .mark_bar()
            .encode(x=x, y=alt.Y("count:Q", title=value, axis=alt.Axis(format=",d", tickCount=5)))
        )
        below = (
            alt.Chart(_data(rows))
            .mark_line(point=True, color=SERIES[1])
            .encode(
                x=x,
                y=alt.Y(
                    "share:Q",
                    title="largest mission",
                    axis=alt.Axis(format="%", tickCount=2),
                    scale=alt.Scale(domain=[0, 1]),
                ),
            )
        )
        return alt.vconcat(
            above.properties(width=520, height=180), below.properties(width=520, height=60)
        ).resolve_scale(color="independent")

    return draw


def pieces(item: str, values: Sequence[str], most: int = _MOST, title: str = "cases") -> Draw:
    """A bar an item, in pieces: each of `values` is a column of counts."""

    def draw(answer: Answer, words: Words) -> Any:
        names = [words.label(v) for v in values]
        rows: list[Row] = [
            {"item": words.short(r[item]), "series": name, "count": int(r[v] or 0), "place": place}
            for r in answer.records[:most]
            for place, (v, name) in enumerate(zip(values, names, strict=True))
        ]
        if not rows:
            return None
        colours = list(SERIES[: len(values)])
        if names[-1] == words.label("unknown"):
            colours[-1] = GONE
        colour = alt.Color(
            "series:N", scale=alt.Scale(domain=names, range=colours), sort=names, title=None
        )
        y = alt.Y("item:N", sort=_in_order(r["item"] for r in rows), title=None, axis=_PLAIN)
        x = alt.X("count:Q", axis=alt.Axis(orient="top", title=title, tickCount=5, format=",d"))
        return (
            alt.Chart(_data(rows))
            .mark_bar(height={"band": 0.8})
            .encode(y=y, x=x, color=colour, order="place:Q")
            .properties(width=_WIDTH + 80, height=alt.Step(22))
        )

    return draw


def references(measure: str = "measure", when: str = "period") -> Draw:
    """Our share with its interval, and what others publish beside it."""

    def draw(answer: Answer, words: Words) -> Any:
        rows: list[Row] = []
        for r in answer.records:
            if r["share"] is None or r["reference_share"] is None:
                continue
            item = f"{r[when]} · {words.short(r['reference'])} · of {number(r['denominator'])}"
            rows.append({
                "panel": words.label(r[measure]), "item": item, "share": r["share"], "low": r["share_low"],
                "high": r["share_high"], "reference": r["reference_share"],
            })  # fmt: skip
        if not rows:
            return None
        names = ["here, with its 95 % interval", "published reference"]
        axis = _share_axis(panelled=True)
        base = alt.Chart().encode(
            y=alt.Y("item:N", title=None, axis=_PLAIN, sort=_in_order(r["item"] for r in rows))
        )
        scale = alt.Scale(domain=[0, 1])
        whisker = base.mark_rule(strokeWidth=2, color=SERIES[0]).encode(
            x=alt.X("low:Q", axis=axis, scale=scale), x2="high:Q"
        )
        colour = alt.Color(
            "series:N", title=None, scale=alt.Scale(domain=names, range=list(SERIES[:2]))
        )
        ours = (
            base.mark_point(filled=True, size=70, opacity=1)
            .encode(x=alt.X("share:Q", axis=axis, scale=scale), color=colour)
            .transform_calculate(series=json.dumps(names[0]))
        )
        theirs = (
            base.mark_point(shape="diamond", filled=True, size=80, opacity=1)
            .encode(x=alt.X("reference:Q", axis=axis, scale=scale), color=colour)
            .transform_calculate(series=json.dumps(names[1]))
        )
        return _panels(rows, whisker, ours, theirs)

    return draw


def intervals(
    item: str, share: str = "share", of: str = "denominator", threshold: str = ""
) -> Draw:
    """A share an item with its interval, and where there is one the threshold that it is held against."""

    def draw(answer: Answer, words: Words) -> Any:
        rows: list[Row] = []
        for r in answer.records:
            if r[share] is None:
                continue
            row: Row = {
                "item": words.label(r[item]), "share": r[share], "low": r[f"{share}_low"], "high": r[f"{share}_high"],
                "told": f"{percent(r[share])} of {number(r[of])}",
            }  # fmt: skip
            rows.append(row | ({"threshold": r[threshold]} if threshold else {}))
        if not rows:
            return None
        axis = _share_axis()
        y = alt.Y("item:N", title=None, axis=_PLAIN, sort=[r["item"] for r in rows])
        base = alt.Chart(_data(rows)).encode(y=y)
        scale = alt.Scale(domain=[0, 1])
        layers = [
            base.mark_rule(strokeWidth=2, color=SERIES[0]).encode(
                x=alt.X("low:Q", axis=axis, scale=scale), x2="high:Q"
            ),
            base.mark_point(filled=True, size=70, opacity=1, color=SERIES[0]).encode(
                x=alt.X("share:Q", axis=axis, scale=scale)
            ),
            base.mark_text(align="left", dx=8).encode(
                x=alt.X("high:Q", axis=axis, scale=scale), text="told:N"
            ),
        ]
        if threshold:
            layers.append(
                base.mark_tick(thickness=3, height=16, color=SERIES[1]).encode(
                    x=alt.X("threshold:Q", axis=axis, scale=scale)
                )
            )
        return alt.layer(*layers).properties(width=_WIDTH, height=alt.Step(26))

    return draw


def gaps(item: Sequence[str], one: str, other: str, most: int = 25) -> Draw:
    """Two shares an item with a line between: the widest first."""

    def draw(answer: Answer, words: Words) -> Any:
        both = [r for r in answer.records if r[one] is not None and r[other] is not None]
        both.sort(key=lambda r: (-abs(r[one] - r[other]), *(str(r[i]) for i in item)))
        rows: list[Row] = []
        for r in both[:most]:
            name = ": ".join(words.short(r[i]) for i in item if r[i] not in ("", "yes", None))
            known = f"of {number(r[f'{one}_known'])} and {number(r[f'{other}_known'])}"
            rows.append({"item": name[:70], one: r[one], other: r[other], "told": known})
        if not rows:
            return None
        y = alt.Y("item:N", title=None, axis=_PLAIN, sort=[r["item"] for r in rows])
        axis = _share_axis()
        base = alt.Chart(_data(rows)).encode(y=y)
        colour = alt.Color(
            "series:N", title=None, scale=alt.Scale(domain=[one, other], range=list(SERIES[:2]))
        )
        scale = alt.Scale(domain=[0, 1])
        points = [
            base.mark_point(filled=True, size=80, opacity=1, shape=shape)
            .encode(x=alt.X(f"{name}:Q", axis=axis, scale=scale), color=colour)
            .transform_calculate(series=json.dumps(name))
            for name, shape in ((one, "circle"), (other, "diamond"))
        ]
        rule = base.mark_rule(strokeWidth=2, color=GONE).encode(
            x=alt.X(f"{one}:Q", axis=axis, scale=scale), x2=f"{other}:Q"
        )
        told = (
            base.mark_text(align="left", dx=9)
            .transform_calculate(end=f"max(datum['{one}'], datum['{other}'])")
            .encode(x=alt.X("end:Q", axis=axis, scale=scale), text="told:N")
        )
        return alt.layer(rule, *points, told).properties(width=_WIDTH - 60, height=alt.Step(22))

    return draw


def changes(measure: str = "measure", when: str = "period") -> Draw:
    """The change of a share in its two parts: within missions, and of which missions report."""

    def draw(answer: Answer, words: Words) -> Any:
        parts = {"within_missions": "within missions", "mix_of_missions": "other missions report"}
        rows: list[Row] = [
            {
                "panel": words.label(r[measure]),
                "item": f"{r[when]} · of {number(r['previous_denominator'])} and {number(r['denominator'])}",
                "series": name,
                "count": r[part],
            }
            for r in answer.records
            for part, name in parts.items()
            if r[part] is not None
        ]
        if not rows:
            return None
        names = list(parts.values())
        bars = (
            alt.Chart()
            .mark_bar(height={"band": 0.8})
            .encode(
                y=alt.Y("item:N", title=None, axis=_PLAIN, sort=_in_order(r["item"] for r in rows)),
                x=alt.X("count:Q", title=None, axis=alt.Axis(format="+%", tickCount=5)),
                color=alt.Color(
                    "series:N",
                    title=None,
                    sort=names,
                    scale=alt.Scale(domain=names, range=list(SERIES[:2])),
                ),
            )
        )
        return _panels(rows, bars)

    return draw
