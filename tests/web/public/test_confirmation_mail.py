"""The job between a sign-up and its confirmation mail: what holds it back, and what it costs."""

from __future__ import annotations

import psycopg
import sqlalchemy as sa

from listmgr.kit.clock import now
from listmgr.kit.db import db
from listmgr.kit.installation_state import HoldReason, Installation
from tests.web.public.conftest import form_values
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
    statements: list[object] = []

    class CountingCursor(psycopg.Cursor):
        def execute(self, query, *args, **options):
            statements.append(query)
            return super().execute(query, *args, **options)

    def count_statements(connection, _record) -> None:
        connection.cursor_factory = CountingCursor

    with app.app_context():
        engine = db.engine
    client.post("/s/news?lang=de", data=form_values(notice, "first@example.com"))
    work()
    # Connections that are open already would not be counted.
    engine.dispose()
    sa.event.listen(engine, "connect", count_statements)
    try:
        client.post("/s/news?lang=de", data=form_values(notice))
        statements.clear()
        work()
    finally:
        sa.event.remove(engine, "connect", count_statements)
        engine.dispose()
    assert len(mailbox.to("anna@example.com")) == 1
    assert 10 < len(statements) <= MOST_STATEMENTS, statements
