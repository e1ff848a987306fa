"""Cases: a form, a seed and an index in, one `Case` as that form would record it out.

Every case has a stream of random numbers of its own, so a case is the same whatever is
generated around it and in whatever order.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from datetime import date, timedelta
from typing import TypeVar

from counterflow.synthetic import calibration as c
from counterflow.synthetic import corridors, languages
from counterflow.synthetic.countries import DESTINATIONS, ORIGINS, SOUTH_EASTERN_EUROPE
from counterflow.synthetic.forms import consenting
from counterflow.synthetic.forms.base import Form
from counterflow.synthetic.model import (
    Case,
    Event,
    Exploitation,
    Leg,
    Perpetrator,
    Referral,
    Screening,
    Service,
)

Item = TypeVar("Item")

# Share of cases where a question on the form has no answer.
UNANSWERED = {
    "gender": 0.006, "birth": 0.012, "marital": 0.10, "education": 0.18, "citizenship": 0.008,
    "country": 0.10, "flags": 0.24, "trafficking_status": 0.05, "months": 0.30, "referral": 0.09,
    "status": 0.02, "retrafficked": 0.25, "relationship": 0.38, "method": 0.25, "sector": 0.20,
    "year": 0.15, "expl_country": 0.12, "leg_country": 0.06, "role": 0.06, "perp_citizenship": 0.5,
    "service_date": 0.08, "provider": 0.15, "local": 0.3, "children": 0.2, "language": 0.12,
    "second_language": 0.7, "residence": 0.15, "deceased": 0.4, "age_when": 0.3,
    "sexual_form": 0.3, "decision": 0.05, "decided_by": 0.06, "decided_on": 0.1, "reason": 0.15,
    "referred_on": 0.08, "organisation": 0.12, "organisation_country": 0.3, "event_year": 0.15,
    "recruitment_country": 0.25, "ended": 0.4,
}  # fmt: skip
# Answers to means of control asked one by one. Before 2009 hardly any No was stored.
NO_STORED_OLD, NO_STORED = 0.10, 0.55
YES_STORED = 0.85
NOTHING_CHOSEN = 0.15  # of lists of means and factors

CONSENT = (("yes", 0.915), ("no", 0.06), ("unknown", 0.02), ("withdrawn", 0.005))
SOUND_CONSENTS = 2  # the first cases of a mission serve the scenario of withdrawn consents
LABOUR_TYPES = frozenset({"forced_labour", "child_labour", "forced_begging", "servitude"})
SECTOR_ROWS_MAX = 2
LAST_DAY = date(2010, 11, 20)  # nothing that is drawn happened later, unless the case is newer
# Niger after Nigeria, Guinea after Guinea-Bissau: what the template's macro cannot hold.
SUBSTRING_NEIGHBOUR = {"NGA": "NER", "GNB": "GIN"}


def stream(*names: object) -> random.Random:
    """A random stream of its own for what is named."""
    digest = hashlib.blake2b("/".join(map(str, names)).encode(), digest_size=8).digest()
    return random.Random(int.from_bytes(digest, "big"))


def answered(rng: random.Random, question: str) -> bool:
    """Whether the question got an answer."""
    return rng.random() >= UNANSWERED[question]


def make(
    form: Form,
    seed: int,
    index: int,
    citizenship: str = "",
    destination: str = "",
    registered: date | None = None,
) -> Case:
    """Case number `index` (from 1) of the form's mission, without defects.

    `citizenship` and `destination`, where given, are the case's whatever the corridors say.
    """
    mission = form.mission.code
    rng = stream(seed, mission, index)
    planted = bool(citizenship or destination)
    cit = citizenship or corridors.citizenships(mission)(rng)
    day = _registered(rng, cit)
    registered = registered or day
    female = rng.random() < c.FEMALE_BY_YEAR[registered.year]
    band = (c.AGE_FEMALE if female else c.AGE_MALE)(rng)
    age = rng.randint(*c.AGE_BANDS[band])
    birth = _birth(rng, registered, age)
    minor = "minor" if age < 18 else "adult"
    target = destination or _destination(rng, mission, cit)
    gender: str | None = "feminine" if female else "masculine"
    if rng.random() < c.OTHER_GENDERS:
        gender = rng.choice(("transgender_feminine", "transgender_masculine", "non_conforming"))
    form_of = c.EXPLOITATION["f" if female else "m", minor](rng)
    version = form.version(registered)

    case = Case(
        index=index,
        number=form.number_style.format(index=index, yy=registered.year % 100),
        registered=registered,
        birth=birth,
        age=age,
        gender=listed(form, "gender", gender) if answered(rng, "gender") else None,
        marital=_marital(rng, age) if answered(rng, "marital") else None,
        education=c.EDUCATION(rng) if answered(rng, "education") else None,
        citizenships=_citizenships(rng, form, cit, planted),
        country=None,
        basis=form.basis,
        sexual=None,
        labour=None,
        other=None,
        trafficking_status=(
            c.TRAFFICKING_STATUS(rng) if answered(rng, "trafficking_status") else None
        ),
        months=min(96, int(rng.expovariate(1 / 9))) if answered(rng, "months") else None,
        referral=c.REFERRAL(rng) if answered(rng, "referral") else None,
        status=c.CASE_STATUS(rng) if answered(rng, "status") else None,
        retrafficked=_yes(rng, c.RETRAFFICKED) if answered(rng, "retrafficked") else None,
        exploitations=[],
        control={},
        methods=[],
        relationship=None,
        legs=[],
        perpetrators=[],
        factors={},
        services=[],
        local={},
        consent=_consent(rng),
        withdrawn=None,
        version=version,
        rng=stream(seed, mission, index, "spelling"),
    )  # fmt: skip
    if not answered(rng, "birth"):
        case.birth = case.age = None
    _place(rng, form, case, mission, target, bool(destination))
    _exploit(rng, form, case, form_of, minor, female, target)
    _control(rng, form, case, form_of)
    relation = c.RELATION_MINOR if minor == "minor" else c.RELATION_ADULT
    if answered(rng, "relationship"):
        case.relationship = relation(rng)
    if answered(rng, "method"):
        case.methods = list(dict.fromkeys(c.METHOD(rng) for _ in range(_few(rng, 0.15))))
        if not form.many_methods:
            case.methods = case.methods[:1]
    _route(rng, case, cit, target)
    _perpetrators(rng, case, cit)
    _factors(rng, form, case)
    _assistance(rng, form, case)
    _further(stream(seed, mission, index, "further"), form, case, cit, target, age)
    for question in form.mission.variation.local:
        if answered(rng, "local"):
            case.local[question.name] = rng.choice(list(question.codes))
    if case.consent == "withdrawn" and not form.takes_withdrawal:
        case.consent = "no"  # without a column for it, the answer itself is changed
    if case.consent == "withdrawn":
        case.withdrawn = registered + timedelta(days=rng.randint(20, 300))
        case.withdrawn = min(case.withdrawn, date(2010, 11, 1))
        case.withdrawn = max(case.withdrawn, registered)
    if planted:
        case.consent, case.withdrawn = "yes", None
    sound = planted or index <= SOUND_CONSENTS
    consenting.settle(form, case, stream(seed, mission, index, "consent"), sound)
    if form.one_choice:
        _choose_one(case)
    return case


def _choose_one(case: Case) -> None:
    """The form has room for one value where there may be several: the first is written."""
    case.citizenships = case.citizenships[:1]
    case.methods = case.methods[:1]
    case.exploitations = case.exploitations[:1]
    case.sexual_forms = case.sexual_forms[:1]
    case.platforms = {purpose: held[:1] for purpose, held in case.platforms.items()}
    case.control = _first_yes(case.control)
    case.factors = _first_yes(case.factors)
    given: set[str | None] = set()
    for service in list(case.services):
        if service.status in given:
            case.services.remove(service)
        given.add(service.status)


def _first_yes(answers: dict[Item, str | None]) -> dict[Item, str | None]:
    """The answers with nothing but the first yes."""
    first = next((item for item, answer in answers.items() if answer == "yes"), None)
    return {item: "yes" if item == first else None for item in answers}


def listed(form: Form, codes: str, value: str | None) -> str | None:
    """The nearest answer the form offers: the person's own if it is listed, else other or none."""
    offered = form.lists.get(codes)
    if value is None or offered is None or value in offered:
        return value
    return "other" if "other" in offered else None


