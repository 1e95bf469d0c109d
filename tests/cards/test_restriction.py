"""Article 18: a card whose person's data are restricted stays as it is; nobody works on it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.cards.inbox import Size, count_restricted, count_to_review, counts, inbox, restricted
from listmgr.cards.models import Card, CardCapture, CardUpload, ReplyStatus, UploadStatus
from listmgr.cards.outreach.consent_statement import request_confirmation_once
from listmgr.cards.outreach.reply_sender import send_reply
from listmgr.cards.outreach.signup_prefill import (
    Prefill,
    prefill,
    prefill_token,
)
from listmgr.cards.privacy_notice import (
    count_overdue,
    record_notice_given,
)
from listmgr.cards.restriction import NOT_TAKEN, lift_restriction, restrict
from listmgr.cards.retention import (
    delete_due,
    purge_uploads,
)
from listmgr.cards.review import CardWords, accept_card, discard
from listmgr.cards.stages import Stage
from listmgr.consent.models import Consent
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.schema import resource
from listmgr.subscribers.models import Subscriber
from tests.cards.corrections import (
    codes,
    hand_in,
    kept,
    picture,
    typed,
)
from tests.cards.test_intake import (
    cards,
    file_of,
)
from tests.cards.test_outreach import stated
from tests.cards.test_privacy_notice import (
    post,
    sink,
    write,
)
from tests.factories import make_subscriber

__all__ = ["post", "sink"]
ZOE = "zoe@example.com"


@pytest.fixture(params=["card", "subscriber"])
def restrict_zoe(uow, request):
    """Who is known by the card alone, or as a subscriber whose card it is too."""

    def do() -> None:
        with uow() as tx:
            card = tx.session.scalars(sa.select(Card).where(Card.address_key == ZOE)).one()
            if request.param == "card":
                assert restrict(tx, card.id, at=now())
            else:
                make_subscriber(tx, ZOE, now()).restricted_at = now()

    return do


def test_s07_all_cards_of_a_person_are_restricted_with_one(uow, session, ada, ben):
    with uow() as tx:
        first, second = typed(tx, ada.id, ZOE).id, typed(tx, ben.id, ZOE).id
    with uow() as tx:
        assert restrict(tx, first, at=now())
    with pytest.raises(Refused), uow() as tx:
        discard(tx, second, ben.id, at=now())
    with uow() as tx:
        assert lift_restriction(tx, second, informed_by="mail")
    assert session.scalars(sa.select(Card.restricted_at)).all() == [None, None]


def test_l33_a_restricted_card_lies_on_no_heap_of_work(uow, session, ada, restrict_zoe):
    late = now() - timedelta(days=40)
    with uow() as tx:
        kept(tx, ada.id, ZOE, at=late)
        typed(tx, ada.id, "bert@example.com")
    restrict_zoe()
    found = counts(session, ada.id)
    assert (found[Stage.KEPT], found[Stage.REVIEW]) == (Size(0), Size(1))
    assert inbox(session, ada.id, stages=[Stage.KEPT]).rows == ()
    assert inbox(session, None, stages=[Stage.KEPT], overdue_at=now()).rows == ()
    assert count_overdue(session, None, at=now()) == 0
    [row] = restricted(session).rows
    assert (row.staged.card.address, count_restricted(session)) == (ZOE, 1)


def test_l33_one_to_review_waits_for_nobody(uow, session, ada, restrict_zoe):
    with uow() as tx:
        typed(tx, ada.id, ZOE)
    restrict_zoe()
    assert count_to_review(session, ada.id) == 0
    assert counts(session, ada.id)[Stage.REVIEW] == Size(0)


def test_l33_it_is_not_asked_changed_or_deleted(uow, session, ada, notice, restrict_zoe):
    with uow() as tx:
        card_id = kept(tx, ada.id, ZOE).id
        other_id = typed(tx, ada.id, "zo@example.com").id
    restrict_zoe()
    words = CardWords(ZOE, "Somebody")
    acts = (
        lambda tx: accept_card(tx, card_id, ada.id, words, at=now()),
        # The typing error of another card must not join it to this one.
        lambda tx: accept_card(tx, other_id, ada.id, words, at=now()),
        lambda tx: discard(tx, card_id, ada.id, at=now()),
        lambda tx: record_notice_given(tx, card_id, ada.id, operator_id=ada.id, at=now()),
        lambda tx: stated(tx, tx.session.get_one(Card, card_id), notice, ada.id),
        lambda tx: request_confirmation_once(tx, card_id, ada.id, operator_id=ada.id, at=now()),
        lambda tx: write(tx, tx.session.get_one(Card, card_id), notice, ada.id),
    )
    for act in acts:
        with pytest.raises(Refused, match="is restricted"), uow() as tx:
            act(tx)
    with uow() as tx:
        assert delete_due(tx, at=now() + timedelta(days=400)) == 1
    assert [card.first_name for card in cards(session)] == ["Zoë"]
    assert session.scalars(sa.select(Consent)).all() == []


def test_l33_a_sign_up_page_is_not_filled_in_from_it(uow, session, settings, ada, restrict_zoe):
    with uow() as tx:
        card_id = kept(tx, ada.id, ZOE).id
    restrict_zoe()
    assert prefill(session, settings, prefill_token(settings, card_id)) == Prefill()


def test_l33_a_reply_that_waited_is_not_sent(uow, session, ada, notice, restrict_zoe, post, sink):
    with uow() as tx:
        letter = write(tx, kept(tx, ada.id, ZOE), notice, ada.id)
    restrict_zoe()
    send_reply(uow, post, resource("templates"), letter.id, now=now)
    assert sink.mails == []
    session.refresh(found := session.merge(letter))
    assert (found.status, found.last_error) == (ReplyStatus.FAILED, "processing was restricted")


def test_l33_the_same_card_photographed_again_is_not_taken(uow, session, ada, ben, restrict_zoe):
    with uow() as tx:
        kept(tx, ada.id, ZOE)
    restrict_zoe()
    [upload_id] = hand_in(uow, ben.id, codes(ZOE), keep_reason="they wanted it")
    upload = session.get_one(CardUpload, upload_id)
    assert (upload.status, upload.problem) == (UploadStatus.FAILED, NOT_TAKEN)
    assert (upload.content, upload.said, upload.keep_reason) == (None, "", "")
    assert session.scalars(sa.select(CardCapture.operator_id)).all() == [ada.id]


def test_l33_others_in_the_same_photo_are_taken_and_the_photo_is_let_go(
    uow, session, ada, restrict_zoe
):
    with uow() as tx:
        kept(tx, ada.id, ZOE)
    restrict_zoe()
    [upload_id] = hand_in(uow, ada.id, codes("anna@example.com", ZOE))
    upload = session.get_one(CardUpload, upload_id)
    assert (upload.status, upload.content) == (UploadStatus.READ, None)
    assert upload.remarks == [f"2\t{NOT_TAKEN}"]
    assert [card.address for card in cards(session)] == [ZOE, "anna@example.com"]


def test_l33_of_a_long_file_the_restricted_alone_are_left_out(uow, session, ada, restrict_zoe):
    with uow() as tx:
        kept(tx, ada.id, ZOE)
    restrict_zoe()
    # The last batch holds nobody else.
    many = [f"p{number}@example.com" for number in range(100)]
    [upload_id] = hand_in(uow, ada.id, file_of(*many, ZOE))
    upload = session.get_one(CardUpload, upload_id)
    assert (upload.status, upload.remarks) == (UploadStatus.READ, [f"101\t{NOT_TAKEN}"])
    assert len(cards(session)) == 101


def test_l33_a_card_typed_by_hand_is_refused(uow, session, ada, restrict_zoe):
    with uow() as tx:
        kept(tx, ada.id, ZOE)
    restrict_zoe()
    with pytest.raises(Refused, match="is restricted"), uow() as tx:
        typed(tx, ada.id, ZOE, occasion="Halle 4")
    assert session.scalars(sa.select(sa.func.count()).select_from(CardCapture)).one() == 1


def test_l33_its_picture_is_kept_too(uow, session, ada, settings, restrict_zoe):
    [upload_id] = hand_in(uow, ada.id, picture(), keep_reason="they wanted it")
    with uow() as tx:
        kept(tx, ada.id, ZOE).upload_id = upload_id
        tx.session.execute(sa.delete(Card).where(Card.address_key.is_(None)))
    restrict_zoe()
    with uow() as tx:
        purge_uploads(tx, at=now() + timedelta(days=settings.card_picture_days + 1))
    assert session.get_one(CardUpload, upload_id).content is not None


def test_l33_it_is_lifted_when_the_person_has_been_told(uow, session, ada):
    with uow() as tx:
        card_id = kept(tx, ada.id, ZOE).id
        assert restrict(tx, card_id, at=now())
        assert not restrict(tx, card_id, at=now())
    with pytest.raises(InvalidInput, match="Tell the person first"), uow() as tx:
        lift_restriction(tx, card_id, informed_by="")
    with uow() as tx:
        assert lift_restriction(tx, card_id, informed_by="letter")
        assert not lift_restriction(tx, card_id, informed_by="letter")
    assert counts(session, ada.id)[Stage.KEPT] == Size(1)


def test_who_is_a_subscriber_too_is_restricted_there(uow, session, ada):
    with uow() as tx:
        card_id = kept(tx, ada.id, ZOE).id
        make_subscriber(tx, ZOE, now())
    with pytest.raises(Refused, match="is a subscriber too"), uow() as tx:
        restrict(tx, card_id, at=now())
    with pytest.raises(NotFound), uow() as tx:
        restrict(tx, card_id + 1, at=now())
    assert session.scalars(sa.select(Subscriber.restricted_at)).all() == [None]
