"""What the synthetic population looks like: weights in, draws out.

Sources, all in the project's domain folder: `ctdc_marginals.csv`, table
`ctdc_kanon_2020_extract7_ONLY_2002_2010` (year, gender, age, corridors; read for orientation,
no row of it is here); `published_stats.csv` (IOM 2008 and 2011: shares of labour, sexual and
domestic; CTDC 2017 brief on children: relation of recruiter; share of South-Eastern Europe in
2002-04, 2005-07, 2008-10). Figures are rounded; the mission sizes are invented to fit them.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping

Weights = Mapping[str, float]


class Draw:
    """A weighted choice made quickly and often: weights are summed once."""

    def __init__(self, weights: Weights) -> None:
        self.values = list(weights)
        self.cumulative = list(itertools.accumulate(weights.values()))

    def __call__(self, rng: random.Random) -> str:
        """One value, drawn by its weight."""
        return rng.choices(self.values, cum_weights=self.cumulative)[0]


# Registrations by year. The marginals' share of the whole is split so that South-Eastern Europe
# has 83 % of 2002-04, 33 % of 2005-07 and 24 % of 2008-10.
YEAR_SOUTH_EAST = Draw(
    {"2002": 26, "2003": 9, "2004": 6, "2005": 14.5, "2006": 14.2, "2007": 14.1, "2008": 5.6,
     "2009": 4.1, "2010": 6.5}
)  # fmt: skip
YEAR_ELSEWHERE = Draw(
    {"2002": 3.5, "2003": 1.2, "2004": 0.8, "2005": 19.8, "2006": 19.4, "2007": 19.3,
     "2008": 12.4, "2009": 9.1, "2010": 14.5}
)  # fmt: skip

FEMALE_BY_YEAR = {
    2002: 0.99, 2003: 0.96, 2004: 0.99, 2005: 0.71, 2006: 0.80, 2007: 0.76, 2008: 0.80,
    2009: 0.87, 2010: 0.51,
}  # fmt: skip
OTHER_GENDERS = 0.004  # of all, where the form can say it

AGE_BANDS = {
    "0-8": (0, 8), "9-17": (9, 17), "18-20": (18, 20), "21-23": (21, 23), "24-26": (24, 26),
    "27-29": (27, 29), "30-38": (30, 38), "39-47": (39, 47), "48+": (48, 67),
}  # fmt: skip
AGE_FEMALE = Draw(
    {"0-8": 4.2, "9-17": 9.8, "18-20": 23.2, "21-23": 23.9, "24-26": 15.8, "27-29": 7.3,
     "30-38": 12.4, "39-47": 2.6, "48+": 0.3}
)  # fmt: skip
AGE_MALE = Draw(
    {"0-8": 12.4, "9-17": 40.7, "18-20": 2.7, "21-23": 2.3, "24-26": 3, "27-29": 3.9,
     "30-38": 20.8, "39-47": 11, "48+": 2.4}
)  # fmt: skip

# Women 61 sexual, 14 labour, 6 both; men 1, 96, 1: of cases where it is known.
EXPLOITATION = {
    ("f", "adult"): Draw({"sexual": 66, "labour": 11, "both": 6, "other": 17}),
    ("f", "minor"): Draw({"sexual": 35, "labour": 38, "both": 6, "other": 21}),
    ("m", "adult"): Draw({"sexual": 1, "labour": 96, "both": 1, "other": 2}),
    ("m", "minor"): Draw({"sexual": 2, "labour": 93, "both": 1, "other": 4}),
}
LABOUR_ADULT = Draw({"forced_labour": 86, "servitude": 9, "forced_begging": 5})
LABOUR_MINOR = Draw({"forced_labour": 38, "child_labour": 37, "forced_begging": 25})
OTHER_EXPLOITATION = Draw(
    {"forced_marriage": 38, "other": 40, "forced_military_by_non_state_actors": 7,
     "organ_removal": 6, "forced_adoption": 6, "surrogacy": 3}
)  # fmt: skip
SECTOR_WOMEN = Draw(
    {"t_activities_of_households_as_employers": 45, "c_manufacturing": 15,
     "i_accommodation_and_food_service_activities": 16,
     "a_agriculture_forestry_and_fishing": 14,
     "g_wholesale_and_retail_trade_repair_of_motor_vehicles": 5, "s_other_service_activities": 5}
)  # fmt: skip
SECTOR_MEN = Draw(
    {"f_construction": 46, "a_agriculture_forestry_and_fishing": 30, "c_manufacturing": 10,
     "b_mining_and_quarrying": 4, "h_transportation_and_storage": 4,
     "e_water_supply_sewerage_waste_management": 2, "s_other_service_activities": 4}
)  # fmt: skip

# Shares of the means of control where the answer is known, sexual cases and the others.
CONTROL_SEXUAL = {
    "physical_threats": 0.34, "threats_law_enforcement": 0.15, "threatens_children_family": 0.16,
    "debt_bondage": 0.32, "false_promises": 0.46, "physical_abuse": 0.38, "sexual_abuse": 0.36,
    "takes_earnings": 0.47, "restricts_financial_access": 0.24, "restricts_medical_care": 0.17,
    "withholds_necessities": 0.14, "psychological_abuse": 0.52, "psychoactive_substance": 0.13,
    "excessive_working_hours": 0.17, "withholds_documents": 0.36, "restricts_movement": 0.50,
    "other": 0.06,
}  # fmt: skip
CONTROL_LABOUR = {
    "physical_threats": 0.24, "threats_law_enforcement": 0.14, "threatens_children_family": 0.07,
    "debt_bondage": 0.26, "false_promises": 0.51, "physical_abuse": 0.22, "sexual_abuse": 0.04,
    "takes_earnings": 0.56, "restricts_financial_access": 0.32, "restricts_medical_care": 0.27,
    "withholds_necessities": 0.28, "psychological_abuse": 0.43, "psychoactive_substance": 0.03,
    "excessive_working_hours": 0.58, "withholds_documents": 0.39, "restricts_movement": 0.42,
    "other": 0.05,
}  # fmt: skip

# Adults: stranger or other 50, friend 25, family 9, partner 16. Children: family and partner 55.
RELATION_ADULT = Draw({"familial": 25, "acquainted": 25, "unaquainted": 50})
RELATION_MINOR = Draw({"familial": 55, "acquainted": 11, "unaquainted": 34})
METHOD = Draw(
    {"through_friends_or_social_events": 30, "through_family_or_family_events": 15,
     "through_a_newspaper_advert": 15, "at_work": 8, "at_a_place_of_business": 12,
     "through_an_online_advertisement": 6, "through_online_social_networks": 3,
     "through_a_television_advert": 2, "at_an_educational_institution": 3, "other": 6}
)  # fmt: skip

PERPETRATOR_GENDER = Draw({"masculine": 68, "feminine": 27, "": 5})
PERPETRATOR_AGE_MISSING = 0.85
PERPETRATOR_ROLE = Draw(
    {"recruiter_or_intermediary": 34, "transporter": 14, "exploiter": 26, "harboured_individual": 4,
     "controlled_individual": 5, "broker_travel_agent": 5, "travelling_partner": 3,
     "received_individual": 3, "sold_individual": 2, "bought_individual": 1, "smuggler": 1,
     "abuser": 1, "other": 1}
)  # fmt: skip

DOMESTIC = 0.16  # exploited in the country of citizenship (IOM: 15 % in 2008, 33 % in 2011)
RETRAFFICKED = 0.05
SECOND_CITIZENSHIP = 0.02

MARITAL = Draw(
    {"single": 58, "married": 20, "divorced": 11, "separated": 5, "widowed": 3,
     "registered_partnership": 3}
)  # fmt: skip
EDUCATION = Draw(
    {"primary_education": 20, "lower_secondary_education": 33, "upper_secondary_education": 27,
     "post_secondary_non_tertiary_education": 9, "short_cycle_tertiary_education": 4,
     "bachelors_or_equivalent_level": 4, "early_childhood_education": 2,
     "masters_or_equivalent_level": 1}
)  # fmt: skip
REFERRAL = Draw(
    {"ngo": 38, "law_enforcement": 29, "central_government_organisation": 11,
     "immigration_service": 8, "health_service_organisation": 5, "local_government_organisation": 4,
     "legal_service": 3, "school_or_college": 1, "corporate_business": 1}
)  # fmt: skip
CASE_STATUS = Draw({"closed": 58, "follow_up": 17, "active": 15, "closed_referred": 10})
TRAFFICKING_STATUS = Draw(
    {"actual_victim_of_trafficking": 86, "possible_victim_of_trafficking": 12,
     "not_a_victim_of_trafficking": 2}
)  # fmt: skip
SERVICE = Draw(
    {"health": 24, "social_care": 26, "legal": 13, "financial": 14, "education": 7,
     "livelihood": 8, "rights_based_training": 3, "sexual_exploitation_rehabilitation": 3,
     "labour_exploitation_rehabilitation": 2}
)  # fmt: skip
SERVICE_STATUS = Draw({"provided": 76, "needed": 12, "offered": 6, "declined": 6})
FACTOR = {
    "addiction": 0.06, "social_group": 0.08, "discrimination": 0.12, "poverty": 0.62,
    "disability_and_physical_health": 0.05, "mental_health": 0.08, "migration": 0.30,
    "homelessness": 0.07, "abuse_social_media": 0.01, "abuse_physical": 0.22, "education": 0.24,
    "work_environment": 0.06,
}  # fmt: skip

# What the public files do not say; invented, with weights that a case worker would not doubt.
CHILDREN = Draw({"0": 46, "1": 24, "2": 17, "3": 8, "4": 3, "5": 1, "7": 1})
DECEASED = 0.004
SEXUAL_FORM = Draw(
    {"prostitution": 82, "private_sexual_services": 10, "pornography": 6,
     "remote_interactive_services": 2}
)  # fmt: skip
ONLINE = {"recruitment": 0.10, "exploitation": 0.04}  # of cases since 2006
PLATFORM = Draw({"facebook": 40, "qq": 12, "q_zone": 6, "4_sale": 6, "twitter": 6, "other": 30})
SECOND_ROLE = 0.2  # of perpetrators with a role
DECIDED_BY = Draw(
    {"ngo": 44, "police": 32, "non_police_governmental_organization": 12,
     "court_or_prosecution": 9, "other": 3}
)  # fmt: skip
REFERRAL_REASON = Draw(
    {"additional_services_required": 62, "migration_or_change_of_location": 29, "other": 9}
)
