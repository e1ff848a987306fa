"""Countries of the synthetic world: which exist in it, and how a mission writes them.

The seed speaks of 85 source and 100 destination countries: exactly these can occur as
citizenship and as country of exploitation. Names come from Unicode CLDR through babel.
"""

from __future__ import annotations

from functools import cache

from babel import Locale
from babel.core import get_global

from counterflow.synthetic.words import CEDILLA

# The 72 missions' countries, all of them countries of exploitation too (internal trafficking).
MISSION_COUNTRIES = (
    "MDA ROU BGR ALB SRB MKD BIH HRV UKR BLR KAZ KGZ UZB RUS TJK TKM GEO ARM AZE "
    "IDN PHL KHM VNM PAK IND LKA NPL BGD THA LAO MMR TLS TUR POL ITA AUT CZE PRT "
    "GHA SLE UGA ZMB ETH TZA NAM NGA CIV COD SEN MLI MAR GNB AGO MOZ ZAF "
    "EGY SYR YEM JOR LBN COL ECU PER BOL NIC HND GTM ARG MEX DOM HTI BRA"
).split()

# Countries where missions meet victims but hardly ever nationals among them.
_HOSTS_ONLY = "ITA AUT PRT CZE HRV JOR LBN ZAF ARG TUR".split()

_OTHER_ORIGINS = (
    "LTU LVA HUN SVK NER BFA GIN BEN TGO GMB LBR CMR KEN ZWE MDG MWI PRY SLV VEN CUB JAM IRQ CHN"
).split()
_OTHER_DESTINATIONS = (
    "ARE SAU KWT QAT BHR OMN ISR CYP GRC ESP FRA DEU GBR NLD BEL CHE SWE USA CAN MYS SGP JPN KOR "
    "CHN LBY GAB GNQ HUN"
).split()

ORIGINS = tuple([c for c in MISSION_COUNTRIES if c not in _HOSTS_ONLY] + _OTHER_ORIGINS)
DESTINATIONS = tuple(MISSION_COUNTRIES + _OTHER_DESTINATIONS)

# South-Eastern Europe as the seed's projects counted it, Moldova included.
SOUTH_EASTERN_EUROPE = frozenset("MDA ROU BGR ALB SRB MKD BIH HRV".split())

# ISO 3166 short names with a comma, as the standard's country list has them.
ISO_COMMA_NAMES = {
    "MDA": "Moldova, Republic of",
    "MKD": "Macedonia, the former Yugoslav Republic of",
    "COD": "Congo, the Democratic Republic of the",
    "TZA": "Tanzania, United Republic of",
    "KOR": "Korea, Republic of",
    "BOL": "Bolivia, Plurinational State of",
    "VEN": "Venezuela, Bolivarian Republic of",
    "RUS": "Russian Federation",
    "VNM": "Viet Nam",
    "LAO": "Lao People's Democratic Republic",
    "SYR": "Syrian Arab Republic",
    "CIV": "Côte d'Ivoire",
}


@cache
def alpha2() -> dict[str, str]:
    """Alpha-3 to alpha-2, from CLDR's aliases."""
    aliases = get_global("territory_aliases")
    return {c: aliases[c][0] for c in {*ORIGINS, *DESTINATIONS}}


@cache
def names(language: str) -> dict[str, str]:
    """Alpha-3 to the CLDR name in `language`; `en-iso` gives the standard's own English list."""
    territories = Locale("en" if language == "en-iso" else language).territories
    result = {c: territories[two] for c, two in alpha2().items()}
    if language == "en-iso":
        result.update(ISO_COMMA_NAMES)
    if language == "ro":
        result = {c: name.translate(CEDILLA) for c, name in result.items()}
    return result
