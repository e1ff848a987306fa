"""The 72 missions in their fixed order: code, form, encoding, share of 16,000 cases, variations.

The first six cover every dialect, so that a small run is a small world. Sizes are invented to
fit the citizenships of the public marginals: very unequal, from a dozen to thousands.
"""

from __future__ import annotations

from counterflow.synthetic.forms.base import Local, Mission, Variation

_YES_NO_EN = {"yes": "Yes", "no": "No"}


def _rename(**pairs: str) -> dict[str, str]:
    return pairs


MISSIONS = (
    Mission("MDA", "legacy_ro", "cp1250", 4200, Variation(local=(
        Local("seasonal_departure", "Plecare sezonieră", "Left for seasonal work?",
              {"yes": "da", "no": "nu"}),))),
    Mission("IDN", "htcds_xlsx", "utf-8", 850, Variation(local=(
        Local("recruited_by_licensed_agency", "Licensed agency?",
              "Was the recruiter a licensed agency (PJTKI)?", _YES_NO_EN),))),
    Mission("GHA", "kobo_en", "utf-8-sig", 780, Variation(local=(
        Local("fishing_boat", "worked_on_boat", "Did the child work on a fishing boat?",
              {"yes": "yes", "no": "no"}),))),
    Mission("HND", "htcds1_es", "utf-8", 60),
    Mission("NPL", "casebook_en", "utf-8", 120),
    Mission("THA", "legacy_th", "cp874", 190),
    Mission("UKR", "legacy_uk", "cp1251", 2600),
    Mission("BGD", "kobo_bn", "utf-8", 110),
    Mission("LBN", "casebook_ar", "utf-8", 45),
    Mission("HTI", "htcds1_fr", "utf-8-sig", 200),
    Mission("SEN", "legacy_fr", "cp1252", 260),
    Mission("ZAF", "htcds1_en", "utf-16", 60),
    Mission("BLR", "legacy_ru", "cp1251", 900),
    Mission("GNB", "legacy_pt", "cp1252", 200),
    Mission("EGY", "legacy_ar", "cp1256", 45),
    Mission("ALB", "register_sq", "cp1252", 260),
    Mission("COL", "kobo_es", "utf-8", 220, Variation(local=(
        Local("displaced_by_conflict", "desplazada_conflicto",
              "Was the person displaced by the armed conflict?", {"yes": "si", "no": "no"}),))),
    Mission("COD", "kobo_fr", "utf-8-sig", 80),
    Mission("ROU", "legacy_ro", "utf-8-sig", 1200, Variation(
        basis="registration", note="The country asked is where the case was registered.")),
    Mission("BGR", "legacy_en", "cp1252", 650, Variation(missing=("n.a.",))),
    Mission("SRB", "legacy_en", "cp1250", 330, Variation(rename=_rename(CASE_NO="FILE_NO"))),
    Mission("MKD", "legacy_en", "cp1252", 220),
    Mission("BIH", "legacy_en", "cp1250", 140, Variation(delimiter=";")),
    Mission("HRV", "legacy_en", "utf-16", 60),
    Mission("GEO", "legacy_en", "utf-8", 40),
    Mission("ARM", "legacy_en", "cp1252", 35, Variation(
        basis="screening", note="The country asked is where the person was interviewed.")),
    Mission("KAZ", "legacy_ru", "cp1251", 160, Variation(
        basis="registration", note="The country asked is where the case was registered.")),
    Mission("KGZ", "legacy_ru", "cp1251", 190, Variation(local=(
        Local("herding_season", "Сезон выпаса", "Taken during the herding season?",
              {"yes": "1", "no": "0"}),))),
    Mission("UZB", "legacy_ru", "cp1251", 160, Variation(delimiter=",")),
    Mission("RUS", "legacy_ru", "utf-8", 120, Variation(missing=("нет данных",))),
    Mission("TJK", "register_fa", "utf-8-sig", 60),
    Mission("TKM", "legacy_ru", "utf-16", 30),
    Mission("PHL", "htcds_xlsx", "utf-8", 120, Variation(
        basis="screening", note="The country asked is where the person was screened.")),
    Mission("KHM", "register_km", "utf-8", 150),
    Mission("VNM", "register_vi", "utf-8", 90),
    Mission("PAK", "htcds10_plain", "utf-8", 40),
    Mission("TUR", "register_tr", "utf-8", 130),
    Mission("POL", "register_pl", "cp1250", 120, Variation(missing=("n/d",))),
    Mission("ITA", "htcds11_single", "utf-8", 70, Variation(missing=("Not stated",))),
    Mission("AUT", "htcds20_plain", "utf-8", 40),
    Mission("CZE", "htcds20_single", "utf-8", 55),
    Mission("AZE", "htcds11_multi", "utf-8", 30),
    Mission("NGA", "htcds_xlsx", "utf-8", 80),
    Mission("SLE", "kobo_en", "utf-8-sig", 130, Variation(rename=_rename(case_no="hh_case_no"))),
    Mission("UGA", "kobo_en", "utf-8", 90),
    Mission("ZMB", "kobo_en", "utf-8", 40, Variation(
        basis="screening", note="The country asked is where the person was screened.")),
    Mission("ETH", "register_am", "utf-8", 60, Variation(missing=("98",))),
    Mission("TZA", "kobo_en", "utf-8", 30),
    Mission("NAM", "kobo_en", "utf-8", 14),
    Mission("LAO", "kobo_en", "utf-8", 160),
    Mission("MMR", "kobo_en", "utf-8", 60, Variation(delimiter=";")),
    Mission("CIV", "kobo_fr", "utf-8", 60),
    Mission("MLI", "legacy_fr", "cp1252", 90),
    Mission("MAR", "legacy_fr", "cp1252", 30),
    Mission("AGO", "legacy_pt", "cp1252", 30),
    Mission("MOZ", "legacy_pt", "cp1252", 45),
    Mission("BRA", "legacy_pt", "utf-8-sig", 60, Variation(missing=("NR",))),
    Mission("PRT", "legacy_pt", "cp1252", 40),
    Mission("TLS", "register_id", "cp1252", 20),
    Mission("SYR", "legacy_ar", "cp1256", 35),
    Mission("YEM", "legacy_ar", "cp1256", 18),
    Mission("JOR", "legacy_ar", "utf-8", 25),
    Mission("ECU", "kobo_es", "utf-8", 60),
    Mission("PER", "kobo_es", "utf-8", 40),
    Mission("BOL", "kobo_es", "utf-8", 30),
    Mission("NIC", "kobo_es", "utf-8-sig", 45),
    Mission("GTM", "htcds1_es", "utf-8", 40),
    Mission("ARG", "htcds1_es", "utf-8", 55),
    Mission("MEX", "htcds1_es", "utf-8", 60),
    Mission("DOM", "htcds1_es", "utf-8", 90),
    Mission("IND", "register_hi", "utf-8", 45),
    Mission("LKA", "casebook_en", "utf-8", 40),
)  # fmt: skip

SMALLEST = 12


def sizes(missions: int, cases: int) -> list[tuple[Mission, int]]:
    """The first `missions` missions, each with its number of cases; they add up to `cases`."""
    chosen = MISSIONS[:missions]
    least = min(SMALLEST, cases // len(chosen))
    spare = cases - least * len(chosen)
    extra = [max(0.0, m.weight - SMALLEST) for m in chosen]
    exact = [spare * weight / sum(extra) for weight in extra]
    counts = [least + int(share) for share in exact]
    # Largest remainders get what rounding left over.
    order = sorted(range(len(chosen)), key=lambda i: (int(exact[i]) - exact[i], i))
    for i in order[: cases - sum(counts)]:
        counts[i] += 1
    return list(zip(chosen, counts, strict=True))
