"""How the studio shows values: times, numbers, the names of stations, roles and acts, icons."""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import flask_bootstrap
from flask import Flask
from flask_babel import format_decimal
from flask_babel import gettext as _
from markupsafe import Markup

from listmgr.web.context import services
from listmgr.web.studio import card_words

_SPRITE = Path(flask_bootstrap.__file__).parent / "static/bootstrap5/icons/bootstrap-icons.svg"


def init_app(app: Flask) -> None:
    """What templates of the studio may call."""
    cards = (card_words.card_stage, card_words.card_source, card_words.letter_status)
    consents = (station, source_name, act, how, deed, delivered, why_stopped)
    for shown in (when, day, number, about, role_name, right_name, *consents, *cards):
        app.jinja_env.filters[shown.__name__] = shown
    app.jinja_env.globals.update(icon=icon)


def when(at: datetime | None) -> str:
    """A time in the zone of the settings, to the minute."""
    return "–" if at is None else f"{_local(at):%Y-%m-%d %H:%M}"


def day(at: datetime | None) -> str:
    """A day in the zone of the settings."""
    return "–" if at is None else f"{_local(at):%Y-%m-%d}"


def _local(at: datetime) -> datetime:
    return at.astimezone(ZoneInfo(services().settings.timezone))


def number(value: int) -> str:
    """A count as the operator's language writes it."""
    return str(format_decimal(value))


def about(value: int) -> str:
    """An estimate, said no more exactly than it is known: its first three digits."""
    places = max(0, len(str(value)) - 3)
    return str(format_decimal(round(value, -places)))


def source_name(source: str) -> str:
    """Where a consent came in."""
    names = {
        "form": _("sign-up form"),
        "import": _("import"),
        "card": _("business card"),
        "api": _("interface for programs"),
        "staff": _("written down by staff"),
    }
    return str(names.get(str(source), source))


def station(status: str) -> str:
    """The name of a consent's station."""
    names = {
        "captured": _("captured"),
        "pending": _("pending"),
        "confirmed": _("confirmed"),
        "refused": _("refused"),
        "expired": _("expired"),
        "withdrawn": _("withdrawn"),
        "erased": _("erased"),
    }
    return str(names.get(str(status), status))


def role_name(role: str) -> str:
    """The name of a role."""
    names = {
        "marketer": _("marketer"),
        "sales": _("sales"),
        "head_of_sales": _("head of sales"),
        "service": _("service"),
        "privacy": _("privacy officer"),
        "administrator": _("administrator"),
        "auditor": _("auditor"),
    }
    return str(names.get(str(role), role))


def right_name(right: str) -> str:
    """What a right lets one do, in a few words."""
    names = {
        "enter": _("see the overview"),
        "see lists": _("see lists and forms"),
        "see campaigns": _("see campaigns"),
        "see fields": _("see fields and why they are collected"),
        "see record": _("see the record of processing"),
        "see segments": _("see segments"),
        "see subscribers": _("see subscribers"),
        "see proofs": _("see proofs"),
        "see operators": _("see operators"),
        "see audit": _("see the audit log"),
        "see senders": _("see senders"),
        "see cards": _("see the own business cards"),
        "see team cards": _("see the team's business cards"),
        "own account": _("look after the own account"),
        "edit lists": _("edit lists and forms"),
        "publish notices": _("publish words people agree to"),
        "edit campaigns": _("write campaigns"),
        "send campaigns": _("send campaigns"),
        "edit segments": _("build segments"),
        "record withdrawals": _("write down withdrawals"),
        "edit fields": _("decide what is collected, and why"),
        "edit subscribers": _("correct, restrict and join subscribers"),
        "export subscribers": _("export subscribers"),
        "erase subscribers": _("erase people"),
        "edit operators": _("look after operators"),
        "see imports": _("see imports"),
        "import subscribers": _("import subscribers"),
        "edit senders": _("look after senders"),
        "edit cards": _("take, review and answer business cards"),
        "edit api keys": _("make keys for programs"),
    }
    return str(names.get(str(right), right))


def act(action: str) -> str:
    """What happened to a consent, as a sentence."""
    names = {
        "capture": _("Captured"),
        "ask": _("Question to be sent"),
        "question_sent": _("Question sent"),
        "confirm": _("Confirmed from the mailbox"),
        "confirm_imported": _("Imported with its proof"),
        "refuse": _("“This was not me”"),
        "expire": _("Not confirmed in time"),
        "withdraw": _("Withdrawn"),
        "erase": _("Erased"),
    }
    return str(names.get(str(action), action))


def how(told: str) -> str:
    """The way a person said something."""
    names = {
        "reply": _("by a reply to a mail"),
        "phone": _("by phone"),
        "letter": _("by letter"),
        "in person": _("in person"),
        "page": _("on the unsubscribe page"),
        "one-click": _("by the mail program's button"),
        "preferences": _("on the preferences page"),
        "not me": _("“This was not me”"),
        "moved": _("moved to another mailbox"),
        "merged": _("joined to another record"),
        "change of address cancelled": _("the change of address was cancelled"),
        "mail": _("by a mail"),
    }
    return str(names.get(told, told))


def deed(action: str) -> str:
    """What staff or the program did to a person's record."""
    names = {
        "consent.withdrawn": _("Withdrawn on the person's word"),
        "subscriber.objected": _("Objection written down"),
        "subscriber.corrected": _("Corrected"),
        "subscriber.restricted": _("Processing restricted"),
        "subscriber.restriction lifted": _("Restriction lifted"),
        "subscriber.joined": _("Another record joined"),
        "subscriber.parted": _("A joined record taken away"),
        "subscriber.address asked": _("Another mailbox asked"),
        "subscriber.address cancelled": _("Change of address cancelled"),
    }
    return str(names.get(action, action))


def delivered(status: str) -> str:
    """What became of one mail."""
    names = {
        "sending": _("Mail being handed over"),
        "sent": _("Mail handed over"),
        "deferred": _("Mail waits to be tried again"),
        "failed": _("Mail not taken"),
        "uncertain": _("Mail perhaps handed over"),
    }
    return str(names.get(status, status))


def why_stopped(told: str) -> str:
    """Why a campaign has stopped: our sentence, then the server's own words as they are."""
    for mark in (" (", ": "):
        ours, found, theirs = told.partition(mark)
        if found and _(ours) != ours:
            return f"{_(ours)}{found}{theirs}"
    return str(_(told))


@lru_cache(maxsize=64)
def icon(name: str) -> Markup:
    """One icon of Bootstrap's sprite, put into the page: the whole file would be a megabyte."""
    found = re.search(
        rf'<symbol[^>]*viewBox="([^"]+)"[^>]*id="{re.escape(name)}">(.*?)</symbol>',
        _SPRITE.read_text(),
        re.DOTALL,
    )
    if found is None:
        raise LookupError(f"there is no icon {name}")
    return Markup(  # noqa: S704 - from the installed wheel, not from anybody's input
        f'<svg class="icon" viewBox="{found[1]}" aria-hidden="true" focusable="false">'
        f"{found[2]}</svg>"
    )
