"""Inspect a campaign before its launch: a preview, and a test mail to a colleague."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import format_datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns.files import files_of
from listmgr.campaigns.models import Campaign, CampaignFile, CampaignStatus
from listmgr.campaigns.rendering import render_words
from listmgr.config import Settings
from listmgr.delivery.launch import compile_content, draft_content
from listmgr.delivery.message.compiled import CompiledMessage
from listmgr.delivery.message.merge_fields import (
    merge_fields,
    sample_of,
)
from listmgr.delivery.message.template_language import (
    AnyField,
    FieldNames,
)
from listmgr.delivery.route import outlet
from listmgr.delivery.smtp.pool import (
    Answer,
    ConnectionPool,
    Envelope,
    ServerUnavailable,
)
from listmgr.kit.errors import Refused
from listmgr.kit.i18n import N_
from listmgr.kit.tokens import TokenPurpose, fast_token_signer
from listmgr.operators.models import Operator
from listmgr.senders.routing import NoSender
from listmgr.subscribers.field_catalogue import (
    CORE_FIELDS,
    CatalogueField,
)

# An invented person; a preview never shows a real one.
SAMPLE = {
    "first_name": "Änne",
    "last_name": "Beispiel",
    "company": "Beispiel GmbH",
    "email": "aenne@example.org",
    "language": "de",
}
NOBODY = 0
AWAY = N_("The mail server cannot be reached")
NOT_TAKEN = N_("The mail server did not take the test mail")


@dataclass(frozen=True, slots=True)
class Preview:
    """What a recipient would see; `kind` is how it is compiled (see CompiledMessage)."""

    subject: str
    sender: str
    text: str
    html: str
    size: int
    kind: str


def preview(
    settings: Settings,
    campaign: Campaign,
    templates: Path,
    *,
    at: datetime,
    sample: dict[str, str] | None = None,
    fields: Sequence[CatalogueField] = CORE_FIELDS,
    archived: Collection[str] = (),
    files: Sequence[CampaignFile] = (),
) -> Preview:
    """Return the campaign as a recipient would get it, parsed from the final bytes. Raises
    MessageError.

    `fields` may be merged; `archived` are names to distinguish from unknown ones. `sample` replaces
    fields of the example person, for example by nothing.
    """
    values = _sample(campaign, fields) | (sample or {})
    known_fields = _known_fields(campaign, fields, archived)
    message = _compiled(settings, campaign, templates, known_fields, files)
    octets = _octets(message, settings, campaign, values, at)
    parsed = message_from_bytes(octets, policy=default)
    assert isinstance(parsed, EmailMessage)
    text, html = parsed.get_body(("plain",)), parsed.get_body(("html",))
    return Preview(
        subject=str(parsed["Subject"]),
        sender=str(parsed["From"]),
        text=text.get_content() if text else "",
        html=_with_pictures(html.get_content(), parsed) if html else "",
        size=len(octets),
        kind=message.kind,
    )


def _sample(campaign: Campaign, fields: Sequence[CatalogueField]) -> dict[str, str]:
    return SAMPLE | sample_of(fields, campaign.mailing_list.language)


def _known_fields(
    campaign: Campaign, fields: Sequence[CatalogueField], archived: Collection[str] = ()
) -> Collection[str]:
    """Return the known fields; a launched campaign is shown as it was sent, whatever happened to
    its fields.
    """
    if campaign.status is not CampaignStatus.DRAFT:
        return AnyField()
    return FieldNames([field.key for field in fields], archived=archived)


def _with_pictures(html: str, parsed: EmailMessage) -> str:
    """Embed the mail's pictures into the HTML, since the preview's frame loads nothing."""
    for part in parsed.walk():
        if (cid := part.get("Content-ID")) is not None:
            octets = part.get_payload(decode=True)
            assert isinstance(octets, bytes)
            data = f"data:{part.get_content_type()};base64,{b64encode(octets).decode()}"
            html = html.replace(f"cid:{cid.strip('<> ')}", data)
    return html


def _compiled(
    settings: Settings,
    campaign: Campaign,
    templates: Path,
    known_fields: Collection[str],
    files: Sequence[CampaignFile],
) -> CompiledMessage:
    words = render_words(campaign, campaign.mailing_list, templates)
    return compile_content(
        settings, draft_content(settings, campaign, words, files), known_fields, files
    )


def _octets(
    message: CompiledMessage,
    settings: Settings,
    campaign: Campaign,
    values: dict[str, str],
    at: datetime,
) -> bytes:
    """Return the mail with a token that belongs to nobody: its pages say that this was a test
    (T-26).
    """
    token = fast_token_signer(settings.secret_keys, TokenPurpose.UNSUBSCRIBE)(campaign.id, NOBODY)
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
    """Send the campaign to a colleague with an account, and to nobody else.

    Raises Refused if there is no such operator or the server does not take the mail.
    """
    operator = session.scalars(
        sa.select(Operator).where(Operator.id == operator_id, Operator.disabled_at.is_(None))
    ).one_or_none()
    if operator is None:
        raise Refused(N_("Test mails go to people with an account here. Choose one of them."))
    fields = merge_fields(session)
    values = _sample(campaign, fields)
    values |= {"email": operator.email, "first_name": operator.name.split(" ")[0]}
    files = files_of(session, campaign.id, whole=True)
    message = _compiled(settings, campaign, templates, _known_fields(campaign, fields), files)
    octets = _octets(message, settings, campaign, values, at)
    try:
        account = outlet(session, settings, campaign).account
        mail = Envelope(1, account.sender, operator.email, octets)
        with ConnectionPool(account) as channel:
            outcome = next(iter(channel.send([mail])))
    except NoSender as error:
        raise Refused(str(error)) from None
    except ServerUnavailable as error:
        raise Refused(f"{AWAY}: {error}") from None
    if outcome.answer is not Answer.ACCEPTED:
        raise Refused(f"{NOT_TAKEN}: {outcome.reply}")
