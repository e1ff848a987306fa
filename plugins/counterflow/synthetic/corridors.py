"""From where to where: a mission in, draws of citizenship and of destination out.

Corridors and their weights follow the domain page (Ukraine→Russia, Belarus→Russia,
Indonesia→Malaysia, Ukraine→Poland, …) and the public marginals for 2002-2010.
"""

from __future__ import annotations

from functools import cache

from counterflow.synthetic.calibration import Draw
from counterflow.synthetic.countries import DESTINATIONS, ORIGINS

# Where nationals of a country were exploited abroad.
ABROAD: dict[str, dict[str, float]] = {
    "UKR": {"RUS": 49, "POL": 21, "TUR": 15, "ARE": 9, "MKD": 4, "CZE": 4, "SRB": 2, "AUT": 2,
            "ITA": 3, "DEU": 2, "ISR": 2, "BIH": 1, "BGR": 1},
    "MDA": {"SRB": 24, "TUR": 16, "RUS": 19, "MKD": 9, "ROU": 7, "ARE": 7, "CYP": 4, "ISR": 4,
            "BIH": 4, "ALB": 2, "ITA": 2, "POL": 2},
    "BLR": {"RUS": 78, "POL": 8, "DEU": 4, "CZE": 3, "TUR": 3, "ISR": 2, "ARE": 2},
    "ROU": {"MKD": 34, "BIH": 26, "SRB": 15, "ITA": 12, "ESP": 8, "DEU": 3, "GRC": 2},
    "BGR": {"MKD": 25, "GRC": 20, "DEU": 15, "ITA": 12, "ESP": 10, "NLD": 8, "AUT": 6, "BEL": 4},
    "ALB": {"ITA": 50, "GRC": 35, "GBR": 8, "BEL": 7},
    "IDN": {"MYS": 90, "SAU": 4, "SGP": 3, "JPN": 2, "KWT": 1},
    "PHL": {"MYS": 40, "SAU": 14, "KWT": 10, "JPN": 14, "SGP": 8, "LBN": 5, "ARE": 9},
    "KHM": {"THA": 80, "MYS": 10, "VNM": 10}, "LAO": {"THA": 100}, "MMR": {"THA": 85, "CHN": 15},
    "VNM": {"CHN": 45, "KHM": 35, "MYS": 12, "KOR": 8}, "THA": {"JPN": 40, "MYS": 25, "BHR": 35},
    "BGD": {"IND": 45, "ARE": 18, "SAU": 15, "OMN": 8, "MYS": 8, "QAT": 6},
    "NPL": {"IND": 55, "KWT": 12, "SAU": 12, "QAT": 11, "LBN": 10},
    "LKA": {"KWT": 30, "SAU": 30, "LBN": 20, "JOR": 20}, "IND": {"ARE": 40, "KWT": 30, "SAU": 30},
    "PAK": {"ARE": 45, "OMN": 30, "SAU": 25}, "KGZ": {"KAZ": 54, "RUS": 42, "ARE": 4},
    "UZB": {"KAZ": 40, "RUS": 30, "ARE": 20, "TUR": 10}, "TJK": {"RUS": 80, "ARE": 20},
    "TKM": {"TUR": 90, "RUS": 10}, "KAZ": {"RUS": 60, "ARE": 30, "TUR": 10},
    "GEO": {"TUR": 60, "GRC": 20, "ARE": 20}, "ARM": {"ARE": 50, "TUR": 30, "RUS": 20},
    "AZE": {"TUR": 60, "ARE": 30, "RUS": 10}, "GNB": {"SEN": 100}, "GIN": {"SEN": 60, "CIV": 40},
    "MLI": {"SEN": 60, "CIV": 40}, "NER": {"SEN": 50, "NGA": 50}, "NGA": {"ITA": 50, "CIV": 20,
    "LBY": 10, "ESP": 10, "GAB": 10}, "BFA": {"CIV": 70, "GHA": 30}, "BEN": {"NGA": 60, "GAB": 40},
    "TGO": {"GHA": 60, "GAB": 40}, "ETH": {"LBN": 30, "SAU": 30, "YEM": 25, "KWT": 15},
    "COL": {"JPN": 35, "ESP": 20, "ECU": 15, "ARG": 12, "MEX": 10, "NLD": 8},
    "BOL": {"ARG": 75, "BRA": 25}, "PRY": {"ARG": 80, "BRA": 20}, "DOM": {"ARG": 30, "CHE": 15,
    "ESP": 25, "HTI": 15, "CRI": 0, "NLD": 15}, "HTI": {"DOM": 100}, "NIC": {"GTM": 60, "MEX": 40},
    "HND": {"GTM": 45, "MEX": 55}, "GTM": {"MEX": 70, "USA": 30}, "MEX": {"USA": 90, "CAN": 10},
    "SLV": {"GTM": 50, "MEX": 50}, "PER": {"ARG": 50, "ECU": 30, "BOL": 20},
    "BRA": {"ESP": 50, "PRT": 35, "CHE": 15}, "MOZ": {"ZAF": 100}, "AGO": {"PRT": 60, "NAM": 40},
    "ZWE": {"ZAF": 100}, "TZA": {"YEM": 50, "ZAF": 50}, "UGA": {"MYS": 60, "IRQ": 0, "CHN": 40},
    "SYR": {"LBN": 60, "JOR": 40}, "IRQ": {"SYR": 50, "JOR": 30, "YEM": 20}, "CHN": {"MYS": 100},
}  # fmt: skip
ABROAD_DEFAULT: dict[str, float] = {"ITA": 20, "ARE": 15, "TUR": 15, "ESP": 15, "ZAF": 15, "DEU": 20}

