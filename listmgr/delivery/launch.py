"""Launch a campaign: freeze its content and cut its audience into leases; no person is copied."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns.audience import audience, rule_of
from listmgr.campaigns.compose import lock_campaign
from listmgr.campaigns.files import files_of
from listmgr.campaigns.lifecycle import CampaignAction, next_status
from listmgr.campaigns.models import Campaign, CampaignContent, CampaignFile
from listmgr.campaigns.preflight import Finding, preflight
from listmgr.campaigns.rendering import Words, render_words
from listmgr.config import Settings
from listmgr.delivery.message.compiled import (
    CompiledMessage,
    MessageContent,
    MessageFile,
)
from listmgr.delivery.message.compiler import compile_message
from listmgr.delivery.message.errors import MessageError
from listmgr.delivery.message.headers import (
    HeaderRefused,
    list_id,
)
from listmgr.delivery.message.merge_fields import field_names
from listmgr.delivery.message.template_language import parse
from listmgr.delivery.route import outlet
from listmgr.kit.errors import InvalidInput
from listmgr.kit.installation_state import refuse_while_held
from listmgr.kit.sql_condition import EVERYBODY
from listmgr.kit.transaction import Transaction
from listmgr.senders.routing import NoSender


def validate_launch(
    session: Session, settings: Settings, campaign: Campaign, templates: Path
) -> list[Finding]:
    """Return everything that blocks the launch, including merge fields and headers."""
    findings = preflight(session, settings, campaign)
    known_fields = field_names(session)
    broken = _broken_fields(campaign, known_fields)
    findings += broken or _does_not_compile(session, settings, campaign, templates, known_fields)
    return findings + _without_sender(session, settings, campaign)


# The fields of a draft that hold merge fields, by the part they become.
_WRITTEN = {"subject": "subject", "body": "text", "plain_text": "text"}


def _broken_fields(campaign: Campaign, known_fields: Collection[str]) -> list[Finding]:
    """Return what is wrong with each field as written, so that line numbers are the author's."""
    findings = []
    for field, part in _WRITTEN.items():
        try:
            parse(getattr(campaign, field), part=part, known_fields=known_fields)
        except MessageError as error:
            findings.append(Finding(error.sentence, field=field))
    return findings


def _does_not_compile(
    session: Session,
    settings: Settings,
    campaign: Campaign,
    templates: Path,
    known_fields: Collection[str],
) -> list[Finding]:
    """Return what only the complete message reveals: headers, places of fields, files."""
    words = render_words(campaign, campaign.mailing_list, templates)
    try:
        files = files_of(session, campaign.id, whole=True)
        content = draft_content(settings, campaign, words, files)
        # That it is missing is said already, and must not hide the rest.
        content.subject = content.subject.strip() or "–"
        compile_content(settings, content, known_fields, files)
    except MessageError as error:
        return [Finding(error.sentence, field="subject" if error.part == "subject" else "body")]
    except HeaderRefused as error:
        return [Finding(error.args[0])]
    except ValueError as error:
        return [Finding(str(error))]
    return []


def _without_sender(session: Session, settings: Settings, campaign: Campaign) -> list[Finding]:
    try:
        outlet(session, settings, campaign)
    except NoSender as error:
        return [Finding(str(error))]
    return []


