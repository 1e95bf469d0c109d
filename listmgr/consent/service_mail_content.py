"""Compose service mails: list, purpose, time, one link, and nothing a visitor typed (L-10)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Template
from markupsafe import escape

from listmgr.consent.mail_linter import advertising, foreign_fields, links_in
from listmgr.consent.models import Consent, ServiceMail, ServiceMailKind
from listmgr.kit.mail import OutgoingMail
from listmgr.kit.mail_templates import mail_templates
from listmgr.kit.transaction import Transaction
from listmgr.languages import language_or
from listmgr.lists.models import MailingList, Purpose
from listmgr.subscribers.models import Subscriber


class Advertising(Exception):
    """The mail contains something a confirmation mail must not contain (L-10)."""


def compose_service_mail(
    tx: Transaction, service_mail: ServiceMail, consents: list[Consent], token: str, templates: Path
) -> OutgoingMail:
    """Compose the mail: list, purpose, time, one link, "ignore it", imprint, privacy (L-10).

    It contains nothing the visitor typed, not even their name. Raises Advertising.
    """
    mailing_list = tx.session.get_one(MailingList, consents[0].list_id)
    subscriber = tx.session.get_one(Subscriber, consents[0].subscriber_id)
    zone = ZoneInfo(tx.settings.timezone)
    expires = min((c.expires_at for c in consents if c.expires_at), default=service_mail.created_at)
    subscriptions = [_names(tx, consent) for consent in consents]
    values: dict[str, Any] = {
        "controller": mailing_list.controller or mailing_list.sender_name,
        "subscriptions": subscriptions,
        "asked_at": service_mail.created_at.astimezone(zone),
        "expires_at": expires.astimezone(zone),
        "zone": tx.settings.timezone,
        "confirm_url": _link(tx, service_mail, token),
        "imprint": mailing_list.imprint,
        "privacy_url": mailing_list.privacy_url,
    }
    language = language_or(consents[0].language, tx.settings.default_language)
    parts = _render(templates / "mail" / service_mail.kind.value / language, values)
    findings = advertising(
        parts["body.html"],
        parts["body.txt"],
        named=[name for pair in subscriptions for written in pair for name in _spelled(written)],
        links=[values["confirm_url"], mailing_list.privacy_url, *links_in(mailing_list.imprint)],
    )
    if findings:
        raise Advertising("; ".join(findings))
    return OutgoingMail(
        to=subscriber.envelope,
        subject=parts["subject.txt"].strip(),
        text=parts["body.txt"],
        html=parts["body.html"],
        sender_name=mailing_list.sender_name,
        sender_address=mailing_list.sender_address,
        headers=(("Auto-Submitted", "auto-generated"),),
    )


def _link(tx: Transaction, service_mail: ServiceMail, token: str) -> str:
    pages = {
        ServiceMailKind.ADDRESS_CHANGE: f"p/{token}/address",
        ServiceMailKind.MY_DATA: f"d/{token}",
    }
    return tx.settings.link(pages.get(service_mail.kind, f"c/{token}"))


def _spelled(name: str) -> tuple[str, str]:
    return name, str(escape(name))


def _render(folder: Path, values: Mapping[str, Any]) -> dict[str, str]:
    return {name: template.render(values) for name, template in _templates(folder).items()}


@lru_cache(maxsize=64)
def _templates(folder: Path) -> dict[str, Template]:
    """Return the compiled templates of a mail. Raises Advertising for a field a visitor may have
    typed.
    """
    environment = mail_templates(folder)
    parts = {}
    for name in ("subject.txt", "body.txt", "body.html"):
        foreign = foreign_fields(environment, (folder / name).read_text())
        if foreign:
            raise Advertising("; ".join(foreign))
        parts[name] = environment.get_template(name)
    return parts


def _names(tx: Transaction, consent: Consent) -> tuple[str, str]:
    mailing_list = tx.session.get_one(MailingList, consent.list_id)
    purpose = tx.session.get_one(Purpose, consent.purpose_id)
    return mailing_list.name, purpose.name(consent.language)
