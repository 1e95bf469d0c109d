"""Jobs of consents: sign-ups, changes of address, expiry, ledger, search."""

from __future__ import annotations

import logging

import sqlalchemy as sa
from sqlalchemy.exc import InternalError, OperationalError

from listmgr.consent import anchor as anchoring
from listmgr.consent import (
    change_address,
    consent_statistics,
    expire,
    field_retention,
    service_mail_sender,
    signup,
    waiting_requests,
)
from listmgr.consent.models import Signup
from listmgr.context import services
from listmgr.jobs.service_mail import (
    claim_own,
    post_by_way,
)
from listmgr.kit.clock import now
from listmgr.kit.installation_state import is_held
from listmgr.kit.queue import Job
from listmgr.search import results

log = logging.getLogger(__name__)


def process_signup(signup_id: int) -> None:
    """Process one sign-up and send its confirmation mail without another job.

    The claim is committed with the sign-up, so that the mail is sent once however often this runs.
    While mailing is on hold, the sign-up waits.
    """
    context = services()
    with context.unit_of_work() as tx:
        if is_held(tx.session):
            return
        tx.hold_loaded()
        signup.process_signup(tx, signup_id, at=now())
        claimed = claim_own(tx)
    for service_mail in claimed:
        service_mail_sender.send_claimed(
            context.unit_of_work, post_by_way(context), service_mail, now=now
        )


def sweep_signups() -> None:
    """Queue sign-ups whose job was lost."""
    with services().unit_of_work() as tx:
        for signup_id in tx.session.scalars(sa.select(Signup.id).order_by(Signup.id).limit(1000)):
            key = f"signup-{signup_id}"
            tx.after_commit(Job("process_signup", (signup_id,), queue="mail", key=key))


def process_address_change(change_id: int) -> None:
    """Ask the new mailbox of a change of address and inform the old one."""
    with services().unit_of_work() as tx:
        change_address.process_change(tx, change_id, at=now())


def sweep_address_changes() -> None:
    """Queue changes of address whose job was lost; end unanswered ones."""
    with services().unit_of_work() as tx:
        change_address.sweep_changes(tx, at=now())


def expire_consents() -> None:
    """Delete what nobody confirmed in time, and where requests came from."""
    with services().unit_of_work() as tx:
        waiting_requests.forget_networks(tx, at=now())
    count = 1
    while count:
        with services().unit_of_work() as tx:
            count = expire.expire_due(tx, at=now())


def clear_fields() -> None:
    """Delete field values whose retention has ended, some thousand people at a time."""
    seen: int | None = 0
    while seen is not None:
        with services().unit_of_work() as tx:
            seen = field_retention.clear_outdated(tx, after=seen, at=now())


def anchor_ledger() -> None:
    """Seal new ledger events; those behind a stalled writer wait for the next run."""
    try:
        anchoring.anchor(services().unit_of_work, at=now())
    except (OperationalError, InternalError) as error:
        log.warning("the ledger is sealed later: %s", type(error.orig).__name__)


def tidy_search() -> None:
    """Merge new people into the search index, and sum the moves of consents."""
    with services().unit_of_work() as tx:
        results.tidy(tx.session)
        consent_statistics.fold(tx.session)
