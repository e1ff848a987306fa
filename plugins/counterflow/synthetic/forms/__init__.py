"""The forms in use: a mission in, its `Form` out."""

from __future__ import annotations

from dataclasses import replace

from counterflow.synthetic.forms import casebook, htcds1, htcds_xlsx, kobo, legacy, register
from counterflow.synthetic.forms.base import Column, Form, Mission

BUILDERS = {
    **dict.fromkeys(htcds_xlsx.VARIANTS, htcds_xlsx.build),
    "register": register.build,
    "kobo": kobo.build,
    "legacy": legacy.build,
    "htcds1": htcds1.build,
    "casebook": casebook.build,
}
# Cases in one workbook, with room for headers and repeated rows: an .xls sheet ends at 65,536 rows; longer
# sheets than these of the other kinds exist, but nobody can work with them, and Counterflow refuses 20 million cells.
LONGEST = {"xls": 65_000, "xlsx": 250_000, "ods": 250_000}


def build(mission: Mission) -> Form:
    """The mission's form, with what the mission renamed."""
    system = mission.form if mission.form in BUILDERS else mission.form.rpartition("_")[0]
    form = BUILDERS[system](mission)
    for source, columns in form.sources.items():
        form.sources[source] = [_renamed(column, mission) for column in columns]
    for question in mission.variation.local:
        form.lists[f"local.{question.name}"] = dict(question.codes)
    form.settle()
    return form


def _renamed(column: Column, mission: Mission) -> Column:
    header = mission.variation.rename.get(column.header, column.header)
    return replace(column, header=header)


def for_rows(form: Form, cases: int) -> Form:
    """The form as a mission of that many cases sends it: a workbook that is too long becomes a CSV.

    The sheet is what it was, the row of technical names included; only nothing is numbered in advance.
    """
    if cases <= LONGEST.get(form.kind, cases):
        return form
    return replace(form, kind="csv", path=f"{form.path.rpartition('.')[0]}.csv", pre_numbered=0)