def _registered(rng: random.Random, citizenship: str) -> date:
    south_east = citizenship in SOUTH_EASTERN_EUROPE
    year = int((c.YEAR_SOUTH_EAST if south_east else c.YEAR_ELSEWHERE)(rng))
    days = 310 if year == 2010 else 365
    return date(year, 1, 1) + timedelta(days=int(rng.random() * days))


def _birth(rng: random.Random, registered: date, age: int) -> date:
    """A birth date that makes `age` full years at registration."""
    year = registered.year - age
    day = 28 if (registered.month, registered.day) == (2, 29) else registered.day
    birthday = date(year, registered.month, day)  # had the birthday been today
    return birthday - timedelta(days=int(rng.random() * 365) if age else int(rng.random() * 300))


def _destination(rng: random.Random, mission: str, citizenship: str) -> str:
    if corridors.hosts(mission) and citizenship != mission:
        return mission if rng.random() < 0.88 else corridors.destinations(citizenship)(rng)
    if rng.random() < c.DOMESTIC and citizenship in DESTINATIONS:
        return citizenship
    return corridors.destinations(citizenship)(rng)


def _citizenships(rng: random.Random, form: Form, first: str, planted: bool) -> list[str]:
    if not answered(rng, "citizenship") and not planted:
        return []
    share = c.SECOND_CITIZENSHIP * (6 if first in SUBSTRING_NEIGHBOUR else 1)
    if "citizenship.many" in form.asked and rng.random() < share:
        second = SUBSTRING_NEIGHBOUR.get(first) or corridors.destinations(first)(rng)
        return [first, second] if second in ORIGINS else [first]
    return [first]


