"""Who is known by a business card alone is shown and erased like a subscriber, in the same way."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.cards.models import Card, CardStatus, CardUpload
from listmgr.cards.restriction import lift_restriction, restrict
from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.journal_models import JournalKind
from listmgr.privacy.data_export import (
    file_of_card,
    file_of_subscriber,
)
from listmgr.privacy.erasure import erase, erase_card
from listmgr.privacy.erasure_journal import (
    FILE_NAME,
    forget_late_replies,
    replay,
)
from listmgr.privacy.models import ErasureEntry
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression, SuppressionReason
from tests.cards.conftest import ada, operator
from tests.cards.corrections import (
    codes,
    hand_in,
    kept,
    typed,
)
from tests.cards.test_intake import file_of
from tests.conftest import NOW, empty
from tests.factories import (
    make_confirmed,
    make_list,
    make_subscriber,
)
from tests.privacy.dump import everything
from tests.privacy.test_restore import keep, lines

__all__ = ["ada"]
ZOE = "zoe@example.com"
ERASED_AT = NOW + timedelta(days=1)
RESTORED_AT = NOW + timedelta(days=2)


@pytest.fixture
def zoe(uow, ada, session) -> int:
    """A card photographed beside another one, talked about, its picture kept."""
    hand_in(uow, ada.id, codes(ZOE, "bert@example.org"), keep_reason="Zoë wanted it")
    return session.scalars(sa.select(Card.id).where(Card.address_key == ZOE)).one()


def theirs(text: str) -> list[str]:
    return [line[:200] for line in text.splitlines() if "zoe" in line.casefold()]


def erased(uow, card_id: int, at=ERASED_AT) -> None:
    with uow() as tx:
        erase_card(tx, card_id, actor="operator:1", at=at)


def test_l15_after_erasing_the_address_is_found_nowhere(zoe, uow, engine, settings, session):
    assert theirs(everything(engine, settings.redis_url))
    erased(uow, zoe)
    told = everything(engine, settings.redis_url)
    assert theirs(told) == []
    assert "Zoë wanted it" not in told
    assert "bert@example.org" in told
    assert session.scalars(sa.select(CardUpload.content)).all() == [None]


def test_l15_what_stays_is_a_block_and_the_entry_of_the_journal(zoe, uow, ada, session):
    erased(uow, zoe)
    assert session.scalars(sa.select(Suppression.reason)).all() == [SuppressionReason.ERASED]
    [entry] = session.scalars(sa.select(ErasureEntry))
    assert (entry.subscriber_id, entry.erased_at) == (None, ERASED_AT)
    assert entry.fingerprint == session.scalars(sa.select(Suppression.fingerprint)).one()
    with uow() as tx:
        forget_late_replies(tx, at=ERASED_AT)
    hand_in(uow, ada.id, file_of(ZOE))
    assert session.scalars(sa.select(Card.status).order_by(Card.id)).all() == [
        CardStatus.CAPTURED,
        CardStatus.OBJECTED,
    ]


def test_l33_restricted_it_is_not_erased(zoe, uow, session):
    with uow() as tx:
        restrict(tx, zoe, at=NOW)
    with pytest.raises(Refused, match="Lift the restriction"):
        erased(uow, zoe)
    with uow() as tx:
        assert erase(tx, [], cards=[zoe], actor="operator:1", at=ERASED_AT) == 0
    with uow() as tx:
        lift_restriction(tx, zoe, informed_by="mail")
    erased(uow, zoe)
    assert session.get(Card, zoe) is None


def test_who_is_a_subscriber_too_is_erased_there_and_the_card_with_them(zoe, uow, session):
    with uow() as tx:
        person = make_subscriber(tx, ZOE, NOW).id
    with pytest.raises(Refused, match="is a subscriber too"):
        erased(uow, zoe)
    with uow() as tx:
        assert erase(tx, [person], actor="operator:1", at=ERASED_AT) == 1
    assert session.get(Card, zoe) is None
    with pytest.raises(NotFound):
        erased(uow, zoe)


def test_a_card_without_an_address_is_erased_and_blocks_nobody(
    uow, ada, session, superuser, tmp_path
):
    with uow() as tx:
        card_id = typed(tx, ada.id, "").id
    erased(uow, card_id)
    assert session.scalars(sa.select(Card)).all() == []
    assert session.scalars(sa.select(Suppression)).all() == []
    with uow() as tx:
        keep(tx, tmp_path / FILE_NAME)
    with superuser.begin() as connection:
        # After the restore numbers are given a second time, to other cards.
        again = "SELECT setval(pg_get_serial_sequence('cards', 'id'), :number, false)"
        connection.execute(sa.text(again), {"number": card_id})
    with uow() as tx:
        assert typed(tx, ada.id, "", at=RESTORED_AT).id == card_id
    with uow() as tx:
        assert replay(tx, lines(tmp_path / FILE_NAME), at=RESTORED_AT) == 0


@pytest.fixture
def restored(uow, ada, superuser, tmp_path):
    """Zoë's card was erased and the journal kept; then the backup of the day before came back."""
    path = tmp_path / FILE_NAME
    with uow() as tx:
        card_id = kept(tx, ada.id, ZOE, at=NOW).id
        bare_id = typed(tx, ada.id, "", at=NOW).id
    for one in (card_id, bare_id):
        erased(uow, one)
    with uow() as tx:
        assert keep(tx, path) == {JournalKind.ERASED, JournalKind.BLOCKED}
    empty(superuser)
    return path


