"""What the pages say of missions and nights: the published warehouse in, plain rows out.

Only `quality.*` and `core.dim_*` are asked: statuses, counts, rules and signals, and no case. A connection lives for one
page; one page at a time has one in a process, so that nobody reads a file that was replaced meanwhile.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from counterflow.keys import KeyRefusedError
from counterflow.sealing import SealRefusedError
from counterflow.settings import Settings
from counterflow.shell import QueryRefusedError, connect

Row = dict[str, Any]
_one_at_a_time = threading.Lock()


class NothingToShow(Exception):
    """There is no warehouse that this process can read: what is wrong, and what to do."""

    def __init__(self, title: str, text: str, page: str = "") -> None:
        super().__init__(title)
        self.title, self.text, self.page = title, text, page


@contextmanager
def opened(settings: Settings) -> Iterator[Warehouse]:
    """The published warehouse for the time of a page. Raises NothingToShow."""
    with _one_at_a_time:
        try:
            connection = connect(settings)
        except QueryRefusedError:
            raise NothingToShow(
                "Nothing has been published yet",
                "These pages are made of the published warehouse. The first night that is published brings it; "
                "where this server does not see the data, it never comes.",
            ) from None
        except KeyRefusedError:
            raise NothingToShow(
                "The warehouse is encrypted, and this server has no key to it",
                "Airflow's API server reads what is published with the agency's key. Without one, look at these pages on "
                "the machine that has it.",
                "key_refused",
            ) from None
        except (SealRefusedError, duckdb.Error, OSError):
            raise _unreadable() from None
        try:
            with connection:
                yield Warehouse(connection)
        except duckdb.Error:
            raise _unreadable() from None


def _unreadable() -> NothingToShow:
    return NothingToShow(
        "The warehouse cannot be read",
        "The published file is damaged, of another version, or not readable for this server. `counterflow verify` says "
        "which. The last three publications are kept beside it.",
        "restore",
    )


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Questions to an open warehouse."""

    connection: duckdb.DuckDBPyConnection

    def rows(self, query: str, *values: Any) -> list[Row]:
        """The rows of an answer, by column."""
        result = self.connection.execute(query, list(values))
        names = [column[0] for column in result.description or []]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def nights(self, most: int, until: date | None = None) -> list[date]:
        """The newest nights, oldest first."""
        found = self.rows(
            "select distinct night from quality.load where night <= ? order by night desc limit ?",
            until or date.max,
            most,
        )
        return [row["night"] for row in reversed(found)]

    def missions(self) -> dict[str, Row]:
        """Every mission by its code: name, region, score of the published night."""
        found = self.rows(
            """
            select m.mission_code, m.mission_name, m.region, m.steward, s.score, s.components, c.country_code2
            from core.dim_mission as m
            left join quality.score as s using (mission_code)
            left join core.dim_country as c on m.mission_code = c.country_code
            order by m.mission_code
            """
        )
        for row in found:
            row["components"] = json.loads(row["components"] or "{}")
        return {row["mission_code"]: row for row in found}

    def loads(self, first: date, last: date) -> list[Row]:
        """What each of these nights did to each mission."""
        return self.rows(
            "select * from quality.load where night between ? and ? order by mission_code, night",
            first,
            last,
        )

    def history(self, mission: str, most: int = 60) -> list[Row]:
        """What the newest nights did to one mission, oldest first, with the share of rows that pass its rules."""
        found = self.rows(
            """
            with rules as (
                select night, avg(1 - rows_failed / rows_checked)
                    filter (status in ('passed', 'failed') and rows_checked > 0) as conformity
                from quality.rule_result where mission_code = $1 group by night
            )
            select loaded.*, rules.conformity,
                rows_accepted / nullif(rows_accepted + rows_quarantined, 0) as validity
            from quality.load as loaded left join rules using (night)
            where loaded.mission_code = $1 order by night desc limit $2
            """,
            mission,
            most,
        )
        return found[::-1]

    def failed_rules(self, night: date, mission: str | None = None) -> list[Row]:
        """The rules that rows failed, or that could not run, worst first."""
        return self.rows(
            """
            select * from quality.rule_result
            where night = $1 and ($2 is null or mission_code = $2) and status in ('failed', 'error')
            order by severity, rows_failed desc nulls last, rule_id, mission_code
            """,
            night,
            mission,
        )

    def rules(self, night: date) -> list[Row]:
        """Every rule of a night over all missions: how many missions and rows failed it."""
        return self.rows(
            """
            select table_name, rule_id, any_value(severity) as severity,
                count(*) filter (status = 'passed') as passed, count(*) filter (status = 'failed') as failed,
                count(*) filter (status = 'error') as error, count(*) filter (status = 'not_applicable') as not_applicable,
                coalesce(sum(rows_checked), 0)::bigint as rows_checked,
                coalesce(sum(rows_failed), 0)::bigint as rows_failed
            from quality.rule_result where night = ? group by all order by table_name, rule_id
            """,
            night,
        )

    def issues(self, night: date, mission: str | None = None) -> list[Row]:
        """The signals of a night."""
        return self.rows(
            """
            select mission_code, kind, coalesce(table_name, '') as table_name, coalesce(field, '') as field,
                coalesce(detail, '') as detail, rows
            from quality.issue where night = $1 and ($2 is null or mission_code = $2)
            order by kind, rows desc nulls last, table_name, field, detail
            """,
            night,
            mission,
        )

    def coverage(self, mission: str) -> list[Row]:
        """How much of each field was asked and answered, over all forms."""
        return self.rows(
            """
            select table_name, field, sum(cases)::bigint as cases, sum(answered)::bigint as answered,
                sum(unknown)::bigint as unknown, sum(not_asked)::bigint as not_asked,
                sum(not_applicable)::bigint as not_applicable
            from quality.field_coverage where mission_code = ? and item = ''
            group by all order by table_name, field
            """,
            mission,
        )

    def comparability(self, mission: str) -> list[Row]:
        """Where the mission's question is not the standard's."""
        return self.rows(
            """
            select field, item, relation, since, note from quality.comparability
            where mission_code = ? and relation <> 'exact' order by relation = 'none', field, item, since
            """,
            mission,
        )
