"""The job between a sign-up and its confirmation mail: what holds it back, and what it costs."""

from __future__ import annotations

import sqlalchemy as sa

from listmgr.kit.clock import now
from listmgr.kit.installation_state import HoldReason, Installation
from tests.web.public.conftest import counted_statements, form_values
from tests.web.public.test_rate_limit import signups

# 35 before limits were counted together and the ledger was written past the ORM (0078).
MOST_STATEMENTS = 26


def test_f13_a_sign_up_waits_while_mailing_is_on_hold(client, notice, uow, work, mailbox, session):
    with uow() as tx:
        tx.session.add(
            Installation(
                id="one",
                secret_keys=[],
                suppression_key="",
                anchor_key="",
                place="",
                held_at=now(),
                held_because=HoldReason.ELSEWHERE,
            )
        )
    client.post("/s/news?lang=de", data=form_values(notice))
    work()
    assert mailbox.mails == []
    assert signups(session) == 1
    with uow() as tx:
        tx.session.execute(sa.update(Installation).values(held_at=None, held_because=None))
    work("sweep_signups")
    work()
    assert len(mailbox.to("anna@example.com")) == 1
    assert signups(session) == 0


def test_a_confirmation_mail_takes_few_statements(app, client, notice, work, mailbox):
    client.post("/s/news?lang=de", data=form_values(notice, "first@example.com"))
    work()
    with counted_statements(app) as statements:
        client.post("/s/news?lang=de", data=form_values(notice))
        statements.clear()
        work()
    assert len(mailbox.to("anna@example.com")) == 1
    assert 10 < len(statements) <= MOST_STATEMENTS, statements
