"""Labels of a card's stage, source and uncertain readings."""

from __future__ import annotations

from listmgr.cards.models import Card
from listmgr.cards.parsing.parsed_card import (
    Guess,
    from_json,
)
from listmgr.kit.i18n import N_
from listmgr.web.labels import named

# The name of a card's stage.
card_stage = named(
    {
        "review": N_("to review"),
        "objected": N_("has objected"),
        "kept": N_("kept"),
        "stated": N_("may be asked"),
        "asked": N_("asked"),
        "confirmed": N_("confirmed"),
        "ended": N_("did not confirm"),
    }
)

# How a card came in.
card_source = named(
    {
        "photo": N_("photographed"),
        "file": N_("from a file"),
        "text": N_("from a pasted text"),
        "typed": N_("typed by hand"),
        "api": N_("from a program"),
    }
)

# What became of a first reply.
letter_status = named(
    {
        "queued": N_("waiting to be sent"),
        "sending": N_("being sent"),
        "sent": N_("sent"),
        "failed": N_("not sent"),
        "uncertain": N_("may have arrived"),
    }
)


def guesses(card: Card) -> dict[str, Guess]:
    """Return what was read for each field; empty once the card was reviewed."""
    read = from_json(card.guessed)
    email = read.email
    readings = {
        "first_name": read.first_name or read.full_name,
        "last_name": read.last_name or read.full_name,
        "company": read.organisation,
        "job_title": read.title,
        "note": read.note,
        "postal": read.postal_address,
        "website": read.urls[0] if read.urls else Guess(),
    }
    if email is not None:
        readings["address"] = Guess(email.address, email.confidence, email.source)
    if read.phones:
        phone = read.phones[0]
        readings["phone"] = Guess(phone.number, phone.confidence, phone.source)
    return {name: guess for name, guess in readings.items() if guess}
