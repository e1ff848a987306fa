"""A release for people: `README.md`, and `report.html`, one file that needs nothing but itself.

In: an `About` and the tables. Out: what is in the release, what was lost, how shares moved, what may be
concluded and what may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import pyarrow as pa

from counterflow.release import plots
from counterflow.release.about import About
from counterflow.release.contents import OWN_CODES, SUPPRESSED
from counterflow.release.describe import MICRODATA, title_of
from counterflow.release.losses import distance, losses, moved

_CONCLUDE = (
    ("How persons whom the missions assisted were exploited, controlled and helped, in the shares that the tables give.", "How many victims there are, in a country or in the world."),
    ("Differences between groups of assisted persons that are large beside the noise of a count (a few cases).", "That a group without rows, or a cell that is not in a table, has no victims."),
    ("Relations between columns of the microdata among the rows that show both.", "The true size of a rare group: the rarest persons lose most of their cells."),
    ("A change over years, if one mission or one new form does not explain it.", "What happened from one release to the next: small changes are kept back on purpose."),
    ("A rate of yes among yes and no, where forms store a no.", "A rate of yes among all rows: unknown, not_asked and suppressed are not no."),
)  # fmt: skip
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
table { border-collapse: collapse; margin: .8rem 0; font-size: .92rem; }
th, td { text-align: left; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1rem 0; } figure svg { max-width: 100%; height: auto; } figcaption { color: #555; font-size: .9rem; }
code { background: #f3f3f3; padding: 0 .2rem; } .wide { overflow-x: auto; }
.caveats { border-left: 4px solid #c2571a; padding: .1rem 1rem; background: #fdf6f1; }
@media (max-width: 40rem) { body { font-size: 15px; } }
"""


def _facts(about: About, tables: Mapping[str, pa.Table]) -> list[tuple[str, str]]:
    policy = about.policy
    return [
        ("Release", f"{about.number}, revision {len(about.revisions)}"),
        ("As of the night of", str(about.night)),
        (
            "Microdata",
            f"{tables[MICRODATA].num_rows:,} rows; the warehouse had {about.cases:,} accepted cases, rounded down",
        ),
        (
            "Tables",
            f"{len(tables) - 1}, of {sum(t.num_rows for n, t in tables.items() if n != MICRODATA):,} cells",
        ),
        ("Alike in every column", f"at least {policy.k} rows"),
        (
            "Values of a sensitive column among rows alike in the others",
            f"at least {policy.l}, or none is shown",
        ),
        (
            "Cases behind a count",
            f"at least {policy.minimum_cell}; counts are protected ({policy.method.replace('_', ' ')})",
        ),
        ("Licence", about.policy.licence["title"]),
    ]


def write_readme(folder: Path, about: About, tables: Mapping[str, pa.Table]) -> None:
    """The first thing to read."""
    lines = [f"# {about.title}", ""]
    lines += [f"- {name}: {text}." for name, text in _facts(about, tables)]
    lines += [
        "",
        "Read `report.html` for what was lost, and what may and may not be concluded.",
        "",
        "## Before you use it",
        "",
    ]
    lines += [f"- {caveat}" for caveat in about.caveats]
    lines += ["", "## Files", "", "| file | what it is |", "|---|---|"]
    lines += [
        f"| `data/{name}.csv`, `.parquet`, `.dta` | {title_of(about, name)} ({table.num_rows:,} rows) |"
        for name, table in tables.items()
    ]
    lines += [
        "| `hxl/*.csv` | the same with a row of HXL tags |",
        "| `codes.csv` | what each value means |",
        "| `datapackage.json` | every file and column, for programs (Frictionless Data Package) |",
        "| `croissant.json` | the same for what loads data sets by itself (MLCommons Croissant) |",
        "| `ddi.xml` | codebook (DDI Codebook 2.5) |",
        "| `report.html` | for people |",
        "| `SHA256SUMS` | hashes of all files: `sha256sum --check SHA256SUMS` |",
        "",
        "## Values that look alike and are not",
        "",
        "| value | meaning |",
        "|---|---|",
        "| `unknown` | Asked, and not answered or not known. |",
        "| `not_asked` | The form of that mission and time had no such question. |",
        f"| `{SUPPRESSED}` | {OWN_CODES[SUPPRESSED]} |",
        "| `not_stated` | A country that is not known, was not asked, or of which only a proxy is recorded. |",
        "| `all` | In a table: over all values of the column. |",
        "",
        "No cell is empty.",
    ]
    lines += _revisions(about)
    (folder / "README.md").write_text("\n".join(lines) + "\n", "utf-8")


def _revisions(about: About) -> list[str]:
    if not about.revisions:
        return []
    return [
        "",
        "## Revisions",
        "",
        "A case whose consent ends is taken out, together with rows that look like it, so that nobody can see whose it was.",
        "",
        *(
            f"- Revision {r['revision']} ({r['night']}): {r['rows_removed']} rows were taken out."
            for r in about.revisions
        ),
    ]


