"""Template filters of the studio: times, numbers, labels, icons."""

from __future__ import annotations

import re
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import flask_bootstrap
from flask import Flask
from flask_babel import format_decimal
from markupsafe import Markup

from listmgr.consent.lifecycle import ConsentAction
from listmgr.consent.methods import Method
from listmgr.context import services
from listmgr.kit.i18n import N_
from listmgr.web.labels import named
from listmgr.web.language import language
from listmgr.web.studio.audit_labels import (
    action_label,
    subject_label,
)
from listmgr.web.studio.cards import labels
from listmgr.web.studio.subscribers.evidence_labels import fact_name
from listmgr.web.translation import (
    translate,
    translate_reason,
    why_paused,
)

_DAYS = {"de": "%d.%m.%Y", "en": "%Y-%m-%d"}
_SPRITE = Path(flask_bootstrap.__file__).parent / "static/bootstrap5/icons/bootstrap-icons.svg"


def init_app(app: Flask) -> None:
    """Register the filters."""
    for shown in (
        when,
        day,
        number,
        about,
        translate,
        why_paused,
        translate_reason,
        fact_name,
        action_label,
        subject_label,
    ):
        app.jinja_env.filters[shown.__name__] = shown
    app.jinja_env.filters.update(
        station=station,
        source_name=source_name,
        act=act,
        method=method,
        delivered=delivered,
        role_name=role_name,
        right_name=right_name,
        language_name=language_name,
        card_stage=labels.card_stage,
        card_source=labels.card_source,
        letter_status=labels.letter_status,
    )
    app.jinja_env.globals.update(icon=icon)


def when(at: datetime | None) -> str:
    """Format a time in the configured zone to the minute, in the operator's language."""
    return "–" if at is None else f"{day(at)} {_local(at):%H:%M}"


def day(at: date | None) -> str:
    """Format a day in the operator's language; of a time, in the configured zone."""
    if at is None:
        return "–"
    return f"{_local(at) if isinstance(at, datetime) else at:{_DAYS[language()]}}"


def _local(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(services().settings.timezone))


def number(value: float) -> str:
    """Format a count in the operator's language."""
    return str(format_decimal(value))


def about(value: int) -> str:
    """Format an estimate with its first three digits."""
    places = max(0, len(str(value)) - 3)
    return str(format_decimal(round(value, -places)))


# A language, as the operator's own calls it.
language_name = named({"de": N_("German"), "en": N_("English")})

# Where a consent came in.
source_name = named(
    {
        "form": N_("sign-up form"),
        "import": N_("import"),
        "card": N_("business card"),
        "api": N_("interface for programs"),
        "staff": N_("written down by staff"),
    }
)

# The name of a consent's station.
station = named(
    {
        "captured": N_("captured"),
        "pending": N_("pending"),
        "confirmed": N_("confirmed"),
        "refused": N_("refused"),
        "expired": N_("expired"),
        "withdrawn": N_("withdrawn"),
        "erased": N_("erased"),
    }
)

# The name of a role.
role_name = named(
    {
        "marketer": N_("marketer"),
        "sales": N_("sales"),
        "head_of_sales": N_("head of sales"),
        "service": N_("service"),
        "privacy": N_("privacy officer"),
        "administrator": N_("administrator"),
        "auditor": N_("auditor"),
    }
)

# What a right lets one do, in a few words.
right_name = named(
    {
        "enter": N_("see the overview"),
        "see lists": N_("see lists and forms"),
        "see campaigns": N_("see campaigns"),
        "see fields": N_("see fields and why they are collected"),
        "see record": N_("see the record of processing"),
        "see segments": N_("see segments"),
        "see subscribers": N_("see subscribers"),
        "see proofs": N_("see proofs"),
        "see operators": N_("see operators"),
        "see audit": N_("see the audit log"),
        "see senders": N_("see senders"),
        "see cards": N_("see own business cards"),
        "see team cards": N_("see the team's business cards"),
        "own account": N_("look after own account"),
        "edit lists": N_("edit lists and forms"),
        "publish notices": N_("publish the wording people agree to"),
        "edit campaigns": N_("write campaigns"),
        "send campaigns": N_("send campaigns"),
        "edit segments": N_("build segments"),
        "record withdrawals": N_("write down withdrawals"),
        "edit fields": N_("decide what is collected, and why"),
        "edit subscribers": N_("correct, restrict and join subscribers"),
        "export subscribers": N_("export subscribers"),
        "erase subscribers": N_("erase people"),
        "edit operators": N_("manage operators"),
        "see imports": N_("see imports"),
        "import subscribers": N_("import subscribers"),
        "edit senders": N_("manage senders"),
        "edit cards": N_("take, review and answer business cards"),
        "edit api keys": N_("make keys for programs"),
        "edit installation": N_("let mail go again after a restore"),
    }
)

# What happened to a consent, as a sentence.
act = named(
    {
        "capture": N_("Captured"),
        "request": N_("Confirmation requested"),
        "request_sent": N_("Confirmation mail sent"),
        "confirm": N_("Confirmed from the mailbox"),
        "confirm_imported": N_("Imported with its proof"),
        "refuse": N_("“This was not me”"),
        "expire": N_("Not confirmed in time"),
        "withdraw": N_("Withdrawn"),
        "erase": N_("Erased"),
    },
    ConsentAction,
)

# How somebody gave or ended a consent, or asked for something.
method = named(
    {
        "confirm_button": N_("by the button on the confirmation page"),
        "not_me": N_("“This was not me”"),
        "page": N_("on the unsubscribe page"),
        "one_click": N_("by the mail program's button"),
        "preferences": N_("on the preferences page"),
        "address_change_page": N_("on the page that changes the address"),
        "reply": N_("by a reply to a mail"),
        "phone": N_("by phone"),
        "letter": N_("by letter"),
        "in_person": N_("in person"),
        # How somebody is told that a restriction ends.
        "mail": N_("by a mail"),
        "operator_statement": N_("statement of an operator"),
        "import": N_("by an import"),
        "imported_evidence": N_("evidence brought by the import"),
        "merged": N_("joined to another record"),
        "address_changed": N_("moved to another mailbox"),
        "address_change_cancelled": N_("the change of address was cancelled"),
        "journal_replayed": N_("by the journal, after a restore"),
    },
    Method,
)

# What became of one mail.
delivered = named(
    {
        "sending": N_("Sending"),
        "sent": N_("Sent"),
        "deferred": N_("Waiting for a retry"),
        "failed": N_("Refused"),
        "uncertain": N_("Possibly sent"),
    }
)


@lru_cache(maxsize=64)
def icon(name: str) -> Markup:
    """Return one icon of Bootstrap's sprite inline; the complete sprite is a megabyte."""
    symbol = re.search(
        rf'<symbol[^>]*viewBox="([^"]+)"[^>]*id="{re.escape(name)}">(.*?)</symbol>',
        _SPRITE.read_text(),
        re.DOTALL,
    )
    if symbol is None:
        raise LookupError(f"there is no icon {name}")
    return Markup(  # noqa: S704 - from the installed wheel, not from anybody's input
        f'<svg class="icon" viewBox="{symbol[1]}" aria-hidden="true" focusable="false">'
        f"{symbol[2]}</svg>"
    )
