"""Five questions of an analyst, in SQL: the published warehouse in, five small tables out.

Each names what its denominator is and leaves out groups too small to show (fewer than `SMALL` cases).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
from rich.console import Console
from rich.table import Table

from counterflow.settings import Settings

SMALL = 10


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how."""

    text: str
    sql: str


QUESTIONS = (
    Question(
        "How has the number of assisted cases changed, and who are they?",
        """
        select registration_year as year, count(*) as cases,
               round(100.0 * count(*) filter (gender = 'feminine')
                     / nullif(count(*) filter (gender <> 'non_specified_unknown'
                                               and gender <> 'not_asked'), 0), 1)
                   as feminine_pct_of_known_gender,
               round(100.0 * count(*) filter (is_minor = 'yes')
                     / nullif(count(*) filter (is_minor in ('yes', 'no')), 0), 1)
                   as minors_pct_of_known_age
        from core.fct_case
        group by year having count(*) >= $small order by year desc limit 8
        """,
    ),
    Question(
        "Between which countries are people exploited? (both known, basis: the last exploitation)",
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
        "What are they exploited for? (share of cases whose form asks, and which answered)",
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
               round(100.0 * yes / nullif(answered, 0), 1) as yes_pct_of_answered
        from flag group by exploitation order by yes desc
        """,
    ),
    Question(
        "How are people controlled? (share of answered: forms differ in what they ask)",
        """
        select replace(means_of_control, '_', ' ') as means_of_control,
               count(*) filter (answer = 'yes') as yes,
               count(*) filter (answer in ('yes', 'no')) as answered,
               count(*) filter (answer = 'unknown') as unknown,
               round(100.0 * yes / nullif(answered, 0), 1) as yes_pct_of_answered
        from core.fct_control
        group by all having yes >= $small order by yes desc, 1 limit 8
        """,
    ),
    Question(
        "How far can these numbers be trusted? (tonight, by what became of each mission's export)",
        """
        select status, count(*) as missions, sum(rows_read) as rows_read,
               sum(rows_accepted) as accepted, sum(rows_quarantined) as quarantined,
               sum(rows_withheld) as withheld_without_consent, sum(rows_blank) as blank
        from quality.load
        where night = (select max(night) from quality.load)
        group by status order by missions desc, status
        """,
    ),
)


def ask(settings: Settings, console: Console) -> None:
    """Print every question and its answer from the published warehouse."""
    path = settings.warehouse / "warehouse.duckdb"
    with duckdb.connect(str(path), read_only=True) as connection:
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
