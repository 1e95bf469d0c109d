"""Consents know when they were used: after the mails have gone, and after a late answer too."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import sqlalchemy as sa

from listmgr.consent.models import Consent
from listmgr.delivery.consent_usage import note_uses
from listmgr.delivery.models import CampaignLease, Delivery, DeliveryStatus
from listmgr.delivery.outcomes import (
    Result,
    record_results,
)
from listmgr.kit.clock import now
from tests.conftest import UnitOfWork

Send = Callable[..., bool]


def used(session) -> list[datetime | None]:
    session.rollback()
    return list(session.scalars(sa.select(Consent.last_used_at).order_by(Consent.id)))


def note_all(uow: UnitOfWork) -> int:
    noted = 0
    while True:
        with uow() as tx:
            if not note_uses(tx):
                return noted
        noted += 1


def test_who_was_mailed_is_noted_once_and_to_the_month(
    launched: int, send: Send, uow: UnitOfWork, session
):
    send(launched)
    assert not any(used(session))
    assert note_all(uow) == 3
    noted = used(session)
    assert len(noted) == 10
    assert {(at.day, at.hour) for at in noted if at} == {(1, 0)}
    assert note_all(uow) == 0
    # Safe to run twice, and an older use takes nothing back.
    later = "2099-01-01T00:00:00+00:00"
    with uow() as tx:
        tx.session.execute(sa.text(f"UPDATE consents SET last_used_at = '{later}'"))
        tx.session.execute(sa.update(CampaignLease).values(noted=False))
    note_all(uow)
    assert {at.year for at in used(session) if at} == {2099}


def test_a_mail_that_goes_later_is_noted_later(launched: int, send: Send, uow: UnitOfWork, session):
    send(launched)
    with uow() as tx:
        one = tx.session.scalars(sa.select(Delivery).order_by(Delivery.subscriber_id)).first()
        assert one is not None
        person = one.subscriber_id
        tx.session.execute(
            sa.update(Delivery)
            .where(Delivery.subscriber_id == person)
            .values(status=DeliveryStatus.SENDING)
        )
    note_all(uow)
    assert sum(at is None for at in used(session)) == 1
    with uow() as tx:
        late = [Result(person, DeliveryStatus.SENT, "2.0.0 taken")]
        record_results(tx, launched, late, lo=None, at=now())
    assert note_all(uow) == 1
    assert all(used(session))