def _marital(rng: random.Random, age: int) -> str:
    return "single" if age < 17 else c.MARITAL(rng)


def _yes(rng: random.Random, share: float) -> str:
    return "yes" if rng.random() < share else "no"


def _few(rng: random.Random, more: float) -> int:
    return 1 + (rng.random() < more) + (rng.random() < more / 3)


def _consent(rng: random.Random) -> str:
    roll = rng.random()
    for answer, share in CONSENT:
        roll -= share
        if roll < 0:
            return answer
    return "yes"


def _place(
    rng: random.Random, form: Form, case: Case, mission: str, target: str, planted: bool
) -> None:
    if form.basis_by_case:
        case.basis = rng.choices(("last_exploitation", "screening", "registration"), (7, 2, 1))[0]
    if planted:
        case.basis = "last_exploitation"
        case.country = target
        return
    share_here = {"screening": 0.5, "registration": 0.85, "mission": 1.0}.get(case.basis, 0.0)
    if answered(rng, "country"):
        case.country = mission if rng.random() < share_here else target


def _exploit(
    rng: random.Random, form: Form, case: Case, form_of: str, minor: str, female: bool, target: str
) -> None:
    if not answered(rng, "flags"):
        return
    sexual, labour = form_of in ("sexual", "both"), form_of in ("labour", "both")
    case.sexual, case.labour = ("yes" if sexual else "no"), ("yes" if labour else "no")
    case.other = "yes" if form_of == "other" else "no"
    kinds = ["sexual_exploitation"] if sexual else []
    if labour:
        kinds.append((c.LABOUR_MINOR if minor == "minor" else c.LABOUR_ADULT)(rng))
    if form_of == "other":
        kinds.append(c.OTHER_EXPLOITATION(rng))
    sector = c.SECTOR_WOMEN if female else c.SECTOR_MEN
    for kind in kinds:
        rows = _few(rng, 0.1) if kind == "forced_labour" else 1
        for _ in range(min(rows, SECTOR_ROWS_MAX)):
            started = case.registered.year - (case.months or 6) // 12 - (rng.random() < 0.4)
            with_sector = kind == "forced_labour" or (
                kind in LABOUR_TYPES and not form.flat_exploitation
            )
            row = Exploitation(
                type=kind,
                sector=sector(rng) if with_sector and answered(rng, "sector") else None,
                country=target if answered(rng, "expl_country") else None,
                start_year=started if answered(rng, "year") else None,
            )
            # One row per type and sector: whether two equal rows are one is nobody's question.
            if all((e.type, e.sector) != (kind, row.sector) for e in case.exploitations):
                case.exploitations.append(row)
    if form.kind == "zip" and rng.random() < 0.01:
        case.exploitations[0].type = None  # the clerk left the type open
        if kinds[0] not in LABOUR_TYPES:
            case.exploitations[0].sector = None


