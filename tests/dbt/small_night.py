"""The small night of the dbt tests: three missions, said row by row as they would be landed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from counterflow.consent import REASONS
from tests.dbt.running import build, dbt, let_go
from tests.dbt.sources import NIGHT, PROJECT, Sources

__all__ = ["NIGHT", "PROJECT", "Sources", "a_night", "build", "dbt", "let_go"]


def a_night(home: Path) -> Sources:
    """Three missions: MDA sends one flat sheet, UKR related tables, SEN nothing for two nights.

    MDA's form changed: v1 lists means of control of which an unchosen one says nothing; on v2 the worker
    answers every item, and debt bondage is new. UKR asks each means, has flags of its own and asks where a case
    was registered. SEN's form asks gender alone.
    """
    sources = Sources(home, NIGHT)
    _mda(sources)
    _ukr(sources)
    _sen(sources)
    for mission, status in (("MDA", "passed"), ("MDA", "failed"), ("UKR", "passed")):
        sources.put(
            "rule_result", night=NIGHT, mission_code=mission, table_name="case", rule_id=f"case.{status}_one",
            severity="critical", status=status, rows_checked=7, rows_failed=int(status == "failed"),
        )  # fmt: skip
    sources.put(
        "signal", night=NIGHT, mission_code="MDA", kind="unmapped_code", table_name="case", field="gender",
        detail="1 value", rows=1,
    )  # fmt: skip
    return sources


def _mda(sources: Sources) -> None:
    """One flat sheet, two versions of its form."""
    sources.mission(
        "MDA", rows_read=16, rows_accepted=3, rows_quarantined=4, rows_withheld=7, rows_blank=2,
        **{f"withheld_{reason}": 1 for reason in REASONS},
    )  # fmt: skip
    flat = (
        "case.gender", "case.age_band", "citizenship.citizenship", "exploitation.exploitation_type",
        "exploitation.labour_sector", "exploitation.exploitation_type.forced_labour",
        "exploitation.exploitation_type.sexual_exploitation",
    )  # fmt: skip
    sources.put(
        "form_version", mission_code="MDA", form_version="v1", valid_until=date(2007, 12, 1)
    )
    sources.put("form_version", mission_code="MDA", form_version="v2", valid_from=date(2008, 1, 1))
    for version, answer in (("v1", "unknown"), ("v2", "no")):
        sources.form("MDA", version, *flat, mode="chosen", not_chosen=answer)
        sources.form("MDA", version, "case.country_of_exploitation")
    means = [f"control.means_of_control.{item}" for item in ("physical_threats", "takes_earnings")]
    sources.form("MDA", "v1", *means, mode="chosen", not_chosen="unknown")
    means.append("control.means_of_control.debt_bondage")
    sources.form("MDA", "v2", *means, mode="chosen", not_chosen="no")
    sources.codes("MDA", "case.gender", {"F": "feminine", "M": "masculine"})
    basis = {"last_exploitation": "last_exploitation"}
    sources.codes("MDA", "case.country_of_exploitation_basis", basis)
    sources.codes("MDA", "case.age_band", {"9-17": "9-17", "18-20": "18-20"})
    countries = {"Moldova": "MDA", "România": "ROU", "Rusia": "RUS", "-99": "unknown"}
    sources.codes("MDA", "citizenship.citizenship", countries)
    sources.codes("MDA", "case.country_of_exploitation", countries)
    sources.codes("MDA", "exploitation.country", countries)
    sources.codes(
        "MDA",
        "exploitation.exploitation_type",
        {"muncă": "forced_labour", "sexuală": "sexual_exploitation"},
    )
    sources.codes("MDA", "exploitation.labour_sector", {"construcții": "f_construction"})
    sources.codes(
        "MDA",
        "control.means_of_control",
        {"datorie": "debt_bondage", "amenințări": "physical_threats", "bani": "takes_earnings"},
    )

    def flat_row(row: int, case: str, **values: object) -> None:
        sources.land("MDA", "case", row, case, **values)

    def part(table: str, row: int, case: str, **values: object) -> None:
        sources.land("MDA", table, row, case, source="case", **values)

    # a: forced labour in Russia, recorded on v2
    flat_row(
        1, "mda-a", form_version="v2", registered_month=date(2009, 5, 1), gender="M",
        age_band="18-20", country_of_exploitation="Rusia",
        country_of_exploitation_basis="last_exploitation",
    )  # fmt: skip
    part("citizenship", 1, "mda-a", citizenship="România", citizenship_number=1)
    part("citizenship", 1, "mda-a", citizenship="Moldova", citizenship_number=2)
    part(
        "exploitation",
        1,
        "mda-a",
        exploitation_type="muncă",
        labour_sector="construcții",
        country="Rusia",
    )
    part("control", 1, "mda-a", means_of_control="datorie")
    # b: a child, at home, recorded on v1, with nothing chosen
    flat_row(
        2, "mda-b", form_version="v1", registered_month=date(2007, 1, 1), gender=None,
        age_band="9-17", country_of_exploitation="Moldova",
        country_of_exploitation_basis="last_exploitation",
    )  # fmt: skip
    part("citizenship", 2, "mda-b", citizenship="Moldova", citizenship_number=1)
    # c: on v1, one means chosen; then the same case number again, the same row (repeat)
    for row in (3, 4):
        flat_row(
            row, "mda-c", form_version="v1", registered_month=date(2007, 2, 1), gender="F",
            age_band=None, country_of_exploitation="-99",
            country_of_exploitation_basis="last_exploitation",
        )  # fmt: skip
        part("citizenship", row, "mda-c", citizenship="-99", citizenship_number=1)
        part("exploitation", row, "mda-c", exploitation_type="sexuală")
        part("control", row, "mda-c", means_of_control="amenințări")
    sources.fail("MDA", "case", 4, "case.key_repeat")
    # d: two rows that disagree; e: a code that nobody mapped
    for row in (5, 6):
        flat_row(row, "mda-d", form_version="v2", registered_month=date(2010, 1, 1), gender="M")
        sources.fail("MDA", "case", row, "case.key_conflict")
    flat_row(7, "mda-e", form_version="v2", gender="#0123456789abcdef0123456789abcdef")
    part("control", 7, "mda-e", means_of_control="datorie")
    sources.fail("MDA", "case", 7, "case.gender_mapped")


def _ukr(sources: Sources) -> None:
    """Related tables; each means of control asked by itself; factors at two levels; a merged record."""
    sources.mission("UKR", rows_read=33, rows_accepted=25, rows_quarantined=8)
    sources.form(
        "UKR", "", "case.gender", "case.is_sexual_exploitation", "case.is_forced_labour", "case.case_status",
        "case.country_of_exploitation", "case.children_band", "case.primary_language", "case.country_of_residence",
        "exploitation.exploitation_type", "sexual_exploitation.sexual_exploitation_form",
        "online_platform.purpose", "online_platform.platform",
        "recruitment.recruitment_method", "recruitment.country",
        "route_leg.from_country", "route_leg.to_country", "event.event_type", "event.country",
        "perpetrator.role", "perpetrator.gender", "perpetrator.citizenship",
        "screening.decision", "screening.decided_by", "referral.direction", "referral.reason",
        "assistance.service_type",
    )  # fmt: skip
    means = [
        f"control.means_of_control.{item}" for item in ("physical_threats", "debt_bondage", "other")
    ]
    sources.form("UKR", "", *means, mode="each")
    factors = ("vulnerability.factor.poverty", "vulnerability.factor.migration")
    sources.form("UKR", "", "vulnerability.level")
    sources.form("UKR", "", *factors, mode="each", item_group="individual")
    sources.form("UKR", "", factors[0], mode="each", item_group="household")
    sources.form("UKR", "", "vulnerability.factor.education", mode="each")
    yes_no = {"1": "yes", "0": "no", "-99": "unknown"}
    for column in (
        "case.is_sexual_exploitation",
        "case.is_forced_labour",
        "control.answer",
        "vulnerability.answer",
    ):
        sources.codes("UKR", column, yes_no)
    sources.codes("UKR", "case.gender", {"ж": "feminine", "ч": "masculine"})
    sources.codes("UKR", "perpetrator.gender", {"ж": "feminine", "ч": "masculine"})
    sources.codes("UKR", "case.case_status", {"закрито": "closed"})
    for column in (
        "citizenship.citizenship", "case.country_of_exploitation", "case.country_of_residence", "recruitment.country",
        "route_leg.from_country", "route_leg.to_country", "event.country", "perpetrator.citizenship",
    ):  # fmt: skip
        sources.codes("UKR", column, {"UA": "UKR", "TR": "TUR", "RU": "RUS", "PL": "POL"})
    sources.codes(
        "UKR",
        "exploitation.exploitation_type",
        {"праця": "forced_labour", "секс": "sexual_exploitation"},
    )
    sources.codes(
        "UKR", "control.means_of_control",
        {"погрози": "physical_threats", "загрози": "physical_threats", "борг": "debt_bondage", "інше": "other"},
    )  # fmt: skip
    sources.codes("UKR", "recruitment.recruitment_method", {"робота": "at_work"})
    sources.codes(
        "UKR", "perpetrator.role", {"перевізник": "transporter", "експлуататор": "exploiter"}
    )
    sources.codes("UKR", "vulnerability.factor", {"бідність": "poverty", "міграція": "migration"})
    sources.codes("UKR", "assistance.service_type", {"мед": "health"})
    sources.codes("UKR", "case.country_of_exploitation_basis", {"registration": "registration"})
    sources.codes("UKR", "case.children_band", {"1-2": "1-2"})
    sources.codes("UKR", "case.primary_language", {"укр": "ukr", "інша": "other"})
    sources.codes(
        "UKR", "vulnerability.level", {"individual": "individual", "household": "household"}
    )
    sources.codes("UKR", "sexual_exploitation.sexual_exploitation_form", {"вулиця": "prostitution"})
    sources.codes("UKR", "online_platform.purpose", {"recruitment": "recruitment"})
    sources.codes("UKR", "online_platform.platform", {"ВК": "other", "Вайбер": "viber"})
    sources.codes("UKR", "event.event_type", {"вербування": "recruitment", "транзит": "transit"})
    sources.codes("UKR", "screening.decision", {"так": "actual_victim_of_trafficking"})
    sources.codes("UKR", "screening.decided_by", {"поліція": "police"})
    sources.codes("UKR", "referral.direction", {"outgoing": "outgoing"})
    sources.codes("UKR", "referral.reason", {"переїзд": "migration_or_change_of_location"})
    sources.codes(
        "UKR", "local_attribute.value", {"seasonal=так": "yes"}, label="Left for seasonal work"
    )

    ukr = "UKR"
    sources.land(
        ukr, "case", 1, "ukr-a", form_version=None, registered_month=date(2010, 3, 1), gender="ж",
        is_sexual_exploitation="0", is_forced_labour="-99", country_of_exploitation="TR",
        country_of_exploitation_basis="registration", case_status="закрито", children_band="1-2",
        primary_language="укр", country_of_residence="PL",
    )  # fmt: skip
    # the same person, entered twice: the second record was merged into the first, whose case its child rows are of
    sources.land(
        ukr, "case", 3, "ukr-c", merged_into_key="ukr-a", form_version=None, registered_month=date(2010, 6, 1),
        gender="ч", case_status="закрито",
    )  # fmt: skip
    sources.land(ukr, "case", 2, "ukr-b", form_version=None, registered_month=None, gender="ч")
    sources.fail(ukr, "case", 2, "case.registered_on_readable")
    sources.land(ukr, "citizenship", 1, "ukr-a", citizenship="UA")
    sources.land(ukr, "exploitation", 1, "ukr-a", exploitation_type="праця", start_year=2009)
    sources.land(ukr, "exploitation", 2, "ukr-a", exploitation_type="секс")
    sources.land(ukr, "exploitation", 3, "ukr-a", exploitation_type="#" + "f" * 32)
    sources.fail(ukr, "exploitation", 3, "exploitation.exploitation_type_mapped")
    sources.land(ukr, "control", 1, "ukr-a", means_of_control="погрози", answer="0")
    sources.land(ukr, "control", 2, "ukr-a", means_of_control="загрози", answer="1")
    sources.land(ukr, "control", 3, "ukr-a", means_of_control="борг", answer="0")
    sources.land(ukr, "control", 4, "ukr-b", means_of_control="борг", answer="1")
    sources.land(
        ukr, "control", 5, "ukr-x", means_of_control="борг", answer="1", case_reading="orphan"
    )
    sources.fail(ukr, "control", 5, "control.case_known")
    sources.land(ukr, "recruitment", 1, "ukr-a", recruitment_method="робота", country="UA")
    sources.land(ukr, "sexual_exploitation", 1, "ukr-a", sexual_exploitation_form="вулиця")
    for row, platform in enumerate(("Вайбер", "ВК", "ВК"), start=1):
        sources.land(ukr, "online_platform", row, "ukr-a", purpose="recruitment", platform=platform)
    sources.land(
        ukr, "screening", 1, "ukr-a", decision="так", decided_by="поліція",
        decided_month=date(2010, 5, 1),
    )  # fmt: skip
    sources.land(
        ukr, "referral", 1, "ukr-a", direction="outgoing", reason="переїзд",
        referred_month=date(2010, 9, 1),
    )  # fmt: skip
    # the second event has a number, the others have none and follow it
    sources.land(ukr, "event", 1, "ukr-a", event_type="вербування", country="UA", year=2008)
    sources.land(ukr, "event", 2, "ukr-a", event_type="транзит", country="PL", event_number=3)
    sources.land(ukr, "event", 3, "ukr-a", event_type="транзит", country="TR")
    # legs without a number: the first is not accepted, and the second keeps its place
    sources.land(ukr, "route_leg", 1, "ukr-a", from_country="UA", to_country="#" + "e" * 32)
    sources.fail(ukr, "route_leg", 1, "route_leg.to_country_mapped")
    sources.land(ukr, "route_leg", 2, "ukr-a", from_country="PL", to_country="TR", year=2009)
    # one perpetrator of two roles, of whom the second row says more; then one without a number, of no known role
    sources.land(ukr, "perpetrator", 1, "ukr-a", perpetrator_number=1, role="перевізник")
    sources.land(
        ukr, "perpetrator", 2, "ukr-a", perpetrator_number=1, role="експлуататор", gender="ч",
        citizenship="RU",
    )  # fmt: skip
    sources.land(ukr, "perpetrator", 3, "ukr-a", gender="ж")
    sources.land(ukr, "vulnerability", 1, "ukr-a", factor="бідність", level="household", answer="1")
    sources.land(
        ukr, "assistance", 1, "ukr-a", service_type="мед", started_month=date(2010, 4, 1),
        ended_month=date(2010, 8, 1),
    )  # fmt: skip
    sources.land(ukr, "local_attribute", 1, "ukr-b", field="seasonal", value="seasonal=так")
    sources.land(ukr, "local_attribute", 2, "ukr-a", field="seasonal", value="seasonal=так")
    for row in (6, 7):
        sources.land(
            ukr, "control", row, None, means_of_control="борг", answer="1", case_reading="blank"
        )
        sources.fail(ukr, "control", row, "control.case_present")


def _sen(sources: Sources) -> None:
    """Nothing for five nights."""
    sources.mission(
        "SEN", "late", rows_read=1, rows_accepted=1, is_stale=True, loaded_night=date(2010, 11, 20), message="No export for 5 nights."
    )  # fmt: skip
    sources.put(
        "load", night=date(2010, 11, 20), mission_code="SEN", status="loaded", is_stale=False,
        loaded_night=date(2010, 11, 20), message="", rows_read=1, rows_accepted=1, rows_quarantined=0,
        rows_withheld=0, rows_blank=0, **{f"withheld_{reason}": 0 for reason in REASONS},
    )  # fmt: skip
    sources.form("SEN", "v1", "case.gender")
    sources.land("SEN", "case", 1, "sen-a", form_version="v1", registered_month=date(2008, 7, 1))
