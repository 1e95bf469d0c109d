"""Field values of a sign-up wait for the person's own confirmation; until then they are nobody's.

A stranger who types a known address changes nothing by it: the values hang on the question that
was mailed, and only the button behind it writes them to the subscriber (decision 0011).
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
    question: ServiceMail,
    subscriber: Subscriber,
    values: Mapping[str, str],
    *,
    at: datetime,
) -> None:
    """Hang what was typed on the question; what was left empty says nothing."""
    told = {key: value for key, value in values.items() if value}
    if told:
        # Who sent the form again while the question waited means what they typed last.
        tx.session.merge(
            SignupAnswers(
                question_id=question.id,
                subscriber_id=subscriber.id,
                received_at=at,
                content=told,
            )
        )


def answers_of(rows: Rows, question_id: int) -> tuple[tuple[CatalogueField, str], ...]:
    """What confirming the question would write; a field changed meanwhile may no longer take it."""
    kept = rows(
        "SELECT content FROM signup_answers WHERE question_id = %(id)s", {"id": question_id}
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


def apply_answers(tx: Transaction, question_id: int) -> None:
    """Write the values to the subscriber who has confirmed, once; a restricted person stays so."""
    values = {field.key: value for field, value in answers_of(rows_of(tx.session), question_id)}
    kept = tx.session.get(SignupAnswers, question_id)
    if kept is None:
        return
    subscriber = tx.session.get_one(Subscriber, kept.subscriber_id, with_for_update=True)
    if subscriber.restricted_at is None:
        set_values(tx.session, subscriber, values)
    tx.session.delete(kept)


def drop_answers(tx: Transaction, question_id: int) -> None:
    """Forget them: it was not the person who typed them."""
    tx.session.execute(sa.delete(SignupAnswers).where(SignupAnswers.question_id == question_id))


def forget_old_answers(tx: Transaction, *, at: datetime) -> None:
    """Forget what nobody confirmed in time (L-07)."""
    over = at - timedelta(days=tx.settings.confirm_days)
    tx.session.execute(sa.delete(SignupAnswers).where(SignupAnswers.received_at <= over))