# Who is met at missions of destination, and beside nationals at some others.
HOSTED: dict[str, dict[str, float]] = {
    "SRB": {"MDA": 45, "UKR": 15, "ROU": 20, "SRB": 20}, "MKD": {"ROU": 40, "MDA": 35, "UKR": 15, "BGR": 10},
    "BIH": {"ROU": 45, "UKR": 20, "MDA": 25, "SRB": 10}, "HRV": {"UKR": 35, "ROU": 35, "BIH": 30},
    "TUR": {"UKR": 35, "MDA": 30, "RUS": 15, "UZB": 10, "KGZ": 5, "GEO": 5},
    "POL": {"UKR": 60, "BLR": 15, "BGR": 15, "LTU": 5, "VNM": 5},
    "ITA": {"NGA": 40, "ROU": 30, "ALB": 20, "UKR": 10}, "AUT": {"UKR": 40, "ROU": 30, "BGR": 20, "HUN": 10},
    "CZE": {"UKR": 60, "SVK": 20, "VNM": 10, "BLR": 10}, "PRT": {"BRA": 60, "AGO": 20, "MOZ": 20},
    "RUS": {"UKR": 40, "UZB": 20, "TJK": 20, "RUS": 20}, "KAZ": {"UZB": 45, "KGZ": 25, "KAZ": 30},
    "THA": {"LAO": 40, "KHM": 30, "MMR": 25, "THA": 5}, "SEN": {"GNB": 30, "SEN": 40, "MLI": 15, "GIN": 8, "NER": 7},
    "CIV": {"MLI": 35, "BFA": 40, "GIN": 15, "CIV": 10}, "ZAF": {"MOZ": 40, "ZWE": 30, "COD": 15, "THA": 15},
    "ARG": {"PRY": 45, "BOL": 35, "DOM": 10, "PER": 10}, "LBN": {"ETH": 45, "LKA": 30, "PHL": 15, "NPL": 10},
    "JOR": {"IRQ": 30, "LKA": 35, "PHL": 20, "EGY": 15}, "SYR": {"IRQ": 70, "SYR": 30},
    "YEM": {"ETH": 60, "YEM": 40}, "MAR": {"NGA": 50, "MAR": 20, "CIV": 30}, "DOM": {"HTI": 55, "DOM": 45},
    "GTM": {"HND": 25, "SLV": 25, "NIC": 10, "GTM": 40}, "MEX": {"GTM": 35, "HND": 30, "MEX": 35},
    "TLS": {"IDN": 40, "CHN": 20, "TLS": 40}, "ZMB": {"ZMB": 60, "COD": 25, "MWI": 15},
    "BRA": {"BRA": 80, "BOL": 10, "PRY": 10}, "MYS": {},
}  # fmt: skip # noqa: E501


@cache
def citizenships(mission: str) -> Draw:
    """Citizenships met at a mission."""
    return Draw(HOSTED.get(mission) or {mission: 97, **_neighbours(mission)})


def _neighbours(mission: str) -> dict[str, float]:
    others = [c for c in ABROAD if c != mission and mission in ABROAD[c] and c in ORIGINS][:3]
    return dict.fromkeys(others, 3 / len(others)) if others else {}


@cache
def destinations(citizenship: str) -> Draw:
    """Countries abroad where nationals of `citizenship` were exploited."""
    weights = ABROAD.get(citizenship, ABROAD_DEFAULT)
    return Draw({c: w for c, w in weights.items() if w and c in DESTINATIONS and c != citizenship})


def hosts(mission: str) -> bool:
    """Whether the mission meets victims where they were exploited."""
    return mission in HOSTED
