"""What each published text column of the facts may hold: the allow-list of the vocabulary gate.

In: a connection to the built file. Out: for every text column of `core` and `history` a SQL condition that
its values must satisfy, or None: a column that no vocabulary covers fails the gate (it fails closed).
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb

from counterflow.warehouse.hashes import PUBLIC

_KEY = "regexp_full_match({column}, '[0-9a-f]{{32}}')"
_KEY_ID = "regexp_full_match({column}, '[0-9a-f]{{8}}')"
_MISSION = "{column} in (select mission_code from core.dim_mission)"
_COUNTRY = "{column} in (select country_code from core.dim_country)"
_CODE = "{column} in (select code from core.dim_code where code_list in ('{lists}'))"
_NAME = "regexp_full_match({column}, '[a-z][a-z0-9_]{{0,63}}')"

_TYPES = {"VARCHAR", "INTEGER", "BIGINT", "DOUBLE", "DATE", "BOOLEAN"}

# Columns by name; where a name means different things, by table and name.
_BY_NAME = {
    "case_key": _KEY,
    "into_case_key": _KEY,
    "key_id": _KEY_ID,
    "mission_code": _MISSION,
    "citizenship": _COUNTRY,
    "country": _COUNTRY,
    "country_of_residence": _COUNTRY,
    "organisation_country": _COUNTRY,
    "country_of_exploitation": _COUNTRY,
    "from_country": _COUNTRY,
    "to_country": _COUNTRY,
    "citizenship_region": "{column} in (select m49_region from core.dim_country) or {column} = 'unknown'",
    "form_version": _NAME,
}
_LISTS = {
    "gender": "gender",
    "marital_status": "marital_status",
    "children_band": "children_band",
    "primary_language": "language",
    "secondary_language": "language",
    "age_band_when_trafficked": "age_band",
    "education": "highest_level_of_education",
    "country_of_exploitation_basis": "country_basis",
    "trafficking_status": "trafficking_status",
    "duration_band": "duration_band",
    "referral_source": "organisation_type",
    "case_status": "case_status",
    "exploitation_type": "exploitation_type",
    "labour_sector": "labour_sector",
    "means_of_control": "means_of_control",
    "answer": "answer",
    "recruitment_method": "recruitment_method",
    "recruiter_relationship": "recruiter_relationship",
    "role": "perpetrator_role",
    "factor": "vulnerability_factor",
    "level": "vulnerability_level",
    "service_type": "service_type",
    "status": "assistance_status",
    "provider_type": "organisation_type",
    "sexual_exploitation_form": "sexual_exploitation_form",
    "purpose": "online_platform_purpose",
    "platform": "online_platform",
    "decision": "trafficking_status",
    "decided_by": "trafficking_status_decision_making_org",
    "direction": "referral_direction",
    "reason": "referral_reason",
    "organisation_type": "organisation_type",
    "event_type": "trafficking_event_type",
}
_BY_TABLE = {
    ("fct_case", "age_band"): "age_band",
    ("fct_perpetrator", "age_band"): "perpetrator_age_band",
}
_BY_COLUMN = {
    (
        "case_change",
        "change",
    ): "{column} in ('appeared', 'changed', 'vanished', 'merged', 'reappeared')",
    ("night", "landing_sha256"): "regexp_full_match({column}, '[0-9a-f]{{64}}')",
}
# Attributes of missions, countries and codes come from contracts and seeds, not from exports.
_REFERENCE = ("dim_mission", "dim_country", "dim_code", "dim_form_question")
_LOCAL = ("field", "value", "label")  # closed by the contract: the code map is the list


def closed_columns(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str | None]]:
    """(`core.table.column`, condition or None) of every text column of the facts."""
    columns = connection.execute(
        "select schema_name, table_name, column_name, data_type from duckdb_columns() "
        "where database_name = current_database() and not internal order by all"
    ).fetchall()
    for schema, table, column, kind in columns:
        where = f"{schema}.{table}.{column}"
        if schema not in PUBLIC or kind not in _TYPES:
            yield where, None  # a foreign table or view, or a type that could hold anything
        elif schema in ("core", "history") and kind == "VARCHAR" and table not in _REFERENCE:
            yield where, _condition(table, column)


def _condition(table: str, column: str) -> str | None:
    quoted = f't."{column}"'
    if table == "fct_local_attribute" and column in _LOCAL:
        return _local(column)
    if (pattern := _BY_COLUMN.get((table, column)) or _BY_NAME.get(column)) is not None:
        return pattern.format(column=quoted)
    name = _BY_TABLE.get((table, column)) or _LISTS.get(column)
    if name is None and column.startswith("is_"):
        name = "answer"
    if name is None:
        return None
    missing = f"{quoted} in ('unknown', 'not_asked')"
    return f"({_CODE.format(column=quoted, lists=name)} or {missing})"


def _local(column: str) -> str:
    """Local fields, values and labels are those of the mission's own code map."""
    means = {
        "field": "m.field = 'field' and m.local_code = t.field",
        "value": "m.field = 'value' and split_part(m.local_code, '=', 1) = t.field and m.code = t.value",
        "label": "m.label = t.label",
    }[column]
    return (
        "exists (select 1 from scratch.staging.stg_code_map as m where m.table_name = "
        f"'local_attribute' and m.mission_code = t.mission_code and {means}) "
        f"or t.\"{column}\" in ('unknown', 'not_asked')"
    )
