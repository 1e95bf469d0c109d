"""T-25: a backup that is restored brings nobody back whom the journal knows as erased."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from listmgr.consent.anchor import broken_chains
from listmgr.installation.journal_writer import append
from listmgr.kit.errors import InvalidInput
from listmgr.kit.journal_models import (
    JournalEntry,
    JournalKind,
)
from listmgr.kit.transaction import Transaction
from listmgr.privacy.erasure import erase
from listmgr.privacy.erasure_journal import (
    FILE_NAME,
    Line,
    read_files,
    read_line,
    replay,
)
from listmgr.privacy.models import ErasureEntry
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression
from tests.conftest import NOW, UnitOfWork, empty
from tests.factories import (
    make_confirmed,
    make_list,
)
from tests.privacy.dump import everything

ERASED_AT = NOW + timedelta(days=1)
RESTORED_AT = NOW + timedelta(days=2)


def people(uow: UnitOfWork, *addresses: str) -> list[int]:
    with uow() as tx:
        notice = make_list(tx)[2]
        made = [make_confirmed(tx, address, notice, NOW) for address in addresses]
        return [consent.subscriber_id or 0 for consent in made]


@pytest.fixture
def journal(uow: UnitOfWork, superuser: sa.Engine, tmp_path: Path) -> Path:
    """Anna was erased and the journal kept; then the backup of the day before came back."""
    path = tmp_path / FILE_NAME
    anna, _bert = people(uow, "anna@example.com", "bert@example.org")
    with uow() as tx:
        erase(tx, [anna], actor="operator:1", at=ERASED_AT)
    with uow() as tx:
        assert keep(tx, path) == {JournalKind.ERASED, JournalKind.BLOCKED}
    empty(superuser)
    people(uow, "anna@example.com", "bert@example.org")
    return path


def lines(path: Path) -> list[Line]:
    return list(read_files([path]).latest.values())


def keep(tx: Transaction, path: Path) -> set[JournalKind]:
    """Write the journal down, as its keeper does; returns of what kinds its lines are."""
    entries = tx.session.scalars(sa.select(JournalEntry).order_by(JournalEntry.id)).all()
    told = [Line(entry.at, entry.kind, entry.fingerprint, entry.detail) for entry in entries]
    append(path, [str(line) for line in told])
    return {line.kind for line in told}


def test_t25_the_journal_is_replayed_after_a_restore(journal, uow, engine, settings, session):
    with uow() as tx:
        assert replay(tx, lines(journal), at=RESTORED_AT) == 1
    assert "anna@" not in everything(engine, settings.redis_url)
    assert session.scalars(sa.select(Subscriber.address)).all() == ["bert@example.org"]
    assert len(session.scalars(sa.select(Suppression)).all()) == 1
    with uow() as tx:
        assert broken_chains(tx) == []
        assert replay(tx, lines(journal), at=RESTORED_AT) == 0


def test_t25_even_who_was_restricted_in_the_backup_is_erased_again(journal, uow, session):
    with uow() as tx:
        tx.session.execute(sa.update(Subscriber).values(restricted_at=NOW))
    with uow() as tx:
        assert replay(tx, lines(journal), at=RESTORED_AT) == 1


def test_who_signed_up_anew_after_the_erasure_stays_and_is_not_blocked(journal, uow, session):
    with uow() as tx:
        tx.session.execute(
            sa.update(Subscriber)
            .where(Subscriber.address_key == "anna@example.com")
            .values(created_at=ERASED_AT + timedelta(hours=1))
        )
    with uow() as tx:
        assert replay(tx, lines(journal), at=RESTORED_AT) == 0
    assert len(session.scalars(sa.select(Subscriber)).all()) == 2
    assert session.scalars(sa.select(Suppression)).all() == []


def test_a_backup_older_than_the_person_gets_the_block_back(journal, uow, superuser, session):
    empty(superuser)
    with uow() as tx:
        assert replay(tx, lines(journal), at=RESTORED_AT) == 0
    assert len(session.scalars(sa.select(Suppression)).all()) == 1
    assert len(session.scalars(sa.select(ErasureEntry)).all()) == 1


def test_a_line_cut_off_by_a_kill_is_passed_over_and_the_next_one_is_whole(journal):
    whole = journal.read_text().splitlines()
    # Cut amid the last line, at every place: never is something else read in its stead.
    for end in range(len(whole[0]) + 2, len("\n".join(whole))):
        journal.write_text("\n".join(whole)[:end])
        append(journal, [whole[0]])
        read = read_files([journal])
        assert list(read.latest.values()) == [read_line(whole[0])]
        assert read.damaged == 1
    assert journal.stat().st_mode & 0o777 == 0o600


def test_a_journal_of_an_earlier_version_is_read(tmp_path):
    (tmp_path / "erasures.journal").write_text(f"{ERASED_AT.isoformat()} {'0a' * 32} 7\n")
    (line,) = read_files([tmp_path / "erasures.journal"]).latest.values()
    assert line == Line(ERASED_AT, JournalKind.ERASED, b"\n" * 32, "7")


@pytest.mark.parametrize("text", ["", "x", "2026-01-01 zz 1", "2026-01-01T00:00:00+00:00 00ff"])
def test_a_damaged_line_is_named(text):
    with pytest.raises(InvalidInput, match="no line of a journal"):
        read_line(text)
