"""Sending a text to people: by mail and to a chat, through Airflow's kept notifiers.

In: settings, a subject and a text. Out: channel → `sent`, or why not, in our words. Where and as whom to send is an Airflow
connection (`counterflow_smtp`, `counterflow_chat`), to whom a setting; a channel that fails stops nothing.
Airflow is imported only where a channel is set.
"""

from __future__ import annotations

import html
import logging
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from counterflow.settings import Settings

if TYPE_CHECKING:
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

SMTP, CHAT = "counterflow_smtp", "counterflow_chat"  # connections
DESK = "counterflow_desk_"  # the variable of a desk's address goes on with the desk's name
_TIMEOUT = 20


def send(settings: Settings, subject: str, text: str) -> dict[str, str]:
    """Send to every channel that is set; what became of each."""
    _airflow_home(settings)
    done = {}
    if settings.notices.mail_to:
        done["mail"] = _tried(lambda: _mail(settings.notices.mail_to, subject, text))
    if settings.notices.chat:
        done["chat"] = _tried(lambda: _chat(text))
    return done


async def send_async(settings: Settings, subject: str, text: str) -> dict[str, str]:
    """The same in the triggerer, which nothing may hold up."""
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    done = {}
    if settings.notices.mail_to:
        mail = SmtpNotifier(**_letter(settings.notices.mail_to, subject, text))
        try:
            await mail.async_notify(
                {}
            )  # not awaited itself: it would render the text as a template
            done["mail"] = "sent"
        except Exception as error:  # noqa: BLE001 - its text may hold an address or a password
            done["mail"] = type(error).__name__
    if settings.notices.chat:
        try:
            await _chat_notifier(text).async_notify({})  # type: ignore[no-untyped-call]
            done["chat"] = "sent"
        except Exception as error:  # noqa: BLE001 - the same
            done["chat"] = type(error).__name__
    return done


def send_to_desk(settings: Settings, desk: str, subject: str, text: str) -> str:
    """Mail a desk, if Airflow's variable has an address for it; `sent`, why not, or `` without an address."""
    _airflow_home(settings)
    to = address(desk)
    return _tried(lambda: _mail((to,), subject, text)) if to else ""


def address(desk: str) -> str:
    """The address of a desk that a contract names as steward; empty if nobody gave one."""
    from airflow.sdk import Variable

    name = DESK + "".join(c if c.isalnum() else "_" for c in desk.casefold())
    return str(Variable.get(name, default="") or "")


def _tried(send_it: Callable[[], None]) -> str:
    try:
        send_it()
    except Exception as error:  # noqa: BLE001 - its text may hold an address or a password
        return type(error).__name__
    return "sent"


def _mail(to: Sequence[str], subject: str, text: str) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    # `notify` and not the notifier itself: called, it would render the text as a template
    SmtpNotifier(**_letter(to, subject, text)).notify({})


def _chat(text: str) -> None:
    _chat_notifier(text).notify({})  # type: ignore[no-untyped-call]


def _chat_notifier(text: str) -> SlackWebhookNotifier:
    """The kept notifier, without its client's log: that names the address, which is the secret."""
    from airflow.providers.slack.notifications.slack_webhook import SlackWebhookNotifier

    notifier = SlackWebhookNotifier(slack_webhook_conn_id=CHAT, text=text, timeout=_TIMEOUT)
    mute = logging.getLogger("counterflow.chat")
    mute.disabled = True
    notifier.hook.extra_client_args["logger"] = mute
    return notifier


def _letter(to: Sequence[str], subject: str, text: str) -> dict[str, Any]:
    return {
        "smtp_conn_id": SMTP,
        "to": list(to),
        "subject": subject,
        "html_content": f"<pre>{html.escape(text)}</pre>",
    }


def _airflow_home(settings: Settings) -> None:
    """Outside of Airflow its files belong into our home and not into the user's."""
    os.environ.setdefault("AIRFLOW_HOME", str(settings.home / "airflow"))
