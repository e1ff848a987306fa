"""Routes drawn: on a map, and as a flow from where to where.

In: an answer with `from_country`, `to_country` and a count. Out: charts. Shapes of countries are Natural Earth's (public
domain, world/NOTICE); countries too small for it stand where the tz database (public domain) puts their principal city.
Nothing is fetched.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import altair as alt
from babel.core import get_global

from counterflow.settings import PROJECT
from counterflow.site.answers import Answer
from counterflow.site.plots import GONE, GRID, INK, SERIES, SOFT, Row
from counterflow.site.words import Words, number

SOURCES = (
    "Shapes and places: Natural Earth and the tz database, public domain; boundaries are theirs."
)
COUNTRIES = PROJECT / "dbt_project" / "seeds" / "country.csv"
WORLD = "world"  # the name of the shapes in a specification
_WORLD = Path(__file__).with_name("world") / "countries-110m.json"
_LAND = GRID
_STEPS = 24  # of a flow's curve


def world_map(value: str, most: int = 60) -> Any:
    """Each pair of countries as an arc from the first to the second, as wide as it has cases."""

    def draw(answer: Answer, words: Words) -> Any:
        rows = [r for r in answer.records if r["from_country"] and r["to_country"] and r[value]][
            :most
        ]
        known = [r for r in rows if r["from_country"] in places() and r["to_country"] in places()]
        if not known:
            return None
        largest = max(r[value] for r in known)
        arcs = [
            {
                "type": "Feature",
                "properties": {"width": 0.8 + 6 * r[value] / largest},
                "geometry": {
                    "type": "LineString",
                    "coordinates": [places()[r["from_country"]], places()[r["to_country"]]],
                },
            }
            for r in reversed(known)
        ]
        ends: dict[str, int] = {}
        for r in known:
            ends[r["to_country"]] = ends.get(r["to_country"], 0) + r[value]
        starts = {r["from_country"] for r in known}
        points = [
            {"lon": places()[c][0], "lat": places()[c][1], "kind": kind, "name": words.short(c)}
            for kind, countries in (("from", sorted(starts - set(ends))), ("to", sorted(ends)))
            for c in countries
        ]
        kinds = alt.Color(
            "kind:N", title=None, scale=alt.Scale(domain=["from", "to"], range=list(SERIES[:2]))
        )
        shapes = alt.NamedData(
            WORLD, format=alt.TopoDataFormat(feature="countries", type="topojson")
        )
        return (
            alt.layer(
                alt.Chart(shapes).mark_geoshape(
                    fill=_LAND, stroke=GONE, strokeWidth=0.4, clip=True
                ),
                alt.Chart(alt.InlineData(values=arcs))
                .mark_geoshape(filled=False, stroke=SERIES[1], opacity=0.65)
                .encode(strokeWidth=alt.StrokeWidth("properties.width:Q", scale=None)),
                alt.Chart(alt.InlineData(values=points))
                .mark_circle(size=34, opacity=1)
                .encode(longitude="lon:Q", latitude="lat:Q", color=kinds),
            )
            .project("equalEarth", **_window([places()[c] for c in (*starts, *ends)]))
            .properties(width=_MAP[0], height=_MAP[1])
        )

    return draw


_MAP = (640, 340)


def _window(points: list[list[float]]) -> dict[str, Any]:
    """The whole world, or the part of it that has the routes."""
    west, east = min(p[0] for p in points) - 12, max(p[0] for p in points) + 12
    south, north = max(min(p[1] for p in points) - 8, -58), min(max(p[1] for p in points) + 8, 78)
    if east - west > 240:
        west, east, south, north = -179, 179, -56, 76
    corners = [[west, south], [west, north], [east, north], [east, south], [west, south]]
    return {
        "fit": {
            "type": "Feature",
            "geometry": {"type": "MultiPoint", "coordinates": corners},
            "properties": {},
        }
    }


def flow(value: str, most: int = 20) -> Any:
    """Countries of origin left, of destination right, and between them bands as high as they have cases."""

    def draw(answer: Answer, words: Words) -> Any:
        pairs = [r for r in answer.records if r["from_country"] and r["to_country"] and r[value]][
            :most
        ]
        if not pairs:
            return None
        left, right = _stacked(pairs, "from_country", value), _stacked(pairs, "to_country", value)
        order = list(left)
        bands: list[Row] = []
        for place, pair in enumerate(pairs):
            start, end = left[pair["from_country"]], right[pair["to_country"]]
            for x, share in _curve():
                low = start["next"] + share * (end["next"] - start["next"])
                bands.append(
                    {
                        "pair": place,
                        "x": x,
                        "low": low,
                        "high": low + pair[value],
                        "series": order.index(pair["from_country"]) % len(SERIES),
                    }
                )
            start["next"] += pair[value]
            end["next"] += pair[value]
        ends = [
            {
                "x": x,
                "low": at["low"],
                "high": at["low"] + at["size"],
                "middle": at["low"] + at["size"] / 2,
                "told": f"{words.short(c)}  {number(at['size'])}",
            }
            for x, side in ((0.0, left), (1.0, right))
            for c, at in side.items()
        ]
        along = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, 1], nice=False))
        y = alt.Y("low:Q", axis=None, scale=alt.Scale(reverse=True, zero=False))
        colour = alt.Color(
            "series:N",
            legend=None,
            scale=alt.Scale(domain=list(range(len(SERIES))), range=list(SERIES)),
        )
        ribbons = (
            alt.Chart(alt.InlineData(values=bands))
            .mark_area(opacity=0.45, line=False)
            .encode(x=along, y=y, y2="high:Q", detail="pair:N", color=colour)
        )
        base = alt.Chart(alt.InlineData(values=ends))
        blocks = base.mark_rule(strokeWidth=5, color=SOFT).encode(x=along, y=y, y2="high:Q")
        sides: tuple[tuple[int, Literal["left", "right"], int], ...] = (
            (0, "right", -8),
            (1, "left", 8),
        )
        middle = alt.Y("middle:Q", axis=None, scale=alt.Scale(reverse=True, zero=False))
        texts = [
            base.mark_text(align=align, dx=dx, color=INK, fontSize=12)
            .transform_filter(f"datum.x == {at}")
            .encode(x=along, y=middle, text="told:N")
            for at, align, dx in sides
        ]
        height = max(200, 30 * max(len(left), len(right)))
        return alt.layer(ribbons, blocks, *texts).properties(width=300, height=height)

    return draw


def _stacked(pairs: list[Row], side: str, value: str) -> dict[str, dict[str, float]]:
    """The countries of one side, the largest first: where each begins, how high it is, what is free of it."""
    sizes: dict[str, float] = {}
    for pair in pairs:
        sizes[pair[side]] = sizes.get(pair[side], 0) + pair[value]
    total = sum(sizes.values())
    low, found = 0.0, {}
    for country, size in sorted(sizes.items(), key=lambda one: (-one[1], one[0])):
        found[country] = {"low": low, "size": size, "next": low}
        low += max(size + 0.01 * total, 0.045 * total)  # room for its name
    return found


def _curve() -> Iterator[tuple[float, float]]:
    """Points of a curve that leaves and arrives level."""
    for step in range(_STEPS + 1):
        x = step / _STEPS
        yield x, x * x * (3 - 2 * x)


@lru_cache(maxsize=1)
def world() -> dict[str, Any]:
    """The shapes, as TopoJSON."""
    found: dict[str, Any] = json.loads(_WORLD.read_text("utf-8"))
    return found


@lru_cache(maxsize=1)
def places() -> dict[str, list[float]]:
    """Country (ISO 3166 alpha-3) → longitude and latitude of where it is drawn."""
    with COUNTRIES.open(encoding="utf-8", newline="") as file:
        three = {row["country_code2"]: row["country_code"] for row in csv.DictReader(file)}
    aliases = get_global("territory_aliases")
    found = {three[two]: at for two, at in _principal_cities() if two in three}
    numbers = {"Kosovo": "XK"} | {n: two[0] for n, two in aliases.items() if n.isdigit()}
    for code, at in _middles(world()):
        two = numbers.get(code, "")
        if two in three:
            found[three[two]] = at
    return found


_ZONE = re.compile(
    r"^(\w\w)\t([+-])(\d\d)(\d\d)(?:\d\d)?([+-])(\d\d\d)(\d\d)(?:\d\d)?\t(\S+)", re.M
)
_NOT_THE_FIRST = {"RU": "Europe/Moscow"}  # the list begins in Kaliningrad


def _principal_cities() -> Iterator[tuple[str, list[float]]]:
    spec = find_spec("tzdata")
    assert spec is not None
    assert spec.origin is not None
    text = (Path(spec.origin).parent / "zoneinfo" / "zone.tab").read_text("utf-8")
    seen: set[str] = set()
    for two, south, d, m, west, dd, mm, zone in _ZONE.findall(text):
        if two not in seen and _NOT_THE_FIRST.get(two, zone) == zone:
            seen.add(two)
            latitude = (int(d) + int(m) / 60) * (-1 if south == "-" else 1)
            longitude = (int(dd) + int(mm) / 60) * (-1 if west == "-" else 1)
            yield two, [round(longitude, 2), round(latitude, 2)]


def _middles(topology: dict[str, Any]) -> Iterator[tuple[str, list[float]]]:
    """Of each country the middle of its largest part."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0.0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * sx + tx, y * sy + ty))
        arcs.append(points)

    def ring(indices: list[int]) -> list[tuple[float, float]]:
        return [p for i in indices for p in (arcs[i] if i >= 0 else arcs[~i][::-1])]

    for shape in topology["objects"]["countries"]["geometries"]:
        parts = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
        _, x, y, across = max(_centre(ring(part[0])) for part in parts)
        if across > 300:
            continue  # it lies on both sides of the 180th meridian
        yield str(shape.get("id") or shape["properties"]["name"]), [round(x, 2), round(y, 2)]


def _centre(ring: list[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Area, centre and width of a closed line."""
    across = max(x for x, _ in ring) - min(x for x, _ in ring)
    area = cx = cy = 0.0
    for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
        cross = x0 * y1 - x1 * y0
        area, cx, cy = area + cross, cx + (x0 + x1) * cross, cy + (y0 + y1) * cross
    if not area:
        return 0.0, *ring[0], across
    return abs(area) / 2, cx / (3 * area), cy / (3 * area), across
