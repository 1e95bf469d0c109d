"""A campaign looked at before its launch: a preview, and a test mail to one of the team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign
from listmgr.campaigns.rendering import render_words
from listmgr.config import Settings
from listmgr.delivery.launch import compile_content, draft_content
from listmgr.delivery.outlet import outlet
from listmgr.delivery.smtp import Answer, Channel, Envelope, ServerAway
from listmgr.kit.errors import Refused
from listmgr.kit.tokens import Door, token_mint
from listmgr.operators.models import Operator
from listmgr.senders.accounts import NoSender

# An invented person; a preview never shows a real one.
SAMPLE = {
    "first_name": "Änne",
    "last_name": "Beispiel",
    "company": "Beispiel GmbH",
    "email": "aenne@example.org",
    "language": "de",
}
NOBODY = 0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a recipient would see."""

    subject: str
    sender: str
    text: str
    html: str
    size: int


def preview(
    settings: Settings,
    campaign: Campaign,
    templates: Path,
    *,
    at: datetime,
    sample: dict[str, str] | None = None,
) -> Preview:
    """The campaign as somebody would get it, read back from the very octets; raises MessageError.

    `sample` replaces fields of the invented person, for example by nothing at all.
    """
    octets = _octets(settings, campaign, templates, SAMPLE | (sample or {}), at)
    parsed = message_from_bytes(octets, policy=default)
    assert isinstance(parsed, EmailMessage)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    return Preview(
        subject=str(parsed["Subject"]),
        sender=str(parsed["From"]),
        text=text.get_content() if text else "",
        html=html.get_content() if html else "",
        size=len(octets),
    )


def _octets(
    settings: Settings, campaign: Campaign, templates: Path, values: dict[str, str], at: datetime
) -> bytes:
    """The mail with a token of nobody: pressed, it says that this was a test (T-26)."""
    words = render_words(campaign, campaign.mailing_list, templates)
    message = compile_content(settings, draft_content(settings, campaign, words))
    token = token_mint(settings.secret_keys, Door.UNSUBSCRIBE)(campaign.id, NOBODY)
    return message.render(
        [values.get(name, "") for name in message.fields],
        to=values["email"],
        token=token,
        message_id=f"test.{campaign.id}.{int(at.timestamp())}",
        date=format_datetime(at),
    )


def send_test(
    session: Session,
    settings: Settings,
    campaign: Campaign,
    templates: Path,
    operator_id: int,
    *,
    at: datetime,
) -> None:
    """Send the campaign to a colleague with an account; nobody else can get mail this way.

    Raises Refused when there is no such operator or the server does not take it.
    """
    operator = session.scalars(
        sa.select(Operator).where(Operator.id == operator_id, Operator.disabled_at.is_(None))
    ).one_or_none()
    if operator is None:
        raise Refused("Test mails go to people with an account here. Choose one of them.")
    values = SAMPLE | {"email": operator.email, "first_name": operator.name.split(" ")[0]}
    octets = _octets(settings, campaign, templates, values, at)
    try:
        account = outlet(session, settings, campaign).account
        mail = Envelope(1, account.sender, operator.email, octets)
        with Channel(account) as channel:
            outcome = next(iter(channel.send([mail])))
    except NoSender as error:
        raise Refused(str(error)) from None
    except ServerAway as error:
        raise Refused(f"The mail server cannot be reached: {error}") from None
    if outcome.answer is not Answer.ACCEPTED:
        raise Refused(f"The mail server did not take the test mail: {outcome.reply}")
