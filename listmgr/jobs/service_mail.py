"""Jobs of transactional mails: confirmation mails and first replies to cards."""

from __future__ import annotations

from listmgr.cards.outreach import reply_sender
from listmgr.consent import (
    service_mail_sender,
    waiting_requests,
)
from listmgr.consent.models import ServiceMail
from listmgr.consent.service_mail_sender import ClaimedServiceMail
from listmgr.context import (
    Services,
    services,
)
from listmgr.delivery.transactional import post_by
from listmgr.jobs.mail_hold import mail_is_on_hold
from listmgr.kit.clock import now
from listmgr.kit.rate_limiter import permits_at
from listmgr.kit.transaction import Transaction
from listmgr.schema import resource
from listmgr.senders.transactional_route import SendVia

_TEMPLATES = resource("templates")


def send_service_mail(service_mail_id: int) -> None:
    """Send one service mail."""
    if mail_is_on_hold():
        return
    context = services()
    service_mail_sender.send_service_mail(
        context.unit_of_work, post_by_way(context), _TEMPLATES, service_mail_id, now=now
    )


def sweep_service_mails() -> None:
    """Queue service mails whose job was lost, and those that waited for the limits."""
    with services().unit_of_work() as tx:
        waiting_requests.release_waiting(tx, at=now())
        service_mail_sender.sweep_service_mails(tx, at=now())


def send_card_reply(reply_id: int) -> None:
    """Send one first reply."""
    if mail_is_on_hold():
        return
    context = services()
    reply_sender.send_reply(
        context.unit_of_work, post_by_way(context), _TEMPLATES, reply_id, now=now
    )


def claim_own(tx: Transaction) -> list[ClaimedServiceMail]:
    """Claim the service mails this transaction created, so that they need no job of their own.

    Those not to be sent now are left to the sweep.
    """
    own_jobs = [job for job in tx.jobs if job.name == send_service_mail.__name__]
    tx.jobs = [job for job in tx.jobs if job not in own_jobs]
    service_mails = [tx.session.get_one(ServiceMail, job.args[0]) for job in own_jobs]
    claimed = [
        service_mail_sender.claim(tx, service_mail, _TEMPLATES, now())
        for service_mail in service_mails
    ]
    return [service_mail for service_mail in claimed if service_mail is not None]


def post_by_way(context: Services) -> SendVia:
    """Return the function that sends a mail over its route's account."""
    return post_by(context.post, permits_at(context.settings.redis_url), now=now)