def _control(rng: random.Random, form: Form, case: Case, form_of: str) -> None:
    shares = c.CONTROL_LABOUR if form_of == "labour" else c.CONTROL_SEXUAL
    none = rng.random() < NOTHING_CHOSEN
    no_stored = NO_STORED_OLD if case.version == "v1" else NO_STORED
    for item in form.control_asked(case.version):
        met, known = rng.random() < shares[item], rng.random()
        if none:
            case.control[item] = None
        elif met:
            case.control[item] = "yes" if known < YES_STORED else None
        else:
            case.control[item] = "no" if known < no_stored else None


def _route(rng: random.Random, case: Case, origin: str, target: str) -> None:
    if origin == target and rng.random() < 0.7:
        return
    stops = [origin]
    if rng.random() < 0.18:
        transit = rng.choice(("TUR", "RUS", "POL", "THA", "MAR", "SRB", "HUN", "LBY"))
        stops += [transit] if transit not in (origin, target) else []
    stops.append(target)
    year = case.registered.year - (case.months or 6) // 12
    for number, (start, end) in enumerate(itertools.pairwise(stops), 1):
        case.legs.append(
            Leg(
                number,
                start if answered(rng, "leg_country") else None,
                end if answered(rng, "leg_country") else None,
                year if answered(rng, "year") else None,
            )
        )


def _perpetrators(rng: random.Random, case: Case, origin: str) -> None:
    for number in range(1, rng.choices((0, 1, 2, 3), (45, 38, 12, 5))[0] + 1):
        case.perpetrators.append(
            Perpetrator(
                number,
                [c.PERPETRATOR_ROLE(rng)] if answered(rng, "role") else [],
                c.PERPETRATOR_GENDER(rng) or None,
                rng.randint(20, 60) if rng.random() >= c.PERPETRATOR_AGE_MISSING else None,
                origin if answered(rng, "perp_citizenship") else None,
            )
        )


def _factors(rng: random.Random, form: Form, case: Case) -> None:
    none = rng.random() < NOTHING_CHOSEN
    for item in form.factor_items:
        met, known = rng.random() < c.FACTOR[item[0]], rng.random()
        answer = "yes" if met else "no" if known < NO_STORED else None
        case.factors[item] = None if none else answer


def _assistance(rng: random.Random, form: Form, case: Case) -> None:
    seen: set[tuple[str, str]] = set()
    for _ in range(rng.choices((0, 1, 2, 3, 4), (8, 30, 32, 20, 10))[0]):
        service = service_of(rng, case.registered)
        if form.services_flat and service.status not in form.services_flat:
            continue
        if (service.type or "", service.status or "") not in seen:
            seen.add((service.type or "", service.status or ""))
            case.services.append(service)


def service_of(rng: random.Random, after: date) -> Service:
    """One service some weeks after a day, never after the first night."""
    service = Service(c.SERVICE(rng), c.SERVICE_STATUS(rng), None, None, None)
    started = later(rng, after, 40)
    if answered(rng, "service_date"):
        service.started = started
    if answered(rng, "provider"):
        service.provider = c.REFERRAL(rng)
    if service.status == "provided" and answered(rng, "ended"):
        service.ended = later(rng, started, 60)
    return service


def later(rng: random.Random, after: date, mean: int) -> date:
    """A day some `mean` days after another, never after the first night."""
    return max(after, min(after + timedelta(days=int(rng.expovariate(1 / mean))), LAST_DAY))


