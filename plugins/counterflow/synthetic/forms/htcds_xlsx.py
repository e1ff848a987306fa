"""Dialect a: the standard's official workbooks, defects included. A mission in, its `Form` out.

Versions 1.0, 1.1 and 2.0, each as a plain sheet (one value, typed by hand), with single-select
lists (one value) or with multi-select lists (a macro joins them): `htcds10_plain`, …;
`htcds_xlsx` is the commonest, 2.0 with multi-select.

Row 1 holds hidden technical names: in the address block they disagree with the labels, one is
misspelt, one is empty. Row 2 holds labels, some with trailing blanks. Multiple choices are joined
with "; " though labels contain ";", and the macro drops what is a substring of the cell so far.
The standard has neither case number nor registration date: missions appended them, without a
technical name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from counterflow.synthetic import standard
from counterflow.synthetic.countries import names
from counterflow.synthetic.forms.base import (
    NO_LEVEL,
    Cell,
    Column,
    Form,
    Mission,
    age_of,
    citizenship_list,
    consent,
    country_of,
    day_of,
    factors_chosen,
    fixed,
    in_group,
    key,
    listing,
    local_columns,
    means_chosen,
    of,
    platforms_of,
    sectors_chosen,
    types_chosen,
    withdrawn,
)
from counterflow.synthetic.model import Case

COUNTRY_LABELS = {
    "last_exploitation": "Country of exploitation",
    "screening": "Country of screening",
    "registration": "Country of registration",
}


def personal(technical: str, label: str, kind: str) -> Column:
    """A personal column of the template."""
    return Column(label, fixed(kind), role="personal", technical=technical)


# form → version of the standard, and how its lists are filled
VARIANTS = {
    "htcds_xlsx": ("2.0", "multi"),
    "htcds10_plain": ("1.0", "plain"), "htcds11_single": ("1.1", "single"),
    "htcds11_multi": ("1.1", "multi"), "htcds20_plain": ("2.0", "plain"),
    "htcds20_single": ("2.0", "single"),
}  # fmt: skip
KINDS = {"htcds10_plain": "xls", "htcds20_plain": "ods"}


def referral(label: str, direction: str, attribute: str, write: str, codes: str = "",
             technical: str = "") -> Column:  # fmt: skip
    """A column of the referral in one direction."""
    fill = in_group("referral", direction, attribute, write, codes)
    return Column(label, fill, f"referral.{attribute}", codes, technical=technical,
                  group=direction)  # fmt: skip


def last_decider(form: Form, case: Case, part: Any) -> Cell:
    """Who decided the status that stands beside it."""
    by = case.screenings[-1].decided_by if case.screenings else None
    return form.code(case, case, "screening.decided_by", by, "decision_making_org")


TRAFFICKING_STATUS = (
    Column("Trafficking Status", of("case.trafficking_status", "trafficking_status",
           "trafficking_status"), "case.trafficking_status", "trafficking_status",
           technical="vic_TraffickingStatus", also="screening.decision"),
    Column("Trafficking Status Decision Making Organization", last_decider,
           "screening.decided_by", "decision_making_org",
           technical="vic_TraffickinStatusDecisionMakingOrg"),
)  # fmt: skip
ONLINE = (
    listing("Recruitment Websites and Apps", "online_platform.platform", "online_platform",
            platforms_of("recruitment"), "recruitment", "vic_RecruitmentWebsitesAndApps"),
    listing("Exploitation Websites and Apps", "online_platform.platform", "online_platform",
            platforms_of("exploitation"), "exploitation", "vic_ExploitationWebsitesAndApps",
            placed=True),
)  # fmt: skip
VULNERABILITIES = (
    listing("Vulnerabilities", "vulnerability.factor", "vulnerability_factor", factors_chosen(),
            technical="vic_Vulnerabilities"),
    personal("vic_DetailsOfVulnerabilities", "Details Of Vulnerabilities", "notes"),
)  # fmt: skip


def build(mission: Mission) -> Form:
    """The form of a mission that works with the template."""
    basis = mission.variation.basis or "last_exploitation"
    version, selection = VARIANTS[mission.form]
    new = version == "2.0"
    columns = [
        Column("", fixed("row"), role="ignored"),
        personal("cas_CaseOwner", "Case Owner", "worker"),
        personal("prs_Salutation", "Salutation", "none"),
        personal("prs_FirstName", "First Name", "name"),
        personal("prs_SecondName", "Second Name", "surname"),
        Column("Consent" if new else "Agreement to Manage Personal Data", consent,
               codes="consent", role="consent",
               technical="con_Consent" if new else "vic_AgreementToManagePersonalData"),
        Column("Birthdate", age_of, "case.age_band", technical="prs_Birthdate"),
        Column("Gender ", of("case.gender", "gender", "gender"), "case.gender", "gender",
               technical="prs_Gender"),
        Column("Citizenship", citizenship_list, "citizenship.citizenship", "countries",
               technical="prs_Citizenship", many=True),
        personal("prs_Title", "Title", "none"),
        personal("prs_Email", "Email", "email"),
        personal("prs_HomePhone", "Home Phone", "none"),
        personal("prs_MobilePhone", "Mobile Phone ", "phone"),
        personal("prs_MailingCity", "Mailing Street", "address"),
        personal("prs_MailingCountry", "Mailing City", "city"),
        personal("prs_MailingState", "Mailing State/Province", "none"),
        personal("prs_MailingStreet", "Mailing Zip/Postal Code", "none"),
        personal("prs_MailingPostalCode", "Mailing Country", "none"),
        *(TRAFFICKING_STATUS if new else ()),
        listing("Method of Recruitment", "recruitment.recruitment_method", "recruitment_method",
                lambda case: case.methods, technical="vic_MethodOfRecruitment"),
        personal("vic_LocationOfRecruitment", "Location of Recruitment", "organisation"),
        *(ONLINE if version == "1.1" else ()),
        listing("Methods of Control ", "control.means_of_control", "means_of_control",
                means_chosen, technical="vic_MethodsOfControl"),
        listing("Type of Exploitation", "exploitation.exploitation_type", "exploitation_type",
                types_chosen, technical="vic_TypeOfExploitation"),
        listing("Forced Labour Industry", "exploitation.labour_sector", "labour_sector",
                sectors_chosen, technical="vic_ForcedLabourIndustry"),
        listing("Type of Sex Exploitation", "sexual_exploitation.sexual_exploitation_form",
                "sexual_form", lambda case: case.sexual_forms,
                technical="vic_TypeOfSexExploitation"),
        *(() if new else VULNERABILITIES),
        personal("vic_LocationOfExploitation", "Location of Exploitation", "organisation"),
        Column("Status ", of("case.case_status", "status", "case_status"), "case.case_status",
               "case_status", technical="cas_Status"),
        personal("cas_ReferringOrganisation", "Referring Organisation", "organisation"),
        referral("Incoming Referral Date", "incoming", "referred_on", "day",
                 technical="cas_IncomingReferralDate"),
        personal("cas_ReferringPrimaryCaseWorker", "Referring Primary Case Worker", "worker"),
        referral("Reason for Incoming Referral", "incoming", "reason", "code", "referral_reason",
                 technical="cas_ReasonForIncomingReferral"),
        personal("cas_IncomingReferralDetails", "Incoming Referral Details", "notes"),
        personal("cas_ReferredOrganisation", "Referred Organisation", "none"),
        personal("cas_ReferredPrimaryCaseWorker", "Referred Primary Case Worker", "none"),
        referral("Reason for Outgoing Referral", "outgoing", "reason", "code",
                 "referral_reason"),
        referral("Outgoing Referral Date", "outgoing", "referred_on", "day",
                 technical="cas_OutgoingReferralDate"),
        personal("cas_OutgoingReferralDetails", "Outgoing Referral Details", "none"),
        personal("cas_ReasonForCaseClosure", "Reason for Case Closure ", "none"),
        Column("Case ID", key, role="key"),
        Column("Registration date", day_of("case.registered_on", "registered"),
               "case.registered_on"),
        Column(COUNTRY_LABELS[basis], country_of("case.country_of_exploitation", "country"),
               "case.country_of_exploitation", "countries"),
        Column("Consent withdrawn on", withdrawn, role="consent"),
        *local_columns(mission),
    ]  # fmt: skip
    if selection != "multi":
        columns = [replace(column, many=False) for column in columns]
    kind = KINDS.get(mission.form, "xlsx")
    return Form(
        mission=mission,
        name=mission.form,
        language="en",
        kind=kind,
        path=f"outgoing/htcds_cases_%Y-%m-%d.{kind}",
        sources={"case": columns},
        lists={
            "online_platform": standard.labels("online_platform"),
            "vulnerability_factor": standard.labels("vulnerability_factor"),
            "consent": {"yes": "Yes", "no": "No"},
            "gender": standard.value_names("gender"),
            "trafficking_status": standard.labels("trafficking_status"),
            "recruitment_method": standard.labels("recruitment_method"),
            "means_of_control": standard.labels("means_of_control"),
            "exploitation_type": standard.labels("exploitation_type"),
            "labour_sector": standard.labels("labour_sector"),
            "case_status": standard.labels("case_status"),
            "decision_making_org": standard.labels("decision_making_org"),
            "sexual_form": standard.labels("sexual_form"),
            "referral_reason": standard.labels("referral_reason"),
        },
        countries=names("en-iso"),
        asked=frozenset({"citizenship.many", "recruitment"}),
        date_format="%d/%m/%Y",
        missing=("", "", "Unknown", *mission.variation.missing),
        basis=basis,
        control_items=standard.codes("means_of_control"),
        flat_exploitation=True,
        flat_referrals=True,
        last_screening_only=new,
        factor_items=() if new else tuple((f, NO_LEVEL) for f in
                                          standard.codes("vulnerability_factor")),
        one_choice=selection != "multi",
        many_methods=selection == "multi",
        macro_drops_substrings=selection == "multi",
        pre_numbered=1000,
        number_style=mission.code + "-{index:05d}",
        real_dates=True,
        drifting=frozenset({"case.gender", "case.trafficking_status", "case.case_status"}),
    )  # fmt: skip
