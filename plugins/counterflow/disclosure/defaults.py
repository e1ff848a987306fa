"""What a release of cases keeps first, unless analysts say otherwise: weights and hierarchies.

In: nothing. Out: `case_policy()`, for `core.fct_case` and columns joined to it by case. The weights
answer the seed's questions (who, from where, to where, since when, exploited how); a column that is
not named has weight 1, less than any that is. docs/disclosure.md says how to set them.
"""

from __future__ import annotations

from counterflow.disclosure.hierarchies import Hierarchy, age_bands, countries, tiers, years
from counterflow.disclosure.policy import FLOOR_K, FLOOR_L, Policy

WEIGHTS = {
    "registration_year": 6.0,  # no trend without it, and the unweighted cover gave it up first
    "citizenship": 6.0,  # routes and profiles by origin
    "country_of_exploitation": 5.0,  # the other end of the route
    "exploitation_type": 5.0,
    "is_sexual_exploitation": 4.0,
    "is_forced_labour": 4.0,
    "age_band": 4.0,  # children and adults are helped differently
    "gender": 4.0,
    "is_minor": 3.0,  # what is left of the age when the band goes
    "means_of_control": 3.0,
    "labour_sector": 3.0,
    "is_cross_border": 2.0,
    "is_other_exploitation": 2.0,
}

_KIND = {
    **dict.fromkeys(("forced_labour", "child_labour", "servitude", "forced_begging"), "labour"),
    "sexual_exploitation": "sexual",
    **dict.fromkeys(
        (
            "forced_marriage",
            "forced_military_by_non_state_actors",
            "organ_removal",
            "forced_adoption",
            "surrogacy",
            "other",
        ),
        "other",
    ),
}
_CONTROL = {
    **dict.fromkeys(("debt_bondage", "takes_earnings", "restricts_financial_access"), "financial"),
    **dict.fromkeys(("physical_abuse", "sexual_abuse", "psychological_abuse"), "abuse"),
    **dict.fromkeys(
        ("physical_threats", "threats_law_enforcement", "threatens_children_family"), "threats"
    ),
    **dict.fromkeys(
        (
            "restricts_movement",
            "withholds_documents",
            "restricts_medical_care",
            "withholds_necessities",
            "excessive_working_hours",
        ),
        "deprivation",
    ),
    **dict.fromkeys(("false_promises", "psychoactive_substance"), "other_means"),
}
_SECTOR = {
    "a": "primary",
    "b": "primary",
    "c": "industry",
    "d": "industry",
    "e": "industry",
    "f": "industry",
}


def sectors() -> Hierarchy:
    """ISIC section → primary, industry, services (by the section's letter)."""

    def ancestors(value: str | int | bool) -> tuple[str | None, ...]:
        letter, _, rest = str(value).partition("_")
        return (_SECTOR.get(letter, "services") if len(letter) == 1 and rest else None,)

    return Hierarchy(("tier",), ancestors)


def hierarchies() -> dict[str, Hierarchy]:
    """By column of `core` and its bridges."""
    return {
        "registration_year": years(5, 10),
        "start_year": years(5, 10),
        "age_band": age_bands(),
        "age_band_when_trafficked": age_bands(),
        "citizenship": countries(),
        "country_of_exploitation": countries(),
        "country_of_residence": countries(),
        "country": countries(),
        "exploitation_type": tiers({"kind": _KIND}),
        "means_of_control": tiers({"group": _CONTROL}),
        "labour_sector": sectors(),
    }


def case_policy(k: int = FLOOR_K, l: int = FLOOR_L) -> Policy:  # noqa: E741
    """The policy for cases."""
    return Policy(k=k, l=l, weights=WEIGHTS, hierarchies=hierarchies())
