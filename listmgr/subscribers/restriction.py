"""Restrict the processing of a person's data (Article 18 GDPR) and lift the restriction."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from listmgr.kit.errors import InvalidInput, NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.models import Subscriber

# How the person can have been told; Article 18(3) asks for it before a restriction is lifted.
WAYS_TO_INFORM = ("mail", "letter", "phone", "in_person")


class Restrictable(Protocol):
    """A record of a person: a subscriber or a business card."""

    restricted_at: datetime | None


def locked_person(tx: Transaction, subscriber_id: int) -> Subscriber:
    """Return the subscriber, locked until the commit. Raises NotFound."""
    person = tx.session.get(Subscriber, subscriber_id, with_for_update=True, populate_existing=True)
    if person is None:
        raise NotFound(N_("There is no such subscriber. They may have been erased."))
    return person


def restrict(tx: Transaction, subscriber_id: int, *, at: datetime) -> bool:
    """From the commit on nothing is sent, changed or deleted; return False if already
    restricted.
    """
    tx.journaled = True
    return begin(locked_person(tx, subscriber_id), at=at)


def lift_restriction(tx: Transaction, subscriber_id: int, *, informed_by: str) -> bool:
    """End a restriction after informing the person; return False if there was none.

    Raises InvalidInput unless `told` says how they were informed.
    """
    return end(locked_person(tx, subscriber_id), informed_by=informed_by)


def begin(record: Restrictable, *, at: datetime) -> bool:
    """Restrict a locked record; return False if it is restricted already, keeping its date."""
    if record.restricted_at is not None:
        return False
    record.restricted_at = at
    return True


def end(record: Restrictable, *, informed_by: str) -> bool:
    """Lift the restriction of a locked record; return False if there was none. Raises
    InvalidInput.
    """
    if informed_by not in WAYS_TO_INFORM:
        sentence = N_("Tell the person first, then choose here how they were told (Article 18(3)).")
        raise InvalidInput(sentence, {"told": sentence})
    if record.restricted_at is None:
        return False
    record.restricted_at = None
    return True
