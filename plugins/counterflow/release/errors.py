"""What a release is refused with: one line that says what is wrong and what to do, never a person's data."""

from __future__ import annotations


class ReleaseRefused(Exception):
    """Nothing is released; says why."""
