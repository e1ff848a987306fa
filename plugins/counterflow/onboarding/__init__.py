"""Onboarding: from one sample of a new mission's export to a draft contract and what to decide.

In: a sample, the mission's code, the committed contracts. Out: `Onboarding`: how the file is read, a
profile of each column without rare values, a draft, decisions, and a dry run of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from counterflow.onboarding.draft import (
    UNDECIDED,
    Draft,
    Drafter,
    mission_facts,
    path_pattern,
)
from counterflow.onboarding.dryrun import DryRun, dry_run
from counterflow.onboarding.lexicon import Lexicon
from counterflow.onboarding.match import Match, best_match, draft_over
from counterflow.onboarding.propose import TablePlan, propose
from counterflow.onboarding.sample import Sample, read_sample
from counterflow.onboarding.yamltext import flow
from counterflow.settings import Settings
from counterflow.sources.errors import Refused

__all__ = ["Onboarding", "Refused", "onboard"]

_LARGEST = 500_000_000


@dataclass(slots=True, repr=False)
class Onboarding:
    """Everything that a sample told. No repr: the sample's cells are personal."""

    mission: str
    night: date
    sample: Sample
    plans: list[TablePlan]
    matches: list[Match]
    draft: Draft
    as_drafted: DryRun
    if_consented: DryRun | None  # with the proposed words for yes, to see what else is wrong

    def to_dict(self) -> dict[str, Any]:
        """For `--json`: nothing that is not shown on a terminal either."""
        from counterflow.onboarding.show import as_dict

        return as_dict(self)


def onboard(
    path: Path,
    mission: str,
    settings: Settings,
    today: date,
    night: date | None = None,
    dialects: bool = True,
) -> Onboarding:
    """Look at a sample, propose, draft and try. Raises Refused and ValueError; writes nothing."""
    mission_facts(mission)
    if path.stat().st_size > _LARGEST:
        raise Refused("too_large", "the sample is very large", "Give a part of it, or one night")
    pattern, told = path_pattern(path.name)
    night = night or told or today
    lexicon = Lexicon.learn(settings.missions)
    sample = read_sample(path.read_bytes(), lexicon)
    plans = propose(sample, lexicon, night)
    if not plans:
        raise Refused("no_rows", "the sample holds no table", "Ask the mission for another export")
    matches = best_match(sample, settings, night) if dialects else []
    draft = None
    if matches and matches[0].fits:
        draft = draft_over(mission, sample, plans, matches[0], pattern)
    if draft is None:
        draft = Drafter(mission, sample, plans, pattern).draft()
    as_drafted = dry_run(path, draft.text, mission, settings, night)
    consented = None
    if draft.consent_yes and as_drafted.status != "unusable":
        decided = draft.text.replace(f"yes: [{UNDECIDED}]", f"yes: {flow(draft.consent_yes)}")
        consented = dry_run(path, decided, mission, settings, night)
    return Onboarding(mission, night, sample, plans, matches, draft, as_drafted, consented)
