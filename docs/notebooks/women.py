"""Did the share of women fall, or did other missions begin to report?

Opens the published warehouse of COUNTERFLOW_HOME read-only. Run: marimo edit docs/notebooks/women.py
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Did the share of women fall?")


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
    # Did the share of women fall, or did other missions begin to report?

    The presentation of 2010 asks for *emerging trends*, and warns that the database has a "traditional representation of females".
    A share that falls can say two things: that missions assist fewer women, or that missions which assist men now report.
    This page takes the change apart. As of the night of {night}; **internal: small numbers may not be handed on.**
    """)
    return (night,)


@app.cell
def _(mo, warehouse):
    shares = warehouse.execute("""
        select period, numerator as women, denominator as gender_known, rate as share, unknown, missions, largest_mission_share
        from analysis.profiles
        where period_kind = 'window' and group_by = 'all' and dimension = 'gender' and value = 'feminine'
        order by period
    """).df()
    mo.vstack(
        [
            mo.md(
                "## The share, and of how many it is\n\nThree years of registration each. `unknown` are cases whose gender is not known; they are in no denominator."
            ),
            mo.ui.table(shares, selection=None),
        ]
    )
    return (shares,)


@app.cell
def _(alt, mo, shares):
    base = alt.Chart(shares).encode(x=alt.X("period:N", title=None, axis=alt.Axis(labelAngle=0)))
    share = base.mark_line(point=True).encode(
        y=alt.Y(
            "share:Q",
            axis=alt.Axis(format="%"),
            scale=alt.Scale(domain=[0, 1]),
            title="women, of those known",
        )
    )
    known = base.mark_bar(color="#b9b9b9").encode(y=alt.Y("gender_known:Q", title="gender known"))
    mo.as_html(share.properties(width=420, height=180) & known.properties(width=420, height=60))
    return


@app.cell
def _(mo, warehouse):
    measures = [
        m
        for (m,) in warehouse.execute(
            "select distinct measure from analysis.representation_change order by measure"
        ).fetchall()
    ]
    measure = mo.ui.dropdown(
        measures, value="women" if "women" in measures else measures[0], label="Measure"
    )
    mo.vstack(
        [
            mo.md(
                "## The change in two parts\n\n`within_missions` is what changed among the cases of the same missions; `mix_of_missions` what changed because others report."
            ),
            measure,
        ]
    )
    return (measure,)


@app.cell
def _(measure, mo, warehouse):
    changes = warehouse.execute(
        """
        select previous_period || ' to ' || period as step, denominator, round(change, 4) as change,
               round(within_missions, 4) as within_missions, round(mix_of_missions, 4) as mix_of_missions,
               missions_new, missions_vanished, reading
        from analysis.representation_change where measure = ? order by period
        """,
        [measure.value],
    ).df()
    mo.ui.table(changes, selection=None)
    return (changes,)


@app.cell
def _(alt, changes, mo):
    parts = changes.melt(
        id_vars=["step"],
        value_vars=["within_missions", "mix_of_missions"],
        var_name="part",
        value_name="points",
    )
    bars = alt.Chart(parts).mark_bar().encode(
        y=alt.Y("step:N", title=None),
        x=alt.X("points:Q", axis=alt.Axis(format="+%"), title="part of the change"),
        color=alt.Color("part:N", title=None, scale=alt.Scale(range=["#d55e00", "#0072b2"])),
    )  # fmt: skip
    mo.as_html(bars.properties(width=420, height=alt.Step(28)))
    return


@app.cell
def _(changes, measure, mo):
    def told(row):
        words = {
            "mostly_within_missions": "mostly within missions: the cases of the same missions changed",
            "mostly_mix_of_missions": "mostly a mix of missions: others report, and nothing need have changed anywhere",
            "too_few": "of too few cases to be read",
        }
        change = "unknown" if row.change != row.change else f"{row.change:+.1%}"
        return f"- **{row.step}** ({change}, of {row.denominator:,} known): {words.get(row.reading, row.reading)}."

    answer = "\n".join(told(row) for row in changes.itertuples())
    mo.md(
        f"## What may be said of `{measure.value}`\n\n{answer}\n\nA fall within missions may still be one of their programmes: who is assisted depends on who is funded."
    )
    return (answer,)


@app.cell
def _(mo, warehouse):
    (caveat,) = warehouse.execute(
        "select caveat from analysis.caveat where table_name = 'analysis.representation_change'"
    ).fetchone()
    mo.callout(mo.md(f"**Caveat.** {caveat}"), kind="warn")
    return (caveat,)


if __name__ == "__main__":
    app.run()