def _further(
    rng: random.Random, form: Form, case: Case, origin: str, target: str, age: int
) -> None:
    """What else the standard asks: from a stream of its own, so that the rest stays as it was."""
    if answered(rng, "children"):
        case.children = 0 if age < 16 else int(c.CHILDREN(rng))
    spoken = languages.spoken(origin)
    if answered(rng, "language"):
        case.primary_language = spoken[0] if rng.random() < 0.8 else rng.choice(spoken)
        if answered(rng, "second_language"):
            second = rng.choice(languages.spoken(target))
            case.secondary_language = second if second != case.primary_language else "eng"
    if answered(rng, "residence"):
        case.residence = rng.choices((origin, target, form.mission.code), (82, 12, 6))[0]
    if answered(rng, "deceased"):
        case.deceased = _yes(rng, c.DECEASED)
    if answered(rng, "age_when"):
        case.age_when = max(0, age - (case.months or 6) // 12 - (rng.random() < 0.3))
    if case.sexual == "yes" and answered(rng, "sexual_form"):
        drawn = [c.SEXUAL_FORM(rng) for _ in range(_few(rng, 0.2))]
        case.sexual_forms = list(dict.fromkeys(drawn))
    for purpose, share in c.ONLINE.items():
        if case.registered.year >= 2006 and rng.random() < share:
            drawn = [c.PLATFORM(rng) for _ in range(_few(rng, 0.25))]
            if form.takes("online_platform", purpose):
                case.platforms[purpose] = list(dict.fromkeys(drawn))
    if answered(rng, "recruitment_country"):
        case.recruitment_country = origin if rng.random() < 0.9 else target
    for person in case.perpetrators:
        if person.roles and rng.random() < c.SECOND_ROLE:
            second = c.PERPETRATOR_ROLE(rng)
            person.roles += [second] if second not in person.roles else []
    _screen(rng, form, case)
    _refer(rng, form, case)
    _events(rng, case, origin, target)


def _screen(rng: random.Random, form: Form, case: Case) -> None:
    """Decisions by one organisation after the other; the last is the case's status."""
    deciding: list[str] = []
    for _ in range(rng.choices((0, 1, 2, 3), (20, 55, 20, 5))[0]):
        by = c.DECIDED_BY(rng)
        deciding += [by] if by not in deciding else []
    if form.decided_by:
        deciding = [by for by in deciding if by in form.decided_by]
    day = case.registered
    for by in deciding:
        day = later(rng, day, 30)
        last = by == deciding[-1]
        decision = case.trafficking_status if last else c.TRAFFICKING_STATUS(rng)
        case.screenings.append(
            Screening(
                decision if answered(rng, "decision") else None,
                by if answered(rng, "decided_by") or form.decided_by else None,
                day if answered(rng, "decided_on") else None,
            )
        )


def _refer(rng: random.Random, form: Form, case: Case) -> None:
    outgoing = rng.choices((0, 1, 2), (62, 33, 5))[0]
    if form.flat_referrals:
        outgoing = min(outgoing, 1)
    incoming = int(rng.random() < 0.7)
    for number in range(incoming + outgoing):
        arrives = number < incoming
        before = case.registered - timedelta(days=int(rng.expovariate(1 / 20)))
        day = before if arrives else later(rng, case.registered, 120)
        there = form.mission.code if arrives or not case.residence else case.residence
        case.referrals.append(
            Referral(
                "incoming" if arrives else "outgoing",
                c.REFERRAL_REASON(rng) if answered(rng, "reason") else None,
                day if answered(rng, "referred_on") else None,
                (case.referral if arrives else c.REFERRAL(rng))
                if answered(rng, "organisation")
                else None,
                there if answered(rng, "organisation_country") else None,
            )
        )


def _events(rng: random.Random, case: Case, origin: str, target: str) -> None:
    stops = [("recruitment", origin)]
    stops += [("transit", leg.destination) for leg in case.legs[:-1] if leg.destination]
    stops.append(("exploitation", target))
    year = case.registered.year - (case.months or 6) // 12
    if rng.random() < 0.25:
        return
    for number, (kind, country) in enumerate(stops, 1):
        case.events.append(
            Event(
                number,
                kind if answered(rng, "decision") else None,
                country if answered(rng, "leg_country") else None,
                year if answered(rng, "event_year") else None,
            )
        )
