"""Single letters: the question, and the first reply to a card."""

from __future__ import annotations

from listmgr.cards import reply_sending
from listmgr.consent import asking_mail, waiting_requests
from listmgr.delivery.single import post_by
from listmgr.kit.clock import now
from listmgr.kit.permits import permits_at
from listmgr.schema import resource
from listmgr.senders.letters import PostBy
from listmgr.web.context import Services, services


def send_question(question_id: int) -> None:
    """Send one confirmation mail."""
    made = services()
    asking_mail.send_question(
        made.unit_of_work, _post_by(made), resource("templates"), question_id, now=now
    )


def sweep_questions() -> None:
    """Ring for confirmation mails whose bell was lost, and for those that waited for room."""
    with services().unit_of_work() as tx:
        waiting_requests.release_waiting(tx, at=now())
        asking_mail.sweep_questions(tx, at=now())


def send_card_letter(letter_id: int) -> None:
    """Send one first reply."""
    made = services()
    reply_sending.send_reply(
        made.unit_of_work, _post_by(made), resource("templates"), letter_id, now=now
    )


def _post_by(made: Services) -> PostBy:
    return post_by(made.post, permits_at(made.settings.redis_url), now=now)
