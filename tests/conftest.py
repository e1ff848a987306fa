"""What every test shares: no timed assertion (Hypothesis has no deadline), the same examples each run."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("counterflow", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("counterflow")