def back(uow) -> None:
    ada = operator(uow, "ada")
    with uow() as tx:
        kept(tx, ada.id, ZOE, at=NOW)
        typed(tx, ada.id, "", at=NOW)
        kept(tx, ada.id, "bert@example.org", at=NOW)


def test_t25_a_card_that_a_backup_brings_back_is_erased_again(
    restored, uow, engine, settings, session
):
    back(uow)
    with uow() as tx:
        assert replay(tx, lines(restored), at=RESTORED_AT) == 2
    assert theirs(everything(engine, settings.redis_url)) == []
    assert session.scalars(sa.select(Card.address)).all() == ["bert@example.org"]
    with uow() as tx:
        assert replay(tx, lines(restored), at=RESTORED_AT) == 0
        assert len(tx.session.scalars(sa.select(ErasureEntry)).all()) == 4


def test_t25_who_has_signed_up_anew_stays_unblocked_and_only_the_old_card_goes(
    restored, uow, session
):
    back(uow)
    with uow() as tx:
        make_confirmed(tx, ZOE, make_list(tx)[2], ERASED_AT + timedelta(hours=1))
        tx.session.execute(sa.update(Subscriber).values(created_at=ERASED_AT + timedelta(hours=1)))
    with uow() as tx:
        assert replay(tx, lines(restored), at=RESTORED_AT) == 1
    assert session.scalars(sa.select(Card.address)).all() == ["bert@example.org"]
    assert session.scalars(sa.select(Subscriber.address)).all() == [ZOE]
    fingerprint = session.scalars(sa.select(Subscriber.fingerprint)).one()
    assert fingerprint not in session.scalars(sa.select(Suppression.fingerprint)).all()


def test_t25_who_was_a_subscriber_when_erased_and_a_card_alone_before_goes_too(
    uow, session, tmp_path, superuser
):
    path = tmp_path / FILE_NAME
    with uow() as tx:
        person = make_confirmed(tx, ZOE, make_list(tx)[2], NOW).subscriber_id
    with uow() as tx:
        erase(tx, [person], actor="operator:1", at=ERASED_AT)
        keep(tx, path)
    empty(superuser)
    back(uow)
    with uow() as tx:
        assert replay(tx, lines(path), at=RESTORED_AT) == 1
    assert ZOE not in session.scalars(sa.select(Card.address)).all()


def test_l31_the_files_of_both_say_the_same_of_a_card(uow, ada, session):
    with uow() as tx:
        card = kept(tx, ada.id, ZOE, at=NOW)
        alone = file_of_card(tx.session, card)
        person = make_subscriber(tx, ZOE, NOW)
        both = file_of_subscriber(tx.session, person)
    assert alone["business_cards"] == both["business_cards"]
    assert alone.keys() == both.keys()
    assert (alone["known_by"], both["known_by"]) == ("business card", "subscription")
