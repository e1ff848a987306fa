"""Settings that come from the environment: what is no setting is refused at once, in one line."""

from __future__ import annotations

import pytest

from counterflow.settings import Settings


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("COUNTERFLOW_MAIL_TO", "ops"),
        ("COUNTERFLOW_CHAT", "yes"),
        ("COUNTERFLOW_HEARTBEAT", "true"),
        ("COUNTERFLOW_STATSD", "localhost"),
        ("COUNTERFLOW_STATSD", ":8125"),
        ("COUNTERFLOW_LINEAGE", "yes"),
    ],
)
def test_what_is_no_setting_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=variable):
        Settings.from_env()


def test_nobody_is_told_and_nothing_is_measured_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("MAIL_TO", "CHAT", "HEARTBEAT", "MAIL_DESKS", "RUNBOOKS", "STATSD"):
        monkeypatch.delenv(f"COUNTERFLOW_{name}", raising=False)
    found = Settings.from_env()
    assert (found.notices.mail_to, found.notices.chat, found.statsd) == ((), False, "")
    monkeypatch.setenv("COUNTERFLOW_MAIL_TO", "a@example.org, b@example.org")
    monkeypatch.setenv("COUNTERFLOW_RUNBOOKS", "https://example.org/r")
    notices = Settings.from_env().notices
    assert notices.mail_to == ("a@example.org", "b@example.org")
    assert notices.pages == "https://example.org/r/"
