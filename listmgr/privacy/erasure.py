"""Erased: the person is gone from every table; that it happened stays, without them (L-32)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from listmgr.consent.ledger import Act, record_many
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus
from listmgr.consent.models import Consent
from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.texts import N_
from listmgr.kit.transaction import Transaction
from listmgr.privacy.models import ErasureEntry
from listmgr.privacy.register import ERASED, Gone
from listmgr.subscribers.address import fingerprint, parse_address
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress_many


def erase_person(tx: Transaction, subscriber_id: int, *, actor: str, at: datetime) -> int:
    """Erase one person for good, with every record joined to theirs; returns how many records.

    Raises NotFound, or Refused while processing is restricted.
    """
    people = records_of(tx, subscriber_id)
    if any(person.restricted_at is not None for person in people):
        raise Refused(
            N_("Processing is restricted, so nothing may be deleted. Lift the restriction first.")
        )
    return erase(tx, [person.id for person in people], actor=actor, at=at)


def records_of(tx: Transaction, subscriber_id: int) -> Sequence[Subscriber]:
    """The records read as one person, this one first; raises NotFound."""
    found = tx.session.get(Subscriber, subscriber_id)
    if found is None:
        raise NotFound(N_("There is no such subscriber. They may have been erased."))
    first = found.merged_into_id or found.id
    others = tx.session.scalars(
        sa.select(Subscriber)
        .where(sa.or_(Subscriber.id == first, Subscriber.merged_into_id == first))
        .order_by(Subscriber.id)
    ).all()
    return [found, *(other for other in others if other.id != found.id)]


def erase(
    tx: Transaction,
    subscriber_ids: Sequence[int],
    *,
    actor: str,
    at: datetime,
    even_restricted: bool = False,
) -> int:
    """Erase people from every table that tells of them; returns how many.

    Their consents end as erased, without a name and with a chain that still verifies; a block by
    fingerprint stays, so that no import brings them back (L-15). Whoever is restricted is left
    alone, unless this repeats an erasure that has happened before.
    """
    people = _locked(tx, subscriber_ids, even_restricted)
    if not people:
        return 0
    consents = _end_consents(tx, [person.id for person in people], actor, at)
    gone = _gone(tx, people, consents)
    fingerprints = [person.fingerprint for person in people]
    for erase_from in ERASED.values():
        erase_from(tx, gone)
    suppress_many(tx, fingerprints, SuppressionReason.ERASED, at=at)
    write_down(tx, list(zip(fingerprints, gone.ids, strict=True)), at=at)
    return len(gone.ids)


def write_down(tx: Transaction, erased: list[tuple[bytes, int]], *, at: datetime) -> None:
    """Add people to the journal, by fingerprint and by the number they had."""
    rows = [{"fingerprint": f, "subscriber_id": number, "erased_at": at} for f, number in erased]
    tx.session.execute(insert(ErasureEntry).on_conflict_do_nothing(), rows)


def _locked(
    tx: Transaction, subscriber_ids: Sequence[int], even_restricted: bool
) -> list[Subscriber]:
    wanted = sa.select(Subscriber).where(Subscriber.id.in_(subscriber_ids))
    if not even_restricted:
        wanted = wanted.where(Subscriber.restricted_at.is_(None))
    locked = wanted.order_by(Subscriber.id).with_for_update()
    return list(tx.session.scalars(locked.execution_options(populate_existing=True)))


def _end_consents(tx: Transaction, ids: list[int], actor: str, at: datetime) -> list[int]:
    """Every consent of theirs ends in the ledger and belongs to nobody from then on."""
    consents = tx.session.scalars(
        sa.select(Consent)
        .where(Consent.subscriber_id.in_(ids))
        .order_by(Consent.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    standing = [Act(one, at) for one in consents if one.status is not ConsentStatus.ERASED]
    record_many(tx, standing, ConsentAction.ERASE, actor=actor)
    for consent in consents:
        consent.subscriber_id = None
    tx.session.flush()
    return [consent.id for consent in consents]


def _gone(tx: Transaction, people: list[Subscriber], consent_ids: list[int]) -> Gone:
    key = tx.settings.suppression_key
    # Questions are limited by the provider's own view of the address (T-09).
    recipients = [fingerprint(key, parse_address(one.address).provider_key) for one in people]
    return Gone(
        ids=[one.id for one in people],
        consent_ids=consent_ids,
        address_keys=frozenset(one.address_key for one in people),
        recipients=recipients,
    )
