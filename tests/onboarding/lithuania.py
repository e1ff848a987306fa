"""A mission that no dialect knows, written by hand: Lithuanian headers over the standard's value names.

A zip of pipe-delimited files in cp1257: a list of cases and a child table. Dates have names of months,
durations decimal commas, exploitations stand several in a cell. What each case holds follows from its
number, so that a test can say what must be in the warehouse without reading a contract.
"""

from __future__ import annotations

from datetime import date

from tests.support import archive

CASES = 120
NIGHT = date(2010, 11, 25)
MONTHS = [
    "sausio",
    "vasario",
    "kovo",
    "balandžio",
    "gegužės",
    "birželio",
    "liepos",
    "rugpjūčio",
    "rugsėjo",
    "spalio",
    "lapkričio",
    "gruodžio",
]
GENDERS = ("Feminine", "Feminine", "Masculine")
STATUSES = ("Single", "Married", "Divorced", "Single")
COUNTRIES = {
    "Lietuva": "LTU",
    "Jungtinė Karalystė": "GBR",
    "Ispanija": "ESP",
    "Švedija": "SWE",
    "Vokietija": "DEU",
}
EXPLOITATIONS = ("SexualExploitation", "ForcedLabour", "ForcedLabour; ForcedBegging")
MEANS = ("DebtBondage", "FalsePromises", "WithholdsDocuments", "PsychologicalAbuse")
HEADER = (
    "Bylos Nr.|Vardas|Pavardė|Asmens kodas|Gimimo data|Registracijos data|Lytis|Pilietybė|Šeiminė padėtis|Išnaudojimo šalis|"
    "Išnaudojimo forma|Trukmė mėn.|Kabinetas|Darbuotojas|Sutikimas tyrimams|Sutikimas atšauktas|Pastabos"
)
FIRST = ("Austėja", "Žydrūnė", "Ąžuolas", "Eglė", "Rūta", "Jurgis", "Šarūnas")
LAST = ("Žukauskienė", "Kazlauskas", "Petrauskaitė", "Jankauskas", "Stankevičiūtė")


def country(number: int) -> str:
    """Where the case was exploited, in Lithuanian."""
    return tuple(COUNTRIES)[1 + number % 4]


def registered(number: int) -> date:
    """When the case was registered."""
    return date(2004 + number % 6, 1 + number % 12, 1 + number % 28)


def born(number: int) -> date:
    """When the person was born: 22 to 41 years before, on the same day of the year or before it."""
    return date(registered(number).year - 22 - number % 20, 1, 1 + number % 20)


def written(day: date) -> str:
    """A date as Lithuanian writes it."""
    return f"{day.year} m. {MONTHS[day.month - 1]} {day.day} d."


def months(number: int) -> str:
    """A duration in months with a decimal comma."""
    return f"{number % 30},5"


def consent(number: int) -> str:
    """`Ne` for every tenth case."""
    return "Ne" if number % 10 == 0 else "Taip"


def row(number: int) -> list[str]:
    """The cells of a case."""
    return [
        f"LT-{number:04}",
        f"{FIRST[number % len(FIRST)]}",
        f"{LAST[number % len(LAST)]}",
        f"4{number:010}",
        written(born(number)),
        written(registered(number)),
        GENDERS[number % 3],
        "Lietuva",
        STATUSES[number % 4],
        country(number),
        EXPLOITATIONS[number % 3],
        months(number),
        f"K{number % 3}",
        f"{FIRST[number % 2]} {LAST[number % 2]}",
        consent(number),
        "",
        f"Pastaba apie bylą {number}: išklausyta, ėjo į šokį, žmogus" if number % 2 else "",
    ]


def means(number: int) -> list[str]:
    """The means of control of a case."""
    return [MEANS[number % 4], MEANS[(number + 1) % 4]]


def export(
    rows: list[list[str]] | None = None, encoding: str = "cp1257", extra: list[str] | None = None
) -> bytes:
    """The zip that the mission delivers."""
    listed = rows if rows is not None else [row(n) for n in range(1, CASES + 1)]
    cases = [HEADER, *("|".join(cells) for cells in listed)]
    controls = ["Bylos Nr.|Kontrolės priemonės"]
    controls += [f"LT-{n:04}|{one}" for n in range(1, CASES + 1) for one in means(n)]
    controls += extra or []
    return archive(
        {
            "bylos.csv": ("\r\n".join(cases) + "\r\n").encode(encoding),
            "kontrole.csv": ("\r\n".join(controls) + "\r\n").encode(encoding),
        }
    )
