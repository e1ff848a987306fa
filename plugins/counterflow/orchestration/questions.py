"""Five questions of an analyst, in SQL: the published warehouse in, five small tables out.

Each names what its denominator is and leaves out groups too small to show (fewer than `SMALL` cases).
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from counterflow import sealing
from counterflow.settings import Settings

SMALL = 10


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how."""

    text: str
    sql: str


QUESTIONS = (
    Question(
        "How many cases a year, and who are they? (share of known gender, of known age)",
        """
        select registration_year as year, count(*) as cases,
               round(100.0 * count(*) filter (gender = 'feminine')
                     / nullif(count(*) filter (gender <> 'non_specified_unknown'
                                               and gender <> 'not_asked'), 0), 1)
                   as feminine_pct,
               round(100.0 * count(*) filter (is_minor = 'yes')
                     / nullif(count(*) filter (is_minor in ('yes', 'no')), 0), 1)
                   as minors_pct
        from core.fct_case
        group by year having count(*) >= $small order by year desc limit 8
        """,
    ),
    Question(
        "Between which countries? (both known; basis: the last exploitation)",
        """
        select origin.country_name as citizenship, place.country_name as country_of_exploitation,
               count(*) as cases
        from core.fct_case
        join core.dim_country as origin on origin.country_code = citizenship
        join core.dim_country as place on place.country_code = country_of_exploitation
        where country_of_exploitation_basis = 'last_exploitation' and is_cross_border = 'yes'
        group by all having count(*) >= $small order by cases desc, 1, 2 limit 8
        """,
    ),
    Question(
        "What are they exploited for? (share of those who answered)",
        """
        with flag as (
            unpivot (select is_sexual_exploitation, is_forced_labour, is_other_exploitation
                     from core.fct_case)
            on is_sexual_exploitation, is_forced_labour, is_other_exploitation
            into name exploitation value answer
        )
        select replace(replace(exploitation, 'is_', ''), '_', ' ') as exploitation,
               count(*) filter (answer = 'yes') as yes,
               count(*) filter (answer in ('yes', 'no')) as answered,
               count(*) filter (answer = 'unknown') as unknown,
               count(*) filter (answer = 'not_asked') as not_asked,
               round(100.0 * yes / nullif(answered, 0), 1) as yes_pct
        from flag group by exploitation order by yes desc
        """,
    ),
    Question(
        "How are people controlled? (rates: forms that store a no; others only tick)",
        """
        select replace(means_of_control, '_', ' ') as control,
               numerator as yes, denominator as answered, round(100.0 * rate, 1) as yes_pct,
               missions, means.yes as yes_all, unknown
        from analysis.means_of_control as means
        where exploitation = 'all' and gender = 'all' and means.yes >= $small
        order by rate desc nulls last, 1 limit 8
        """,
    ),
    Question(
        "How far can this be trusted? (tonight's exports, by what became of them)",
        """
        select status, count(*) as missions, sum(rows_read) as rows_read,
               sum(rows_accepted) as accepted, sum(rows_quarantined) as quarantined,
               sum(rows_withheld) as withheld, sum(rows_blank) as blank
        from quality.load
        where night = (select max(night) from quality.load)
        group by status order by missions desc, status
        """,
    ),
)


def ask(settings: Settings, console: Console) -> None:
    """Print every question and its answer from the published warehouse."""
    path = settings.warehouse / "warehouse.duckdb"
    with sealing.published(path, settings) as connection:
        for number, question in enumerate(QUESTIONS, 1):
            parameters = {"small": SMALL} if "$small" in question.sql else {}
            answer = connection.execute(question.sql, parameters)
            console.print(f"\n{number}. {question.text}", style="bold", markup=False)
            table = Table()
            for name, kind, *_ in answer.description:
                table.add_column(name, justify="left" if str(kind) == "VARCHAR" else "right")
            for row in answer.fetchall():
                table.add_row(*("–" if value is None else str(value) for value in row))
            console.print(table)
    console.print(f"The same in SQL: counterflow sql   (on {path})")
