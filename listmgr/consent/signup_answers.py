"""Keep the field values of a sign-up until the person confirms it.

A stranger who types a known address changes nothing: the values belong to the mail that was sent,
and only its button copies them to the subscriber (decision 0011).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from listmgr.consent.models import ServiceMail, SignupAnswers
from listmgr.kit.errors import InvalidInput
from listmgr.kit.rows import Rows, rows_of
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.field_assignment import set_values
from listmgr.subscribers.field_catalogue import (
    CatalogueField,
    catalogue_by,
)
from listmgr.subscribers.models import Subscriber


def keep_answers(
    tx: Transaction,
    service_mail: ServiceMail,
    subscriber: Subscriber,
    values: Mapping[str, str],
    *,
    at: datetime,
) -> None:
    """Store what was typed with the mail; empty fields are ignored."""
    answers = {key: value for key, value in values.items() if value}
    if answers:
        # Who sent the form again while the mail waited means what they typed last.
        tx.session.merge(
            SignupAnswers(
                service_mail_id=service_mail.id,
                subscriber_id=subscriber.id,
                received_at=at,
                content=answers,
            )
        )


def answers_of(rows: Rows, service_mail_id: int) -> tuple[tuple[CatalogueField, str], ...]:
    """Return what confirming would store; a field changed meanwhile may not accept it any more."""
    kept = rows(
        "SELECT content FROM signup_answers WHERE service_mail_id = %(id)s", {"id": service_mail_id}
    )
    if not kept:
        return ()
    fitting = []
    for field in catalogue_by(rows):
        try:
            value = field.parse(str(kept[0][0].get(field.key, "")))
        except InvalidInput:
            continue
        if value and field.key != "email":
            fitting.append((field, value))
    return tuple(fitting)


def apply_answers(tx: Transaction, service_mail_id: int) -> None:
    """Store the values with the confirmed subscriber, once; a restricted person stays unchanged."""
    values = {field.key: value for field, value in answers_of(rows_of(tx.session), service_mail_id)}
    kept = tx.session.get(SignupAnswers, service_mail_id)
    if kept is None:
        return
    subscriber = tx.session.get_one(Subscriber, kept.subscriber_id, with_for_update=True)
    if subscriber.restricted_at is None:
        set_values(tx.session, subscriber, values)
    tx.session.delete(kept)


def drop_answers(tx: Transaction, service_mail_id: int) -> None:
    """Delete the values, since another person typed them."""
    tx.session.execute(
        sa.delete(SignupAnswers).where(SignupAnswers.service_mail_id == service_mail_id)
    )


def forget_old_answers(tx: Transaction, *, at: datetime) -> None:
    """Delete the values of sign-ups nobody confirmed in time (L-07)."""
    over = at - timedelta(days=tx.settings.confirm_days)
    tx.session.execute(sa.delete(SignupAnswers).where(SignupAnswers.received_at <= over))
