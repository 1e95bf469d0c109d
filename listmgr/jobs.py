"""Every background job, by the name the queue carries; each may run twice."""

from __future__ import annotations

import os
import socket

import sqlalchemy as sa

from listmgr.bulk import control as bulk_control
from listmgr.bulk import prepare as bulk_prepare
from listmgr.bulk import run as bulk_run
from listmgr.campaigns import control
from listmgr.campaigns.browse import find
from listmgr.cards import life, reply_sending, taking
from listmgr.consent import anchor as anchoring
from listmgr.consent import (
    asking_mail,
    expire,
    moving,
    overview,
    retention,
    roster,
    signup,
)
from listmgr.consent.models import Signup
from listmgr.delivery import engine, kept, sweep
from listmgr.delivery.outlet import outlet
from listmgr.delivery.smtp import Channel, ServerAway
from listmgr.exports import ask as export_ask
from listmgr.exports import keep as export_keep
from listmgr.exports import write as export_write
from listmgr.imports import keeping
from listmgr.imports import work as importing
from listmgr.kit.clock import now
from listmgr.kit.errors import NotFound
from listmgr.kit.queue import Job
from listmgr.privacy import erasure, journal
from listmgr.schema import resource
from listmgr.senders.accounts import NoSender
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


def process_address_change(change_id: int) -> None:
    """Ask the new mailbox of a change of address, tell the old one."""
    with services().unit_of_work() as tx:
        moving.process_change(tx, change_id, at=now())


def sweep_address_changes() -> None:
    """Ring for changes of address whose bell was lost, end those nobody answered."""
    with services().unit_of_work() as tx:
        moving.sweep_changes(tx, at=now())


def expire_consents() -> None:
    """Delete what nobody confirmed in time."""
    count = 1
    while count:
        with services().unit_of_work() as tx:
            count = expire.expire_due(tx, at=now())


def clear_fields() -> None:
    """Take out values of fields whose retention has ended, some thousand people at a time."""
    seen: int | None = 0
    while seen is not None:
        with services().unit_of_work() as tx:
            seen = retention.clear_outdated(tx, after=seen, at=now())


def anchor_ledger() -> None:
    """Seal what has been added to the ledger."""
    with services().unit_of_work() as tx:
        anchoring.anchor(tx, at=now())


def tidy_search() -> None:
    """Work new people into the index of parts, and add up the moves of consents."""
    with services().unit_of_work() as tx:
        roster.tidy(tx.session)
        overview.fold(tx.session)


def send_slice(campaign_id: int, slot: int, turn: int) -> None:
    """Send a campaign for some seconds, then ask to be called again."""
    made = services()
    holder = f"{socket.gethostname()}:{os.getpid()}:{slot}:{turn}:{os.urandom(4).hex()}"
    more = engine.send_slice(
        made.unit_of_work, made.settings, campaign_id, holder, now=now, linger=slot == 0
    )
    with made.unit_of_work() as tx:
        if more:
            tx.after_commit(sweep.slice_job(campaign_id, slot, 1 - turn))
        elif more is False:
            tx.after_commit(Job("sweep_campaigns", queue="mail", key="sweep-campaigns"))


def sweep_campaigns() -> None:
    """Ring for campaigns that have something to do, finish those that have not."""
    with services().unit_of_work() as tx:
        sweep.sweep_campaigns(tx, at=now())


def work_import(import_id: int, turn: int) -> None:
    """Go on with an import for some seconds, then ask to be called again."""
    made = services()
    holder = f"{socket.gethostname()}:{os.getpid()}:{turn}:{os.urandom(4).hex()}"
    if importing.work_slice(made.unit_of_work, import_id, holder, now=now):
        with made.unit_of_work() as tx:
            keeping.ring(tx, import_id, 1 - turn)


def sweep_imports() -> None:
    """Ring for imports whose bell or worker was lost."""
    with services().unit_of_work() as tx:
        keeping.sweep(tx, at=now())


def purge_imports() -> None:
    """Forget the files of imports that were dealt with, or left lying about, long ago."""
    with services().unit_of_work() as tx:
        keeping.purge_due(tx, at=now())


def knock(campaign_id: int) -> None:
    """Resume a campaign that paused itself, once the mail server answers again."""
    try:
        with services().unit_of_work() as tx:
            account = outlet(tx.session, tx.settings, find(tx.session, campaign_id)).account
        with Channel(account) as channel:
            channel.connect()
    except (ServerAway, NoSender, NotFound):
        return
    with services().unit_of_work() as tx:
        control.resume_if_away(tx, campaign_id)


def drop_deliveries() -> None:
    """Forget who got campaigns that ended long ago, one campaign at a time."""
    made = services()
    with made.unit_of_work() as tx:
        due = kept.due_to_go(tx.session, made.settings.delivery_months, at=now())
    for campaign_id in due:
        with made.unit_of_work() as tx:
            kept.drop_deliveries(tx, campaign_id, at=now())


def keep_erasures() -> None:
    """Keep the journal of erasures outside the database, and clear what was answered late."""
    made = services()
    with made.unit_of_work() as tx:
        journal.keep_outside(tx, made.settings.data_dir / journal.FILE_NAME)
        journal.forget_late_replies(tx, at=now())


def read_card_upload(upload_id: int) -> None:
    """Read what was handed in and put its cards into the inbox."""
    taking.read_upload(services().unit_of_work, upload_id, now=now)


def send_card_letter(letter_id: int) -> None:
    """Send one first reply."""
    made = services()
    reply_sending.send_reply(
        made.unit_of_work, made.post, resource("templates"), letter_id, now=now
    )


def sweep_cards() -> None:
    """Ring for card uploads and replies whose bell was lost."""
    with services().unit_of_work() as tx:
        taking.sweep_uploads(tx, at=now())
        reply_sending.sweep_letters(tx, at=now())


def tidy_cards() -> None:
    """Delete cards nobody answered in time, and pictures kept long enough."""
    for tidy in (life.delete_due, life.drop_newly_objected, life.purge_uploads):
        count = 1
        while count:
            with services().unit_of_work() as tx:
                count = tidy(tx, at=now())


def run_bulk(act_id: int, turn: int) -> None:
    """Work at an act on many people for some seconds, then ask to be called again."""
    uow = services().unit_of_work
    if bulk_run.run_slice(uow, act_id, erase=erasure.erase, now=now):
        with uow() as tx:
            tx.after_commit(bulk_prepare.job(act_id, 1 - turn))


def write_export(export_id: int, turn: int) -> None:
    """Write at an export's file for some seconds, then ask to be called again."""
    uow = services().unit_of_work
    if export_write.run_slice(uow, export_id, now=now):
        with uow() as tx:
            tx.after_commit(export_ask.job(export_id, 1 - turn))


def sweep_many() -> None:
    """Ring for acts on many people and for exports whose bell was lost."""
    with services().unit_of_work() as tx:
        bulk_control.sweep(tx)
        export_keep.sweep(tx)


def purge_many() -> None:
    """Take away files whose day is over, and values that can not be given back any more."""
    with services().unit_of_work() as tx:
        export_keep.expire(tx, at=now())
        bulk_control.purge(tx, at=now())
