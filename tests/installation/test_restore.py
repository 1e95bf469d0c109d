"""F13: a restore, a clone, a staging copy never mails by itself."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from listmgr.campaigns import control
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.consent import staff_requests
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, ServiceMail, ServiceMailStatus
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw
from listmgr.delivery.resend import (
    ResendScope,
    resend,
)
from listmgr.delivery.sweep import slice_job
from listmgr.installation import hold
from listmgr.installation.identity_file import IdentityFile
from listmgr.kit.clock import now
from listmgr.kit.errors import Refused
from listmgr.kit.installation_state import HoldReason
from listmgr.kit.queue import Job
from listmgr.operators.models import AuditEntry
from listmgr.privacy.erasure import erase
from listmgr.privacy.erasure_journal import FILE_NAME
from listmgr.runtime.servers import EmbeddedServers
from listmgr.subscribers import restriction
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression
from tests.factories import (
    launched,
    make_confirmed,
    make_list,
    make_pending,
)
from tests.installation.conftest import Host, dump, restore, server_program
from tests.sink import Sink

NAMES = ("stays", "withdraws", "restricted", "objects", "erased", "asked")
FACTS = RequestFacts(method="page")


@pytest.fixture
def campaign(host: Host) -> int:
    """A campaign to five people that is under way; a sixth has been asked and has not answered."""
    at = now() - timedelta(days=1)
    with host.uow() as tx:
        _, purpose, notice = make_list(tx)
        for name in NAMES[:-1]:
            make_confirmed(tx, f"{name}@example.org", notice, at)
        make_pending(tx, "asked@example.org", notice, at)
        purpose_id = purpose.id
    return launched(host.uow, purpose_id, at=at)


def person(tx, name: str) -> Subscriber:
    return tx.session.scalars(
        sa.select(Subscriber).where(Subscriber.address == f"{name}@example.org")
    ).one()


def act(host: Host) -> None:
    """What people ask for after the dump was made; each act is a transaction of its own."""
    with host.uow() as tx:
        mine = sa.select(Consent.id).where(Consent.subscriber_id == person(tx, "withdraws").id)
        consent_id = tx.session.scalars(mine).one()
        withdraw(tx, consent_id, method="page", actor="subscriber", facts=FACTS, at=now())
    with host.uow() as tx:
        restriction.restrict(tx, person(tx, "restricted").id, at=now())
    with host.uow() as tx:
        objector = person(tx, "objects").id
        staff_requests.record_objection(tx, objector, how="phone", actor="operator:1", at=now())
    with host.uow() as tx:
        erase(tx, [person(tx, "erased").id], actor="operator:1", at=now())


def jobs(campaign: int) -> list[Job]:
    with_question = Job("sweep_service_mails", queue="mail", key="sweep-service-mails")
    return [slice_job(campaign, 0, 0), with_question, Job("sweep_campaigns", queue="mail")]


def test_f13_a_restored_dump_mails_nobody_and_knows_who_left_since(
    host: Host, house: EmbeddedServers, campaign: int, sink: Sink, tmp_path: Path
):
    backup = dump(host.settings.database_url, tmp_path / "backup")
    act(host)
    restore(house, backup)
    host.work(*jobs(campaign), Job("keep_journal", key="keep-journal"))
    assert sink.mails == []
    installation = host.installation()
    assert installation.held_because is HoldReason.ELSEWHERE
    assert installation.replayed == 5  # the objector's consent ended too
    with host.uow() as tx:
        stopped = tx.session.get_one(Campaign, campaign)
        assert stopped.status is CampaignStatus.PAUSED
        assert stopped.pause_reason == control.NOT_THE_ONE_THAT_RAN
        consents = tx.session.execute(
            sa.select(Subscriber.address, Consent.status).join(
                Consent, Consent.subscriber_id == Subscriber.id
            )
        )
        assert dict(consents.all()) == {
            "stays@example.org": ConsentStatus.CONFIRMED,
            "withdraws@example.org": ConsentStatus.WITHDRAWN,
            "restricted@example.org": ConsentStatus.CONFIRMED,
            "objects@example.org": ConsentStatus.WITHDRAWN,
            "asked@example.org": ConsentStatus.PENDING,
        }
        assert person(tx, "restricted").restricted_at is not None
        assert len(tx.session.scalars(sa.select(Suppression)).all()) == 2
        questions = tx.session.scalars(sa.select(ServiceMail)).all()
        assert {(one.status, one.last_error) for one in questions} == {
            (ServiceMailStatus.UNCERTAIN, hold.MAYBE_SENT)
        }
    for forbidden in (control.resume, lambda tx, one: resend(tx, one, ResendScope.FAILED)):
        with pytest.raises(Refused), host.uow() as tx:
            forbidden(tx, campaign)
    answer = host.run("installation", "go-on")
    assert answer.stdout == "Mail may go again.\n"
    host.work(*jobs(campaign))
    assert sink.mails == []
    with host.uow() as tx:
        acts = sa.select(AuditEntry.action).where(AuditEntry.subject == "installation")
        assert tx.session.scalars(acts.order_by(AuditEntry.id)).all() == [
            "installation.held",
            "installation.released",
        ]
        control.resume(tx, campaign)
    host.work(*jobs(campaign))
    assert [address for address, _ in sink.mails] == ["stays@example.org"]


def test_f13_a_journal_of_another_host_is_replayed_by_the_command(
    host: Host, house: EmbeddedServers, campaign: int, tmp_path: Path
):
    """Who withdrew at a host that is gone is known from its journal alone."""
    backup = dump(host.settings.database_url, tmp_path / "backup")
    other = host.another(tmp_path / "other")
    other.installation()
    act(other)
    # The torn line of a machine that lost its power is passed over.
    journal = other.settings.data_dir / FILE_NAME
    assert "@" not in journal.read_text()
    with journal.open("a") as file:
        file.write(journal.read_text()[:60])
    restore(house, backup)
    assert host.installation().replayed == 0
    answer = host.run("installation", "replay", str(journal))
    assert answer.stdout.splitlines() == [
        "Acts in the journals: 6; done again: 5",
        "Lines that cannot be read and were passed over: 1",
    ]
    again = host.run("installation", "replay", str(journal))
    assert "done again: 0" in again.stdout


def test_f13_a_staging_copy_with_the_same_keys_and_data_mails_nobody(
    host: Host, house: EmbeddedServers, campaign: int, sink: Sink, tmp_path: Path
):
    backup = dump(host.settings.database_url, tmp_path / "backup")
    url = restore(house, backup, "installation_staging")
    shutil.copytree(host.settings.data_dir, tmp_path / "staging")
    staging = Host(replace(host.settings, database_url=url, data_dir=tmp_path / "staging"))
    staging.work(*jobs(campaign))
    assert sink.mails == []
    assert staging.installation().held_because is HoldReason.ELSEWHERE
    # The one it is a copy of goes on.
    host.work(slice_job(campaign, 0, 0))
    assert len(sink.mails) == 5
    assert host.installation().held_at is None


def test_f13_a_dump_restored_over_the_tables_is_noticed(
    host: Host, campaign: int, sink: Sink, tmp_path: Path
):
    """Into the same database, without a data directory that remembers anything."""
    backup = dump(host.settings.database_url, tmp_path / "backup")
    # It complains of the partition of the campaign, and goes on.
    url = host.settings.database_url
    server_program("pg_restore", url, "--clean", str(backup), errors=True)
    new = host.another(tmp_path / "no memory")
    new.work(*jobs(campaign))
    assert sink.mails == []
    assert new.installation().held_because is HoldReason.ELSEWHERE


def test_f13_a_lost_data_directory_and_a_further_host_are_no_fuss(
    host: Host, campaign: int, sink: Sink, tmp_path: Path
):
    shutil.rmtree(host.settings.data_dir)
    assert host.installation().held_at is None
    second = host.another(tmp_path / "second")
    second.work(slice_job(campaign, 0, 0))
    assert len(sink.mails) == 5
    for _ in range(3):
        host.work(Job("keep_journal", key="keep-journal"))
        second.work(Job("keep_journal", key="keep-journal"))
    assert host.installation().held_at is second.installation().held_at is None
    marks = [IdentityFile(one.settings.data_dir).read().mark for one in (host, second)]
    assert max(marks) == host.installation().mark


def test_f13_a_host_that_was_away_during_a_restore_replays_its_own_journal(
    host: Host, house: EmbeddedServers, campaign: int, tmp_path: Path
):
    backup = dump(host.settings.database_url, tmp_path / "backup")
    away = host.another(tmp_path / "away")
    away.installation()
    act(away)
    (host.settings.data_dir / FILE_NAME).unlink(missing_ok=True)
    restore(house, backup)
    host.work(Job("keep_journal", key="keep-journal"))
    assert host.run("installation", "go-on").returncode == 0
    away.work(Job("keep_journal", key="keep-journal"))
    # It neither holds mailing a second time, nor forgets what it alone knows.
    found = away.installation()
    assert (found.held_at, found.generation, found.replayed) == (None, 2, 5)
