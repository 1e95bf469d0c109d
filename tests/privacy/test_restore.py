"""T-25: a backup that is restored brings nobody back whom the journal knows as erased."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from sqlalchemy.orm import Session

from listmgr.cli import main
from listmgr.consent.anchor import broken_chains
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.kit.errors import InvalidInput
from listmgr.privacy.erasure import erase
from listmgr.privacy.journal import FILE_NAME, Line, keep_outside, read_line, replay
from listmgr.privacy.models import ErasureEntry
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression
from tests.conftest import NOW, UnitOfWork, empty
from tests.people import make_confirmed, make_list
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
        assert keep_outside(tx, path) == 1
    empty(superuser)
    people(uow, "anna@example.com", "bert@example.org")
    return path


def lines(path: Path) -> list[Line]:
    return [read_line(line) for line in path.read_text().splitlines()]


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


def test_the_file_grows_by_what_it_lacks_and_survives_a_kill_amid_a_line(uow, tmp_path, session):
    path = tmp_path / FILE_NAME
    anna, bert = people(uow, "anna@example.com", "bert@example.org")
    for person in (anna, bert):
        with uow() as tx:
            erase(tx, [person], actor="operator:1", at=ERASED_AT)
        with uow() as tx:
            assert (keep_outside(tx, path), keep_outside(tx, path)) == (1, 0)
    whole = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(whole[:-30])
    with uow() as tx:
        assert keep_outside(tx, path) == 1
    assert {str(line) for line in map(read_line, whole.splitlines())} <= set(
        path.read_text().splitlines()
    )


@pytest.mark.parametrize("text", ["", "x", "2026-01-01 zz 1", "2026-01-01T00:00:00+00:00 00ff"])
def test_a_damaged_line_is_named(text):
    with pytest.raises(InvalidInput, match="no line of an erasure journal"):
        read_line(text)


def test_the_command_replays_the_journal(
    journal: Path, settings, session: Session, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    monkeypatch.setenv("REDIS_URL", settings.redis_url)
    monkeypatch.setenv("LISTMGR_DATA_DIR", str(journal.parent))
    monkeypatch.setenv("LISTMGR_SUPPRESSION_KEY", settings.suppression_key.decode())
    answer = CliRunner().invoke(main, ["erasures", "replay", str(journal)])
    assert answer.output == "Erasures in the journal: 1; people erased again: 1\n"
    assert ConsentStatus.ERASED in session.scalars(sa.text("SELECT status FROM consents")).all()
    # That they were erased again is an erasure of its own.
    kept = [CliRunner().invoke(main, ["erasures", "keep", str(journal)]).output for _ in "12"]
    assert kept == ["Erasures added to the journal: 1\n", "Erasures added to the journal: 0\n"]
    journal.write_text("nonsense\n")
    assert CliRunner().invoke(main, ["erasures", "replay", str(journal)]).exit_code == 1