def write_report(folder: Path, about: About, tables: Mapping[str, pa.Table]) -> None:
    """The page with plots."""
    policy, micro = about.policy, tables[MICRODATA]
    found, moves = losses(micro, policy), moved(tables, policy)
    titles = [about.describe(one.column).title for one in found]
    panels = [
        (name, about.describe(name).title)
        for name in ("registration_year", "gender", "age_band", "citizenship", "exploitation_country", "is_sexual_exploitation")
        if name in policy.columns and any(m.column == name for m in moves)
    ]  # fmt: skip
    parts = [f"<h1>{escape(about.title)}</h1>"]
    parts.append(_table(("", ""), _facts(about, tables)))
    parts.append(
        "<h2>Before you use it</h2><div class=caveats><ul>"
        + "".join(f"<li>{escape(c)}</li>" for c in about.caveats)
        + "</ul></div>"
    )
    parts.append(
        "<h2>What may be concluded, and what may not</h2>"
        + _table(("It can show", "It cannot show"), _CONCLUDE)
    )
    parts.append("<h2>What was lost</h2>")
    parts.append(
        f"<p>{sum(1 - one.suppressed for one in found) / len(found):.0%} of all cells of the microdata show something. A column with coarser levels (a country, its "
        "sub-region, its region) shows the finest that was safe.</p>"
    )
    if micro.num_rows:
        parts.append(
            _figure(plots.lost(found, titles), "What each column of the microdata still shows.")
        )
    parts.append(
        _table(
            ("column", "the value itself", "only coarser", "suppressed", "shares moved by"),
            [
                (
                    one.column,
                    f"{one.exact:.1%}",
                    f"{one.coarser:.1%}",
                    f"{one.suppressed:.1%}",
                    f"{distance(moves, one.column):.1%}",
                )
                for one in found
            ],
            numbers=True,
        )
    )
    parts.append(
        "<p><em>Shares moved by</em>: half the sum of all differences between a value's share among all cases (protected counts) and among "
        "the rows that show the column. 0 % is alike, 100 % has nothing in common.</p>"
    )
    if panels:
        parts.append("<h2>How shares moved</h2>")
        parts.append(
            _figure(
                plots.marginals(moves, panels),
                "The largest values of six columns. Where the two marks lie apart, use the tables and not the microdata.",
            )
        )
    if "trends" in tables and tables["trends"].num_rows:
        parts.append("<h2>Cases by year</h2>")
        parts.append(
            _figure(
                plots.trend(tables["trends"]),
                "Registered cases, protected counts. A rise may be a bulk load or a new form, and is no prevalence.",
            )
        )
    if "means_of_control_gender" in tables and tables["means_of_control_gender"].num_rows:
        parts.append("<h2>Means of control: four answers</h2>")
        parts.append(
            _figure(
                plots.means(tables["means_of_control_gender"]),
                "Grey is unknown. Many forms store a yes and never a no: a share needs yes and no as its denominator. Forms without the item are not in the bar.",
            )
        )
    parts.append("<h2>What is in it</h2>")
    parts.append(
        _table(
            ("file", "what it is", "rows"),
            [(f"data/{n}.*", title_of(about, n), f"{t.num_rows:,}") for n, t in tables.items()],
            numbers=True,
            text=2,
        )
    )
    parts.append("<h2>Columns of the microdata</h2>")
    parts.append(
        _table(
            ("column", "title", "meaning"),
            [(c, about.describe(c).title, about.describe(c).meaning) for c in micro.column_names],
        )
    )
    parts.append("<h2>How it was protected</h2>" + _method(about))
    if about.revisions:
        parts.append(
            "<h2>Revisions</h2><ul>"
            + "".join(
                f"<li>{escape(line[2:])}</li>"
                for line in _revisions(about)
                if line.startswith("- ")
            )
            + "</ul>"
        )
    page = (
        f"<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(about.title)}</title><style>{_STYLE}</style></head><body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
    (folder / "report.html").write_text(page, "utf-8")


def _method(about: About) -> str:
    policy = about.policy
    return (
        f"<p>Microdata: values are made coarser or suppressed, cell by cell, until at least {policy.k} rows are alike in every column; the weights "
        f"of the policy say what is kept first. A sensitive column is suppressed wherever all who are alike in the other columns would share "
        f"its value. Persons who look alike stay together: in every later release they are shown alike, or not at all.</p>"
        f"<p>Tables: no count of fewer than {policy.minimum_cell} cases, and noise or rounding on all others. A count changes from one "
        f"release to the next only when at least {policy.k} persons came or went.</p>"
        f"<p>Made by Counterflow {escape(about.version)} under the policy {policy.digest[:16]}.</p>"
    )


def _figure(svg: str, caption: str) -> str:
    return f"<figure role=img aria-label='{escape(caption, quote=True)}'>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _table(
    head: Sequence[str], rows: Sequence[Sequence[str]], numbers: bool = False, text: int = 1
) -> str:
    def cells(row: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=n' if numbers and i >= text else ''}>{escape(cell)}</{tag}>"
            for i, cell in enumerate(row)
        )

    top = f"<tr>{cells(head, 'th')}</tr>" if any(head) else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return f"<div class=wide><table>{top}{body}</table></div>"