def launch(tx: Transaction, campaign_id: int, *, templates: Path, at: datetime) -> Campaign:
    """Launch a campaign. Raises InvalidInput with what blocks it.

    Raises Refused unless it is a draft, and while mailing is on hold for the installation.
    """
    refuse_while_held(tx)
    campaign = lock_campaign(tx, campaign_id)
    status = next_status(campaign.status, CampaignAction.LAUNCH)
    blocking = [
        f for f in validate_launch(tx.session, tx.settings, campaign, templates) if f.blocks
    ]
    if blocking:
        raise InvalidInput(blocking[0].message)
    words = render_words(campaign, campaign.mailing_list, templates)
    files = files_of(tx.session, campaign.id, whole=True)
    content = draft_content(tx.settings, campaign, words, files)
    content.frozen_at = at
    tx.session.add(content)
    tx.session.flush()
    campaign.content_id = content.id
    campaign.frozen_rule = rule_of(tx.session, campaign)
    campaign.status = status
    campaign.launched_at = at
    tx.session.flush()
    tx.session.execute(sa.text("SELECT create_delivery_partition(:id)"), {"id": campaign.id})
    _cut(tx.session, campaign, tx.settings.lease_size)
    return campaign


def draft_content(
    settings: Settings, campaign: Campaign, words: Words, files: Sequence[CampaignFile]
) -> CampaignContent:
    """Return the content as a launch would freeze it now, not added to the session."""
    mailing_list = campaign.mailing_list
    # The identifier must outlive renames (RFC 2919), so it is made of the slug alone.
    domain = urlsplit(settings.base_url).hostname or "localhost"
    content = CampaignContent(
        subject=words.subject,
        text=words.text,
        html=words.html,
        from_name=mailing_list.sender_name,
        from_address=mailing_list.sender_address,
        list_header=list_id(mailing_list.name, mailing_list.slug, domain),
        language=mailing_list.language,
    )
    frozen = [content.subject, content.text, content.html, content.from_name, content.from_address]
    frozen += [
        part for item in files for part in (item.name, hashlib.sha256(item.data).hexdigest())
    ]
    content.sha256 = hashlib.sha256(json.dumps(frozen).encode()).digest()
    return content


def compile_content(
    settings: Settings,
    content: CampaignContent,
    known_fields: Collection[str],
    files: Sequence[CampaignFile],
) -> CompiledMessage:
    """Compile the frozen content and files into bytes and slots. Raises MessageError, also for an
    unknown field.
    """
    return compile_message(
        MessageContent(
            subject=content.subject,
            text=content.text,
            html=content.html,
            from_address=content.from_address,
            from_name=content.from_name,
            message_id_domain=content.from_address.rpartition("@")[2],
            unsubscribe_base=settings.link("u/"),
            preferences_base=settings.link("p/"),
            list_id=content.list_header,
            language=content.language,
            files=tuple(MessageFile(file.name, file.media_type, file.data) for file in files),
        ),
        known_fields=known_fields,
    )


def _cut(session: Session, campaign: Campaign, size: int) -> None:
    """Return ranges of `size` people of the audience; together they cover every id known at
    launch.
    """
    among = audience(session, campaign)
    # Nobody else's row is looked up where the campaign is for everybody.
    people = (
        "consents c"
        if among is EVERYBODY
        else "consents c JOIN subscribers s ON s.id = c.subscriber_id"
    )
    session.execute(
        sa.text(
            "INSERT INTO campaign_leases (campaign_id, lo, hi, position, audience)"
            " SELECT :campaign, lo, coalesce(lead(lo) OVER w, :end), lo,"
            "  coalesce(lead(n) OVER w, total + 1) - n"
            " FROM (SELECT CASE n WHEN 1 THEN 0 ELSE subscriber_id END AS lo, n, total FROM ("
            "   SELECT c.subscriber_id, row_number() OVER (ORDER BY c.subscriber_id) AS n,"
            f"    count(*) OVER () AS total FROM {people}"
            f"   WHERE c.purpose_id = :purpose AND c.status = 'confirmed' AND {among.sql}) ranked"
            "  WHERE (n - 1) % :size = 0) edges"
            " WINDOW w AS (ORDER BY lo)"
        ),
        {
            "campaign": campaign.id,
            "purpose": campaign.purpose_id,
            "size": max(1, size),
            "end": session.scalar(sa.text("SELECT coalesce(max(id), 0) + 1 FROM subscribers")),
            **among.binds,
        },
    )
