"""Which question of the guide is drawn, and how: a table of titles and figures.

In: a question's title, as it stands in the guide. Out: its figures. A question without one has its table, which all
have; a title here that the guide has not is an error, so a renamed question does not lose its picture in silence.
"""

from __future__ import annotations

from collections.abc import Mapping

from counterflow.site.plots import (
    Figure,
    changes,
    counts,
    gaps,
    intervals,
    line,
    pieces,
    rates,
    references,
    years,
)
from counterflow.site.routes import SOURCES, WORLD, flow, world, world_map

FIGURES: Mapping[str, tuple[Figure, ...]] = {
    "How many cases are there, from which regions, and since when?": (
        Figure("Cases by region of the mission that assisted them.", counts("region")),
    ),
    "How did the share of women change from period to period?": (
        Figure(
            "Women and girls among cases whose gender is known, and how many those are.",
            line("period", of="gender_known"),
        ),
    ),
    "How old are women and men?": (
        Figure(
            "Age at registration, of women and girls and of men and boys whose age is known.",
            rates("age_band", by="gender"),
        ),
    ),
    "Where do children and adults come from?": (
        Figure(
            "Region of the first citizenship, of children and of adults for whom it is known.",
            rates("citizenship_region", by="age_group"),
        ),
    ),
    "Which citizenships, when one person may hold several?": (
        Figure(
            "Cases by sub-region of each citizenship; a person with two counts in both.",
            counts("m49_subregion"),
        ),
    ),
    "What kinds of exploitation, and does that differ by region of origin?": (
        Figure(
            "Cases with each kind of exploitation, of those with a known answer.",
            rates("citizenship_region", by="dimension"),
        ),
    ),
    "Which sectors of work?": (
        Figure(
            "Sectors of those made to work whose sector is known; a case may have several.",
            rates("labour_sector", by="gender", note="none"),
        ),
    ),
    "When did exploitation begin, and how long before registration?": (
        Figure(
            "Cases whose year of beginning is known, by kind of exploitation.",
            counts("exploitation_type", value="year_known"),
        ),
    ),
    "Which forms does sexual exploitation take?": (
        Figure(
            "Cases by form of sexual exploitation.", counts("sexual_exploitation_form", by="gender")
        ),
    ),
    "Which vulnerabilities stand out?": (
        Figure(
            "Cases with each factor, of those on forms that ask for it and store a no.",
            rates("factor"),
        ),
    ),
    "Is it the person, the household or the community?": (
        Figure(
            "Cases with each factor, by the level at which the form asks for it.",
            rates("factor", by="level"),
        ),
    ),
    "Do children and adults differ in their vulnerabilities?": (
        Figure(
            "Cases with each factor, of children and of adults.", rates("factor", by="age_group")
        ),
    ),
    "In how many cases was vulnerability asked about at all?": (
        Figure(
            "Answers on vulnerability by mission: a mission without a no only ticks what it sees.",
            pieces("mission_code", ["yes", "no", "unknown"], title="answers"),
        ),
    ),
    "How do women and men differ, side by side?": (
        Figure(
            "The 25 widest differences between women and men, adults, where at least 20 of each are known.",
            gaps(("dimension", "item", "value"), "women", "men"),
        ),
    ),
    "Are men as often trafficked across a border as women?": (
        Figure(
            "Exploited in a country that is not their own, of those for whom that is known.",
            rates("age_group", by="gender"),
        ),
    ),
    "Who recruits children, and who adults?": (
        Figure(
            "Relationship of the recruiter, of cases for which it is known.",
            rates("recruiter", by="age_group"),
        ),
    ),
    "By which method were they recruited?": (
        Figure(
            "Method of recruitment, of cases for which it is known; a case may have several.",
            rates("recruitment_method", by="exploitation", note="none"),
        ),
    ),
    "Which websites and apps were used?": (
        Figure("Cases by website or app; few forms ask.", counts("platform", by="purpose")),
    ),
    "What happened where, and when?": (
        Figure("Cases by kind of event and region.", counts("m49_region", panel="event_type")),
    ),
    "How long did it last?": (
        Figure(
            "Time in the situation, of those who got out and whose time is known.",
            rates("duration", by="exploitation", note="none"),
        ),
    ),
    "Who finds them?": (
        Figure(
            "Kind of organisation that referred, of cases for which it is known.",
            rates("referred_by", by="age_group", note="none"),
        ),
    ),
    "What became of their cases?": (
        Figure(
            "Status of the case on the night of the export.",
            rates("case_status", by="exploitation", note="none"),
        ),
    ),
    "By which means are people controlled?": (
        Figure(
            "Forced labour: cases with each means, of those on forms that ask for it and store a no.",
            rates("means_of_control"),
        ),
    ),
    "How many perpetrators, and are they men?": (
        Figure(
            "Perpetrators of a case, as far as the victim saw them.",
            rates("value", panel="pattern", note="none"),
        ),
    ),
    "What do men and women do among perpetrators?": (
        Figure(
            "Perpetrators by role.",
            counts("role", value="perpetrators", by="gender", title="perpetrators"),
        ),
    ),
    "Which roles does one perpetrator have together?": (
        Figure(
            "Perpetrators by all their roles.",
            counts("roles", value="perpetrators", title="perpetrators"),
        ),
    ),
    "In which roles are perpetrators seen, by kind of exploitation?": (
        Figure(
            "Roles of perpetrators, of those whose role is known.", rates("role", by="exploitation")
        ),
    ),
    "Do perpetrators come from the region of their victims?": (
        Figure(
            "Perpetrators from their victim's region, of those for whom both are known.",
            rates("is_of_victims_region", by="victim_age_group"),
        ),
    ),
    "How are recruiter and method combined?": (
        Figure(
            "Recruiter and method, of cases for which both are known.",
            rates("channel", by="age_group", most=15),
        ),
    ),
    "From where to where are people exploited?": (
        Figure(
            f"The largest corridors, from citizenship to the country of the last exploitation. {SOURCES}",
            world_map("cases"),
            {WORLD: world},
        ),
        Figure(
            "The same corridors as a flow: a band is as high as it has cases, and numbers are of these corridors only.",
            flow("cases"),
        ),
    ),
    "Which legs do journeys have?": (
        Figure(
            f"The most frequent legs that cross a border. {SOURCES}",
            world_map("cases"),
            {WORLD: world},
        ),
        Figure("The same legs as a flow; numbers are of these legs only.", flow("cases")),
    ),
    "Through which countries do they pass?": (
        Figure(
            "Cases by country of transit. The two sources are of different forms: never add them up.",
            counts("transit_country", panel="source", most=24),
        ),
    ),
    "How long are the routes that are recorded at all?": (
        Figure("Cases by number of legs on record.", counts("legs")),
    ),
    "What did they need, and what did they get?": (
        Figure(
            "Needs met: cases to whom the service was provided, of those in need of it.",
            rates("service_type", value="needs_met", of="in_need"),
        ),
        Figure(
            "Cases in need of each service: provided, and not provided.",
            pieces("service_type", ["provided", "not_provided"]),
        ),
    ),
    "Are the needs of children met as often as those of adults?": (
        Figure(
            "Needs met, of children and of adults in need of the service.",
            rates("service_type", by="age_group", value="needs_met", of="in_need"),
        ),
    ),
    "Who provides the services?": (
        Figure(
            "Kind of provider, of cases that got the service and whose provider is known.",
            rates("provider_type", panel="service_type", note="none", most=90),
        ),
    ),
    "Who had been trafficked before?": (
        Figure(
            "Trafficked before, with what chance alone leaves open (95 %).",
            rates("group_value", panel="group_by"),
        ),
    ),
    "How many cases a year, and from whom?": (
        Figure("Cases by year of registration, and the largest mission's share of them.", years()),
    ),
    "Does forced labour rise?": (
        Figure(
            "Forced labour among cases with a known answer, and how many those are.",
            line("registration_year"),
        ),
    ),
    "Is it still there among missions that report every year?": (
        Figure("The same, of missions with cases in every year.", line("registration_year")),
    ),
    "Which months have no case at all?": (
        Figure(
            "Months without a case in some mission of the region.",
            counts("region", value="months_without_a_case", title="months"),
        ),
    ),
    "How far do these data tilt from what others publish?": (
        Figure(
            "Our shares with their intervals, beside published references of about the same years.",
            references(),
        ),
    ),
    "Did people change, or the missions that report?": (
        Figure(
            "The change of each share from the period before, in its two parts; of how many known before and now.",
            changes(),
        ),
    ),
    "Which common statements do the data contradict?": (
        Figure(
            "Counterexamples to each statement, and the share (tick) from which it is contradicted.",
            intervals("statement", threshold="threshold"),
        ),
    ),
    "Who identified the cases, and did that change?": (
        Figure(
            "Who referred, and who decided on the status, by three years of registration.",
            rates("identified_by", by="period", value="share", panel="question", note="share_note"),
        ),
    ),
    "For which missions is there a rate, and why not for the others?": (
        Figure(
            "Debt bondage by mission, or why there is no rate.",
            rates("mission_code", note="reason", most=90),
        ),
    ),
}
