"""PgBouncer in transaction mode: each transaction may get another connection of the server's."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from listmgr.app import watch_over
from listmgr.consent.anchor import broken_chains
from listmgr.imports import control
from listmgr.imports.lifecycle import ImportStatus
from listmgr.kit.clock import now
from listmgr.lists.signup_forms import FormWords, create_form
from listmgr.operators.accounts import create_operator
from listmgr.runtime.accounts import POSTGRES, unprivileged
from listmgr.runtime.servers import EmbeddedServers
from listmgr.schema import resource
from tests.factories import launched, make_list
from tests.imports.conftest import EVIDENCE, Bench
from tests.journeys.workers import started
from tests.runtime.conftest import wait_until
from tests.runtime.pgbouncers import needs_pgbouncer, pgbouncer
from tests.sink import running_sink
from tests.web.public.conftest import confirm_path

pytestmark = needs_pgbouncer
# What docs/operating.md tells to add.
SETTING = "?prepare_threshold=none"


@contextmanager
def let_in(house: EmbeddedServers, superuser: sa.Engine) -> Iterator[None]:
    """Let the account that PgBouncer runs under be the application, until the next start."""
    account = unprivileged(POSTGRES)
    name = account.pw_name if account else pwd.getpwuid(os.geteuid()).pw_name
    with superuser.connect() as connection:
        path = Path(connection.scalar(sa.text("SHOW ident_file")))
        before = path.read_text()
        path.write_text(f'{before}listmgr "{name}" listmgr_app\n')
        connection.execute(sa.text("SELECT pg_reload_conf()"))
        yield
        path.write_text(before)
        connection.execute(sa.text("SELECT pg_reload_conf()"))


@pytest.fixture
def pooled(house: EmbeddedServers, engine: sa.Engine, superuser: sa.Engine) -> Iterator[str]:
    """The database behind a PgBouncer with three connections."""
    sockets = house.database_url.partition("?host=")[2].replace("%2F", "/")
    with (
        let_in(house, superuser),
        pgbouncer(
            f"host={sockets} dbname=listmgr user=listmgr_app",
            "auth_type = any",
            "pool_mode = transaction",
            "default_pool_size = 3",
        ) as where,
    ):
        yield f"postgresql+psycopg://listmgr_app@{where}/listmgr{SETTING}"


def test_d06_many_at_once_prepare_nothing_that_another_would_miss(pooled: str):
    assert f"`{SETTING}`" in (resource("templates").parent / "docs/operating.md").read_text()

    def ask(number: int) -> list[int]:
        engine = sa.create_engine(pooled, poolclass=sa.NullPool)
        found = []
        with engine.connect() as connection:
            for _ in range(20):
                found.append(connection.scalar(sa.text("SELECT :n"), {"n": number}))
                connection.commit()
        return found

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, range(12))) == [[number] * 20 for number in range(12)]


def test_d06_the_whole_story_by_the_documented_setting(
    pooled, settings, app_with, session, tmp_path
):
    people = [f"anna{number}@example.org" for number in range(6)]
    rows = ["email,confirmed at,ip"]
    rows += [f"bert{number}@example.org,2026-05-31 10:00:00,192.0.2.7" for number in range(6)]
    with running_sink() as sink, ThreadPoolExecutor(4) as at_once:
        told = replace(settings, database_url=pooled, mail=sink.account, dns_servers=("off",))
        app = app_with(told)
        watch_over(app, told, in_thread=False)
        uow = app.extensions["listmgr"].unit_of_work

        def post(path: str, **data: str) -> int:
            return app.test_client().post(path, data=data).status_code

        with uow() as tx:
            _, purpose, notice = make_list(tx)
            words = FormWords("Post", "Mail")
            create_form(tx, words, slug="mail", purpose_ids=[purpose.id], at=now())
            operator = create_operator(
                tx, email="o@example.org", name="Otto", role="administrator", at=now()
            )
            bench = Bench(uow, operator.id, notice)
        with started(told, sink, tmp_path, count=1, LISTMGR_DNS_SERVERS="off"):
            sign_up = lambda address: post("/s/mail", address=address, notice=str(notice.id))  # noqa: E731
            assert list(at_once.map(sign_up, people)) == [303] * 6
            wait_until(lambda: len(sink.mails) == 6)
            links = [confirm_path(sink.to(address)[0]) for address in people]
            assert list(at_once.map(post, links)) == [200] * 6
            import_id = bench.bring("\n".join(rows), **EVIDENCE)
            with uow() as tx:
                control.start_check(tx, import_id)
            wait_until(lambda: bench.row(import_id).status is ImportStatus.CHECKED)
            bench.start(import_id)
            wait_until(lambda: bench.row(import_id).status is ImportStatus.DONE)
            launched(uow, purpose.id, at=now())
            wait_until(lambda: len(sink.mails) == 18)
            campaign_mails = [sink.to(address)[-1] for address in people[:3]]
            leave = [
                re.sub("^https://[^/]+", "", mail["List-Unsubscribe"].strip("<>"))
                for mail in campaign_mails
            ]
            assert list(at_once.map(post, leave)) == [200] * 3
        with uow() as tx:
            assert broken_chains(tx) == []
    statuses = session.execute(
        sa.text("SELECT status, count(*) FROM consents GROUP BY status ORDER BY status")
    ).all()
    assert [tuple(row) for row in statuses] == [("confirmed", 9), ("withdrawn", 3)]
    written = (tmp_path / "log").read_text()
    for trouble in ("prepared statement", "Traceback"):
        assert trouble not in written
