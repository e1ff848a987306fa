"""By which means are people controlled, and what does a wrong denominator do to the answer?

Opens the published warehouse of COUNTERFLOW_HOME read-only. Run: marimo edit docs/notebooks/control.py
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="By which means are people controlled?")


@app.cell
def _():
    import altair as alt
    import marimo as mo

    from counterflow.settings import Settings
    from counterflow.shell import connect

    warehouse = connect(Settings.from_env())  # read-only; it opens an encrypted one too
    return alt, mo, warehouse


@app.cell
def _(mo, warehouse):
    (night,) = warehouse.execute("select max(night) from quality.load").fetchone()
    mo.md(f"""
    # By which means are people controlled?

    The presentation of 2010 wants to learn of "the perpetrators involved, their modus operandi". Missions' forms answer in different ways: some ask item by item,
    some only tick what they see and never store a *no*, some do not ask. One number hides that. As of the night of {night};
    **internal: small numbers may not be handed on.**
    """)
    return (night,)


@app.cell
def _(mo):
    exploitation = mo.ui.dropdown(
        ["all", "sexual_exploitation", "forced_labour", "other_exploitation"],
        value="all",
        label="Exploitation",
    )
    mo.hstack([exploitation], justify="start")
    return (exploitation,)


@app.cell
def _(exploitation, mo, warehouse):
    means = warehouse.execute(
        """
        select means_of_control, cases, asked, yes, no, numerator, denominator, unknown, not_asked, left_out, rate, rate_note, missions,
               round(yes / nullif(yes + no, 0), 3) as wrong_rate
        from analysis.means_of_control
        where exploitation = ? and gender = 'all'
        order by rate desc nulls last, means_of_control
        """,
        [exploitation.value],
    ).df()
    mo.vstack(
        [
            mo.md(
                "## Each item, with all its answers\n\n`wrong_rate` is yes / (yes + no) over every form. `rate` is of the forms that store a no: `denominator` are their known answers, and with `unknown`, `not_asked` and `left_out` they are all `cases`."
            ),
            mo.ui.table(means, selection=None),
        ]
    )
    return (means,)


@app.cell
def _(alt, means, mo):
    both = means[["means_of_control", "rate", "wrong_rate"]].melt(
        id_vars=["means_of_control"], var_name="way", value_name="share"
    )
    points = alt.Chart(both.dropna()).mark_point(filled=True, size=80, opacity=1).encode(
        y=alt.Y("means_of_control:N", sort=list(means["means_of_control"]), title=None),
        x=alt.X("share:Q", axis=alt.Axis(format="%"), scale=alt.Scale(domain=[0, 1]), title=None),
        color=alt.Color("way:N", title=None, scale=alt.Scale(domain=["rate", "wrong_rate"], range=["#0072b2", "#d55e00"])),
        shape=alt.Shape("way:N", title=None, scale=alt.Scale(domain=["rate", "wrong_rate"])),
    )  # fmt: skip
    mo.as_html(points.properties(width=380, height=alt.Step(20)))
    return


@app.cell
def _(means, mo):
    known = means.dropna(subset=["rate", "wrong_rate"])
    higher = int((known["wrong_rate"] > known["rate"]).sum())
    first, wrong_first = (
        (
            list(
                known.sort_values([c, "means_of_control"], ascending=[False, True])[
                    "means_of_control"
                ][:3]
            )
            if len(known)
            else []
        )
        for c in ("rate", "wrong_rate")
    )
    mo.md(f"""
    ## What the wrong denominator does

    Of {len(known)} items that have a rate, the wrong one is higher for {higher}. By rate the first are {", ".join(first) or "none"}; by the wrong one
    {", ".join(wrong_first) or "none"}. Items without a rate have a `rate_note` that says why: say that, and no number.
    """)
    return first, higher, wrong_first


@app.cell
def _(mo, warehouse):
    forms = warehouse.execute("""
        select coalesce(reason, 'enters the rate') as why, count(distinct mission_code || form_version) as forms, count(distinct mission_code) as missions,
               sum(yes)::bigint as yes, sum(no)::bigint as no, sum(unknown)::bigint as unknown
        from core.dim_form_question
        where question = 'control.debt_bondage'
        group by all order by forms desc, why
    """).df()
    mo.vstack(
        [
            mo.md("## Why forms are left out: the example of debt bondage"),
            mo.ui.table(forms, selection=None),
        ]
    )
    return (forms,)


@app.cell
def _(mo, warehouse):
    (caveat,) = warehouse.execute(
        "select caveat from analysis.caveat where table_name = 'analysis.means_of_control'"
    ).fetchone()
    mo.callout(mo.md(f"**Caveat.** {caveat}"), kind="warn")
    return (caveat,)


if __name__ == "__main__":
    app.run()
