"""How pages name what a card has come to, where it came from, and what was read with doubt."""

from __future__ import annotations

from flask_babel import gettext as _

from listmgr.cards.card import Guess, from_json
from listmgr.cards.models import Card


def card_stage(stage: str) -> str:
    """The name of a card's stage."""
    names = {
        "review": _("to review"),
        "objected": _("has objected"),
        "kept": _("kept"),
        "stated": _("may be asked"),
        "asked": _("asked"),
        "confirmed": _("confirmed"),
        "ended": _("did not confirm"),
    }
    return str(names.get(str(stage), stage))


def card_source(source: str) -> str:
    """How a card came in."""
    names = {
        "photo": _("photographed"),
        "file": _("from a file"),
        "text": _("from a pasted text"),
        "typed": _("typed by hand"),
        "api": _("from a program"),
    }
    return str(names.get(str(source), source))


def letter_status(status: str) -> str:
    """What became of a first reply."""
    names = {
        "queued": _("waiting to be sent"),
        "sending": _("being sent"),
        "sent": _("sent"),
        "failed": _("not sent"),
        "uncertain": _("may have arrived"),
    }
    return str(names.get(str(status), status))


def guesses(card: Card) -> dict[str, Guess]:
    """What was read for each field of the form; empty once somebody has looked."""
    read = from_json(card.guessed)
    email = read.email
    found = {
        "first_name": read.first_name or read.full_name,
        "last_name": read.last_name or read.full_name,
        "company": read.organisation,
        "job_title": read.title,
        "note": read.note,
        "postal": read.postal[0] if read.postal else Guess(),
        "website": read.urls[0] if read.urls else Guess(),
    }
    if email is not None:
        found["address"] = Guess(email.address, email.confidence, email.source)
    if read.phones:
        phone = read.phones[0]
        found["phone"] = Guess(phone.number, phone.confidence, phone.source)
    return {name: guess for name, guess in found.items() if guess}
