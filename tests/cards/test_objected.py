"""Of who objected or was erased nothing of a card is kept, and the picture goes too."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from listmgr.cards.deletion import forget_people
from listmgr.cards.inbox import Size, counts
from listmgr.cards.models import (
    CardStatus,
    CardUpload,
)
from listmgr.cards.review import AcceptResult, CardWords, accept_card
from listmgr.cards.stages import Stage
from listmgr.suppression.models import SuppressionReason
from tests.cards.corrections import (
    codes,
    hand_in,
    typed,
)
from tests.cards.test_intake import (
    block,
    cards,
    file_of,
)
from tests.conftest import NOW


@pytest.mark.parametrize(
    "reason", [reason for reason in SuppressionReason if reason is not SuppressionReason.BOUNCED]
)
def test_l15_of_who_objected_nothing_is_stored_not_even_the_file(uow, session, ada, engine, reason):
    block(uow, "zoe@example.com", reason)
    hand_in(uow, ada.id, file_of("zoe@example.com"))
    [card] = cards(session)
    assert (card.status, card.objected_at) == (CardStatus.OBJECTED, NOW)
    with engine.connect() as connection:
        for table in ("cards", "card_captures", "card_uploads"):
            rows = connection.scalars(sa.text(f"SELECT t::text FROM {table} t")).all()
            assert rows
            assert not [row for row in rows for word in ("zoe", "Zoë", "Linde") if word in row]


def test_a_mailbox_that_bounced_has_not_objected(uow, session, ada):
    block(uow, "zoe@example.com", SuppressionReason.BOUNCED)
    hand_in(uow, ada.id, file_of("zoe@example.com"))
    assert cards(session)[0].status is CardStatus.CAPTURED


def test_l15_with_an_erased_person_go_the_card_its_captures_and_its_picture(
    uow, session, ada, ben, engine
):
    for who in (ada, ben):
        hand_in(uow, who.id, codes("zoe@example.com"), keep_reason="Zoë wanted it")
    with uow() as tx:
        forget_people(tx, {"zoe@example.com"})
    with engine.connect() as connection:
        for table in ("cards", "card_captures", "card_uploads"):
            rows = connection.scalars(sa.text(f"SELECT t::text FROM {table} t")).all()
            assert not [row for row in rows if "zoe" in row.lower() or "Zoë" in row], table
    assert session.scalars(sa.select(CardUpload.content)).all() == [None, None]


def test_l15_a_picture_on_which_somebody_objected_goes_at_once(uow, session, ada):
    block(uow, "zoe@example.com")
    hand_in(uow, ada.id, codes("anna@example.com", "zoe@example.com"), keep_reason="a reason")
    [upload] = session.scalars(sa.select(CardUpload))
    assert (upload.content, upload.keep_reason, upload.name) == (None, "", "")
    assert counts(session, ada.id)[Stage.REVIEW] == Size(1)
    assert counts(session, ada.id)[Stage.OBJECTED] == Size(1)


def test_the_database_itself_keeps_the_row_of_who_objected_empty(uow, ada):
    with pytest.raises(sa.exc.IntegrityError, match="objected_holds_nothing"), uow() as tx:
        card = typed(tx, ada.id)
        card.status, card.objected_at = CardStatus.OBJECTED, NOW


def test_an_address_typed_at_the_review_may_be_of_who_objected(uow, session, ada):
    block(uow, "zoe@example.com")
    with uow() as tx:
        card_id = typed(tx, ada.id, "zo@example.com").id
    with uow() as tx:
        words = CardWords("zoe@example.com", "Zoë")
        assert accept_card(tx, card_id, ada.id, words, at=NOW)[1] is AcceptResult.OBJECTED
    [card] = cards(session)
    assert (card.first_name, card.address, card.captures[0].said) == ("", "", "")
