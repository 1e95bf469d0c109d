"""Cards come into the inbox: once each, however often and by whomever they are handed in."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.cards import process_upload as taking
from listmgr.cards.inbox import being_read, card_details, inbox, not_read
from listmgr.cards.manual_entry import create_manually
from listmgr.cards.models import (
    Card,
    CardCapture,
    CardSource,
    CardStatus,
    CardUpload,
    Occasion,
    UploadStatus,
)
from listmgr.cards.privacy_notice import record_notice_given
from listmgr.cards.process_upload import (
    BATCH,
    MOST_ATTEMPTS,
    read_upload,
    sweep_uploads,
)
from listmgr.cards.review import AcceptResult, CardWords, accept_card, discard
from listmgr.cards.stages import Stage
from listmgr.cards.upload import (
    MAX_BYTES,
    CaptureFacts,
    KeyReused,
    Upload,
    receive,
)
from listmgr.cards.visibility import find_card
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, NotFound
from listmgr.kit.transaction import transaction
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from listmgr.web.studio.cards import labels
from tests.cards.corrections import (
    VCARD,
    codes,
    hand_in,
    kept,
    picture,
    typed,
)
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_subscriber,
)


def file_of(*addresses: str) -> bytes:
    return "".join(VCARD.format(address=address) for address in addresses).encode()


def cards(session) -> list[Card]:
    return list(session.scalars(sa.select(Card).order_by(Card.id)))


def block(uow, address: str, reason=SuppressionReason.OBJECTED) -> None:
    with uow() as tx:
        person = make_subscriber(tx, address, NOW)
        suppress(tx, person.fingerprint, reason, at=NOW)
        tx.session.delete(person)


def test_a_file_becomes_captured_cards_and_nobody_is_a_subscriber(uow, session, ada):
    hand_in(uow, ada.id, file_of("zoe@example.com", "jörg@example.com"))
    first, second = cards(session)
    assert (first.status, first.address, first.first_name, first.last_name, first.company) == (
        CardStatus.CAPTURED,
        "zoe@example.com",
        "Zoë",
        "Öztürk",
        "Linde GmbH",
    )
    assert second.address == "jörg@example.com"
    assert session.scalar(sa.select(sa.func.count()).select_from(Subscriber)) == 0
    [upload] = session.scalars(sa.select(CardUpload))
    assert (upload.status, upload.content, upload.done) == (UploadStatus.READ, None, 2)


def test_reading_twice_makes_no_card_twice(uow, session, ada):
    [upload_id] = hand_in(uow, ada.id, file_of("zoe@example.com"))
    read_upload(uow, upload_id, now=now)
    assert len(cards(session)) == 1
    assert session.scalar(sa.select(sa.func.count()).select_from(CardCapture)) == 1


def test_a_long_file_killed_in_the_middle_goes_on_where_it_was(uow, session, ada):
    many = file_of(*(f"p{n}@example.com" for n in range(2 * BATCH + 10)))
    with uow() as tx:
        handed = Upload(CardSource.FILE, many, "fair.vcf")
        upload_id = receive(tx, CaptureFacts(ada.id, now(), "Messe"), handed, at=now()).id
    opened = 0

    def dying():
        nonlocal opened
        opened += 1
        if opened == 3:
            raise KeyboardInterrupt
        return uow()

    with pytest.raises(KeyboardInterrupt):
        read_upload(dying, upload_id, now=now)
    assert len(cards(session)) == BATCH
    assert (being_read(session, ada.id).done, being_read(session, ada.id).detected) == (
        BATCH,
        2 * BATCH + 10,
    )
    session.rollback()
    read_upload(uow, upload_id, now=now)
    assert sorted(card.address for card in cards(session)) == sorted(
        f"p{n}@example.com" for n in range(2 * BATCH + 10)
    )


def test_what_ends_the_program_again_and_again_is_given_up(uow, session, ada, monkeypatch):
    with uow() as tx:
        handed = Upload(CardSource.FILE, file_of("zoe@example.com"))
        upload_id = receive(tx, CaptureFacts(ada.id, now()), handed, at=now()).id

    def killed(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr(taking, "parse_upload", killed)
    for _ in range(MOST_ATTEMPTS):
        with pytest.raises(KeyboardInterrupt):
            read_upload(uow, upload_id, now=now)
    read_upload(uow, upload_id, now=now)
    [upload] = not_read(session, ada.id)
    assert upload.problem == taking.GAVE_UP
    assert upload.content is None


def test_the_same_card_of_the_same_phone_is_one_upload(uow, session, ada, jobs):
    handed = Upload(CardSource.FILE, file_of("zoe@example.com"), idempotency_key="k1")
    for _ in range(3):
        with uow() as tx:
            upload_id = receive(tx, CaptureFacts(ada.id, now()), handed, at=now()).id
    assert [job.name for job in jobs] == ["read_card_upload"]
    assert session.scalars(sa.select(CardUpload.id)).all() == [upload_id]


def test_s14_another_file_under_the_key_of_one_is_refused_and_not_lost_silently(uow, ada):
    def press(content: bytes) -> None:
        with uow() as tx:
            handed = Upload(CardSource.FILE, content, idempotency_key="k1")
            receive(tx, CaptureFacts(ada.id, now()), handed, at=now())

    press(file_of("zoe@example.com"))
    with pytest.raises(KeyReused):
        press(file_of("bo@example.com"))


def test_a_lost_bell_is_rung_again(uow, jobs, ada):
    with uow() as tx:
        receive(tx, CaptureFacts(ada.id, NOW), Upload(CardSource.FILE, b"x"), at=NOW)
    jobs.clear()
    with uow() as tx:
        assert sweep_uploads(tx, at=now()) == 1
    assert [job.name for job in jobs] == ["read_card_upload"]


def test_the_same_card_twice_of_one_operator_is_one_card_and_both_times_are_noted(
    uow, session, ada
):
    with uow() as tx:
        typed(tx, ada.id, occasion="Buchmesse")
        typed(tx, ada.id, "ZOE@Example.com", occasion="Musikmesse")
    [card] = cards(session)
    found = card_details(session, card.id, None)
    assert [taking.occasion for taking in found.takings] == ["Buchmesse", "Musikmesse"]


def test_s07_who_knows_an_address_gets_only_the_card_they_took(uow, session, ada, ben):
    with uow() as tx:
        secret = typed(tx, ada.id)
        secret.phone, secret.note = "+49 30 1234567", "buys in spring"
    for _ in range(2):
        with uow() as tx:
            words = CardWords("zoe@example.com")
            own = create_manually(
                tx, words, CaptureFacts(ben.id, now(), "Elsewhere"), key=None, at=now()
            )
    assert own.id != secret.id
    found = card_details(session, own.id, ben.id)
    assert [taking.operator for taking in found.takings] == ["Ben"]
    assert (own.name, own.phone, own.note, own.company) == ("", "", "", "")
    assert not found.known_before
    with pytest.raises(NotFound):
        find_card(session, secret.id, ben.id)
    with pytest.raises(NotFound):
        find_card(session, own.id, ada.id)


@pytest.mark.parametrize("looked_at", [False, True])
def test_s07_what_one_does_with_their_card_leaves_a_colleagues_alone(
    uow, session, ada, ben, looked_at
):
    with uow() as tx:
        theirs = (kept if looked_at else typed)(tx, ada.id).id
        mine = typed(tx, ben.id).id
    before = everything_of(session, theirs)
    with uow() as tx:
        accept_card(tx, mine, ben.id, CardWords("zoe@example.com", "", "", "Mine alone"), at=NOW)
    with uow() as tx:
        record_notice_given(tx, mine, ben.id, operator_id=ben.id, at=NOW)
    hand_in(uow, ben.id, file_of("zoe@example.com"))
    assert everything_of(session, theirs) == before
    with uow() as tx:
        discard(tx, mine, ben.id, at=NOW)
    assert everything_of(session, theirs) == before
    assert [card.id for card in cards(session)] == [theirs]


def test_s07_a_card_corrected_to_the_address_of_a_colleagues_stays_apart(uow, session, ada, ben):
    with uow() as tx:
        theirs = typed(tx, ben.id, "zoe@example.com").id
        mine = typed(tx, ada.id, "zo@example.com").id
    with uow() as tx:
        found, came_to = accept_card(tx, mine, ada.id, CardWords("zoe@example.com"), at=NOW)
        assert (found.id, came_to) == (mine, AcceptResult.KEPT)
    assert len(cards(session)) == 2
    assert [taking.operator for taking in card_details(session, theirs, ben.id).takings] == ["Ben"]


def everything_of(session, card_id: int) -> list[object]:
    session.rollback()
    session.expire_all()
    card = session.get_one(Card, card_id)
    rows = [card, *card.captures]
    return [getattr(row, name.key) for row in rows for name in sa.inspect(row).mapper.column_attrs]


def test_one_operator_photographing_the_same_card_at_the_same_moment(uow, session, ada):
    ready = threading.Barrier(2)
    wrong = []

    def press(operator_id):
        try:
            ready.wait()
            hand_in(uow, operator_id, file_of(*(f"p{n}@example.com" for n in range(20))))
        except Exception as error:  # noqa: BLE001 - a thread's failure must be seen
            wrong.append(error)

    threads = [threading.Thread(target=press, args=(ada.id,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(cards(session)) == 20
    assert session.scalar(sa.select(sa.func.count()).select_from(CardCapture)) == 20


def test_a_second_look_adds_what_was_missing_and_changes_nothing_reviewed(uow, session, ada):
    with uow() as tx:
        card = typed(tx, ada.id)
        card.phone = ""
    hand_in(uow, ada.id, file_of("zoe@example.com"))
    [card] = cards(session)
    assert card.phone == "+49 30 1234567"
    with uow() as tx:
        accept_card(tx, card.id, ada.id, CardWords("zoe@example.com", "Zoe", "O."), at=NOW)
    hand_in(uow, ada.id, file_of("zoe@example.com"))
    session.expire_all()
    assert (card.first_name, card.phone, card.status) == ("Zoe", "", CardStatus.KEPT)


def test_several_cards_of_one_picture_are_reviewed_beside_it(uow, session, ada):
    hand_in(uow, ada.id, codes("anna@example.com", "zoe@example.com"))
    assert sorted(card.address for card in cards(session)) == [
        "anna@example.com",
        "zoe@example.com",
    ]
    first, second = cards(session)
    with uow() as tx:
        accept_card(tx, first.id, ada.id, CardWords("anna@example.com"), at=NOW)
    # The other still has to be looked at, so the picture stays until then.
    assert session.get_one(CardUpload, first.upload_id).content is not None
    with uow() as tx:
        discard(tx, second.id, ada.id, at=NOW)
    session.expire_all()
    assert session.scalars(sa.select(CardUpload)).one().content is None


def test_the_second_photo_of_a_card_is_not_kept_beside_nothing(uow, session, ada):
    hand_in(uow, ada.id, codes("zoe@example.com"))
    hand_in(uow, ada.id, codes("zoe@example.com"))
    first, second = session.scalars(sa.select(CardUpload).order_by(CardUpload.id))
    assert (first.content is None, second.content is None) == (False, True)
    assert (second.said, second.name, second.remarks) == ("", "", [])


def test_a_card_corrected_to_the_address_of_another_is_one_with_it(uow, session, ada):
    with uow() as tx:
        other = typed(tx, ada.id, "zoe@example.com").id
        card = typed(tx, ada.id, "zo@example.com", occasion="Musikmesse").id
    with uow() as tx:
        found, came_to = accept_card(tx, card, ada.id, CardWords("zoe@example.com"), at=NOW)
        assert (found.id, came_to) == (other, AcceptResult.MERGED)
    assert [one.id for one in cards(session)] == [other]
    assert len(card_details(session, other, ada.id).takings) == 2


def test_an_unreadable_picture_is_a_card_to_type_beside_it(uow, session, ada):
    hand_in(uow, ada.id, picture(3000, 20))
    [card] = cards(session)
    assert card.problems
    assert card.upload_id is not None
    upload = session.get_one(CardUpload, card.upload_id)
    # Smaller, upright, and without what the camera noted.
    assert upload.content_type == "image/jpeg"
    assert upload.content[:3] == b"\xff\xd8\xff"
    with uow() as tx:
        accept_card(tx, card.id, ada.id, CardWords("zoe@example.com"), at=NOW)
    session.expire_all()
    assert session.get_one(CardUpload, card.upload_id).content is None


def test_a_text_in_which_nothing_is_recognised_is_not_lost(uow, session, ada):
    with uow() as tx:
        handed = Upload(CardSource.TEXT, b"Hans, der mit dem Hut,\0 ruft an")
        upload_id = receive(tx, CaptureFacts(ada.id, now()), handed, at=now()).id
    read_upload(uow, upload_id, now=now)
    [card] = cards(session)
    assert "Hans, der mit dem Hut, ruft an" in (card.note, card.last_name, card.company)
    assert card.status is CardStatus.CAPTURED


def test_a_picture_is_kept_after_the_review_only_with_a_reason(uow, session, ada):
    hand_in(uow, ada.id, picture(), keep_reason="the contract was written on its back")
    [card] = cards(session)
    with uow() as tx:
        accept_card(tx, card.id, ada.id, CardWords("zoe@example.com"), at=NOW)
    assert session.get_one(CardUpload, card.upload_id).content is not None


@pytest.mark.parametrize(
    "content", [b"%PDF-1.4", b"no card", b"\0\0\0\x18ftypheic", b"PK\x03\x04"], ids=repr
)
def test_what_is_no_card_is_named_and_let_go(uow, session, ada, content):
    hand_in(uow, ada.id, content)
    [upload] = not_read(session, ada.id)
    assert upload.problem
    assert upload.content is None
    assert cards(session) == []


def test_too_large_and_empty_are_refused_with_a_sentence(uow, ada):
    for content in (b"", b"x" * (MAX_BYTES + 1)):
        with pytest.raises(InvalidInput) as error, uow() as tx:
            receive(tx, CaptureFacts(ada.id, NOW), Upload(CardSource.FILE, content), at=NOW)
        assert "content" in error.value.fields


def test_everybody_sees_their_own_and_the_head_of_sales_the_team(uow, session, ada, ben):
    with uow() as tx:
        mine, yours = typed(tx, ada.id, "a@example.com"), typed(tx, ben.id, "b@example.com")
    seen = [row.staged.card.id for row in inbox(session, ada.id, stages=list(Stage)).rows]
    assert seen == [mine.id]
    assert len(inbox(session, None, stages=list(Stage)).rows) == 2
    with pytest.raises(NotFound):
        find_card(session, yours.id, ada.id)
    with pytest.raises(NotFound), uow() as tx:
        discard(tx, yours.id, ada.id, at=NOW)


def test_a_known_person_is_recognised_and_nothing_of_them_changed(uow, session, ada, notice):
    with uow() as tx:
        make_confirmed(tx, "zoe@example.com", notice, NOW)
    with uow() as tx:
        card = kept(tx, ada.id, at=now())
    assert card_details(session, card.id, ada.id).known_before
    assert session.scalar(sa.select(Subscriber.first_name)) == "Änne"


def test_one_occasion_however_it_is_written(uow, session, ada):
    with uow() as tx:
        typed(tx, ada.id, "a@example.com", occasion="Buchmesse  2026")
        typed(tx, ada.id, "b@example.com", occasion=" BUCHMESSE 2026 ")
    assert session.scalars(sa.select(Occasion.name)).all() == ["Buchmesse 2026"]


@pytest.mark.parametrize(
    ("content", "whole"),
    [
        (
            "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Anna Ulm\r\nEMAIL:anna@example.com\r\n"
            "ADR:;;Hauptstr. 5;Ulm;;89073;Germany\r\nEND:VCARD\r\n",
            "Hauptstr. 5\n89073 Ulm\nGermany",
        ),
        (
            "MECARD:N:Ulm,Anna;EMAIL:anna@example.com;ADR:,,Hauptstr. 5,Ulm,,89073,Germany;;",
            "Hauptstr. 5\nUlm\n89073\nGermany",
        ),
        (
            "Anna Ulm\nLinde GmbH\nHauptstr. 5\n89073 Ulm\nanna@example.com\n",
            "Hauptstr. 5\n89073 Ulm",
        ),
    ],
    ids=["vcard", "mecard", "signature"],
)
def test_b03_a_card_keeps_the_whole_postal_address(uow, session, ada, content, whole):
    hand_in(uow, ada.id, content.encode())
    [card] = cards(session)
    assert card.postal == whole
    assert labels.guesses(card)["postal"].value == whole
    words = CardWords("anna@example.com", "Anna", "Ulm", postal=card.postal)
    with uow() as tx:
        assert accept_card(tx, card.id, None, words, at=now())[0].postal == whole


def test_w06_a_card_without_a_language_has_the_installations(engine, settings, ada):
    speaks_english = replace(settings, default_language="en")
    with transaction(lambda: Session(engine), speaks_english, lambda _jobs: None) as tx:
        words, taken = CardWords("zoe@example.com"), CaptureFacts(ada.id, now())
        card = create_manually(tx, words, taken, key=None, at=now())
        assert card is not None
        assert card.language == "en"
