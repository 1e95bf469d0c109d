"""Every table with personal data, and what erasure does to it.

A test compares this with the columns marked PERSONAL, so that no new table is forgotten. Each
function removes what its table holds of the people in `ErasureTargets`, many at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from listmgr.bulk.erasure import (
    forget_before,
    forget_values,
)
from listmgr.cards.deletion import forget_people
from listmgr.consent.change_address_models import AddressChange
from listmgr.consent.expire import forget_evidence
from listmgr.consent.models import ServiceMail, Signup, SignupAnswers
from listmgr.delivery.leases import lock_leases_of_people
from listmgr.exports.downloads import withdraw_files
from listmgr.imports.erasure import (
    forget_files,
    forget_keys,
    forget_rows,
)
from listmgr.kit.transaction import Transaction
from listmgr.selections.freeze import forget_words
from listmgr.subscribers.address import AddressError, parse_address
from listmgr.subscribers.models import Subscriber


@dataclass(frozen=True, slots=True)
class ErasureTargets:
    """The people of one erasure, by every identifier tables know them by."""

    ids: list[int]
    consent_ids: list[int]
    # The identity of each address, and the keyed fingerprints the limits of mails count by.
    address_keys: frozenset[str]
    recipients: list[bytes]
    # Business cards of those a card alone is known of, which may bear no address.
    card_ids: list[int]


Eraser = Callable[[Transaction, ErasureTargets], None]


def _evidence(tx: Transaction, gone: ErasureTargets) -> None:
    forget_evidence(tx, gone.consent_ids)


def _service_mails(tx: Transaction, gone: ErasureTargets) -> None:
    tx.session.execute(sa.delete(ServiceMail).where(ServiceMail.recipient.in_(gone.recipients)))


def _signups(tx: Transaction, gone: ErasureTargets) -> None:
    """Delete waiting sign-ups. They wait for seconds, so there are few: normalize each address as
    `signup` does.
    """
    waiting = tx.session.execute(sa.select(Signup.id, Signup.content["address"].astext)).all()
    theirs = [signup_id for signup_id, typed in waiting if _key(typed) in gone.address_keys]
    tx.session.execute(sa.delete(Signup).where(Signup.id.in_(theirs)))


def _answers(tx: Transaction, gone: ErasureTargets) -> None:
    tx.session.execute(sa.delete(SignupAnswers).where(SignupAnswers.subscriber_id.in_(gone.ids)))


def _key(typed: str) -> str | None:
    try:
        return parse_address(typed).key
    except AddressError:
        return None


def _deliveries(tx: Transaction, gone: ErasureTargets) -> None:
    """Keep that a mail was sent; clear replies, since mail servers repeat the address in them."""
    forget_replies(tx, gone.ids)


def forget_replies(tx: Transaction, subscriber_ids: list[int]) -> None:
    """Clear replies of mail servers about these people."""
    lock_leases_of_people(tx, subscriber_ids)
    tx.session.execute(
        sa.text(
            "UPDATE deliveries SET reply = NULL"
            " WHERE subscriber_id = ANY(:ids) AND reply IS NOT NULL"
        ),
        {"ids": subscriber_ids},
    )


def _cards(tx: Transaction, gone: ErasureTargets) -> None:
    """Delete cards with their captures, replies and the pictures they were read from."""
    forget_people(tx, gone.address_keys, gone.card_ids)


def _address_changes(tx: Transaction, gone: ErasureTargets) -> None:
    """Delete their change requests and those that name their address as the new one."""
    waiting = tx.session.execute(
        sa.select(AddressChange.id, AddressChange.address).where(AddressChange.address != "")
    )
    named = [change_id for change_id, typed in waiting if _key(typed) in gone.address_keys]
    tx.session.execute(
        sa.delete(AddressChange).where(
            sa.or_(AddressChange.subscriber_id.in_(gone.ids), AddressChange.id.in_(named))
        )
    )


def _import_keys(tx: Transaction, gone: ErasureTargets) -> None:
    forget_keys(tx, gone.address_keys)


def _import_rows(tx: Transaction, gone: ErasureTargets) -> None:
    forget_rows(tx, gone.address_keys)


def _import_files(tx: Transaction, gone: ErasureTargets) -> None:
    """Queue the search of stored import files, which runs after the commit."""
    forget_files(tx, gone.address_keys)


def _export_pieces(tx: Transaction, gone: ErasureTargets) -> None:
    withdraw_files(tx, gone.ids)


def _bulk_undo_values(tx: Transaction, gone: ErasureTargets) -> None:
    forget_before(tx, gone.ids)


def _bulk_acts(tx: Transaction, _gone: ErasureTargets) -> None:
    forget_values(tx)


def _selections(tx: Transaction, _gone: ErasureTargets) -> None:
    forget_words(tx)


def _subscribers(tx: Transaction, gone: ErasureTargets) -> None:
    tx.session.execute(sa.delete(Subscriber).where(Subscriber.id.in_(gone.ids)))


# In this order: what hangs on the person goes before the person.
ERASERS: Mapping[str, Eraser] = {
    "consent_evidence": _evidence,
    "signup_answers": _answers,
    "service_mails": _service_mails,
    "signups": _signups,
    "address_changes": _address_changes,
    "deliveries": _deliveries,
    "cards": _cards,
    "card_captures": _cards,
    "card_replies": _cards,
    "card_uploads": _cards,
    "import_keys": _import_keys,
    "import_rows": _import_rows,
    "import_erasures": _import_files,
    "import_lines": _import_files,
    "import_pieces": _import_files,
    "export_pieces": _export_pieces,
    "bulk_undo_values": _bulk_undo_values,
    "bulk_acts": _bulk_acts,
    "selections": _selections,
    "subscribers": _subscribers,
}

# What stays, and why it may.
RETAINED: Mapping[str, str] = {
    "suppressions": "A fingerprint without the address, so that nobody mails them again (L-15).",
    "erasure_journal": "The same fingerprint, so that a backup cannot bring them back (T-25).",
    "journal_entries": "The same, of who withdrew, objected or was erased, for 90 days (0057).",
    "operators": "Staff, whose accounts end by themselves; no subscriber is written there.",
}
