"""Every background job, by the name the queue carries; each may run twice."""

from __future__ import annotations

import sqlalchemy as sa

from listmgr.consent import anchor as anchoring
from listmgr.consent import asking_mail, expire, signup
from listmgr.consent.models import Signup
from listmgr.kit.clock import now
from listmgr.kit.queue import Job
from listmgr.schema import resource
from listmgr.web.context import services


def process_signup(signup_id: int) -> None:
    """Look at one sign-up."""
    with services().unit_of_work() as tx:
        signup.process_signup(tx, signup_id, at=now())


def send_question(question_id: int) -> None:
    """Send one confirmation mail."""
    made = services()
    asking_mail.send_question(
        made.unit_of_work, made.post, resource("templates"), question_id, now=now
    )


def sweep_signups() -> None:
    """Ring for sign-ups whose bell was lost."""
    with services().unit_of_work() as tx:
        for found in tx.session.scalars(sa.select(Signup.id).order_by(Signup.id).limit(1000)):
            key = f"signup-{found}"
            tx.after_commit(Job("process_signup", (found,), queue="mail", key=key))


def sweep_questions() -> None:
    """Ring for confirmation mails whose bell was lost."""
    with services().unit_of_work() as tx:
        asking_mail.sweep_questions(tx, at=now())


def expire_consents() -> None:
    """Delete what nobody confirmed in time."""
    count = 1
    while count:
        with services().unit_of_work() as tx:
            count = expire.expire_due(tx, at=now())


def anchor_ledger() -> None:
    """Seal what has been added to the ledger."""
    with services().unit_of_work() as tx:
        anchoring.anchor(tx, at=now())
