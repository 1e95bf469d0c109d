"""A card asks nobody by itself: L-23 to L-26, and what may happen once somebody has asked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.campaigns import compose
from listmgr.cards.inbox import card_details, cards_of
from listmgr.cards.models import Card, CardStatus
from listmgr.cards.outreach.consent_statement import (
    request_confirmation_once,
    stated_words,
    store_statement,
)
from listmgr.cards.outreach.signup_prefill import (
    LIVES_SECONDS,
    prefill,
    prefill_token,
)
from listmgr.cards.retention import (
    delete_due,
    drop_newly_objected,
)
from listmgr.cards.review import CardWords, accept_card
from listmgr.cards.stages import Stage, staged
from listmgr.consent.confirm import confirm
from listmgr.consent.expire import expire_due
from listmgr.consent.gate import count_mailable
from listmgr.consent.ledger import record
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus, ForbiddenTransition
from listmgr.consent.models import (
    Consent,
    ConsentEvent,
    ConsentSource,
    ServiceMail,
    ServiceMailStatus,
)
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.waiting_requests import release_waiting
from listmgr.delivery import engine as sending
from listmgr.delivery.launch import launch
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.tokens import TokenPurpose, make_token, open_token, token_hash
from listmgr.schema import resource
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.cards.corrections import (
    hand_in,
    kept,
    typed,
)
from tests.cards.test_intake import file_of
from tests.factories import (
    make_confirmed,
    make_pending,
    make_subscriber,
)
from tests.sink import running_sink

WORDS = "Sie sagte am Freitag am Stand: „Schicken Sie mir bitte Ihren Rundbrief.“"


def stated(tx, card: Card, notice, operator_id: int, at=None) -> Consent:
    return store_statement(
        tx,
        card.id,
        None,
        purpose_id=notice.purpose_id,
        words=WORDS,
        operator_id=operator_id,
        at=at or now(),
    )


def asked(uow, notice, operator_id: int, address: str = "zoe@example.com") -> tuple[int, int]:
    with uow() as tx:
        card = kept(tx, operator_id, address)
        stated(tx, card, notice, operator_id)
        service_mail = request_confirmation_once(
            tx, card.id, None, operator_id=operator_id, at=now()
        )
        return card.id, service_mail.id


def press_confirm(uow, service_mail_id: int) -> None:
    with uow() as tx:
        token = make_token(tx.settings.secret_keys, TokenPurpose.CONFIRM, service_mail_id)
        tx.session.get_one(ServiceMail, service_mail_id).token_hash = token_hash(token)
    with uow() as tx:
        confirm(tx, token, facts=RequestFacts(method="button"), at=now())


def stage_of(session, card_id: int) -> Stage:
    session.expire_all()
    return staged(session, session.get_one(Card, card_id)).stage


def mailed(uow, settings, notice) -> list[str]:
    """Who gets a campaign to everybody there is."""
    with running_sink() as sink:
        told = replace(settings, mail=sink.account)
        with uow() as tx:
            draft = compose.Draft("Alle", notice.purpose_id, "Neues", body="Guten Tag!")
            campaign = compose.create(tx, draft, operator_id=None, at=now())
        with uow() as tx:
            launch(tx, campaign.id, templates=resource("templates"), at=now())
        sending.send_slice(uow, told, campaign.id, "worker", now=now)
        return sorted(to for to, _mail in sink.mails)


def test_l23_a_campaign_to_everybody_never_reaches_a_card(uow, settings, session, ada, notice):
    hand_in(uow, ada.id, file_of("captured@example.com"))
    with uow() as tx:
        kept(tx, ada.id, "kept@example.com")
        stated(tx, kept(tx, ada.id, "stated@example.com"), notice, ada.id)
    asked(uow, notice, ada.id, "asked@example.com")
    _card, service_mail = asked(uow, notice, ada.id, "yes@example.org")
    press_confirm(uow, service_mail)
    assert mailed(uow, settings, notice) == ["yes@example.org"]


def test_l24_keeping_a_card_makes_neither_a_subscriber_nor_a_consent(uow, session, ada, notice):
    with uow() as tx:
        kept(tx, ada.id)
    assert session.scalar(sa.select(sa.func.count()).select_from(Subscriber)) == 0
    assert session.scalar(sa.select(sa.func.count()).select_from(Consent)) == 0


def test_l25_without_a_statement_the_question_is_refused(uow, session, ada, notice, jobs):
    with uow() as tx:
        card = kept(tx, ada.id)
    with pytest.raises(Refused, match="First record"), uow() as tx:
        request_confirmation_once(tx, card.id, ada.id, operator_id=ada.id, at=now())
    assert session.scalar(sa.select(sa.func.count()).select_from(ServiceMail)) == 0
    assert "send_service_mail" not in {job.name for job in jobs}


@pytest.mark.parametrize("words", ["", "ja", " " * 40, "x" * 3000])
def test_l25_a_statement_is_words_of_ones_own(uow, ada, notice, words):
    with uow() as tx:
        card = kept(tx, ada.id)
    with pytest.raises(InvalidInput) as error, uow() as tx:
        store_statement(
            tx, card.id, ada.id,
            purpose_id=notice.purpose_id, words=words, operator_id=ada.id, at=now(),
        )  # fmt: skip
    assert "statement" in error.value.fields


def test_l25_a_card_nobody_has_looked_at_asks_nobody(uow, ada, notice):
    with uow() as tx:
        card = typed(tx, ada.id)
    with pytest.raises(Refused, match="Review the card first"), uow() as tx:
        stated(tx, card, notice, ada.id)


def test_l25_the_statement_is_stored_as_evidence_with_the_facts_of_taking(
    uow, session, ada, notice
):
    with uow() as tx:
        consent = stated(tx, kept(tx, ada.id), notice, ada.id)
    assert (consent.status, consent.source) == (ConsentStatus.CAPTURED, ConsentSource.CARD)
    assert stated_words(session, consent.id) == WORDS
    [event] = session.scalars(sa.select(ConsentEvent))
    evidence = json.loads(event.evidence.content)
    [taken] = evidence["card_taken"]
    assert (taken["operator"], taken["occasion"], taken["said"]) == (
        ada.id,
        "Buchmesse",
        "will den Katalog",
    )
    assert event.actor == f"operator:{ada.id}"
    # No box was shown to anybody, so the proof does not say that it was unticked.
    assert "box_before" not in json.loads(event.facts)


def test_l25_one_question_and_no_second(uow, session, ada, notice):
    card_id, _question = asked(uow, notice, ada.id)
    assert stage_of(session, card_id) is Stage.ASKED
    with pytest.raises(Refused, match="There is one question"), uow() as tx:
        request_confirmation_once(
            tx, card_id, None, operator_id=ada.id, at=now() + timedelta(days=3)
        )
    with uow() as tx:
        card = tx.session.get_one(Card, card_id)
        with pytest.raises(Refused, match="asked only once"):
            stated(tx, card, notice, ada.id)
    assert session.scalar(sa.select(sa.func.count()).select_from(ServiceMail)) == 1


def test_l25_the_limits_of_an_address_hold_for_cards_too(uow, session, ada, notice):
    with uow() as tx:
        card = kept(tx, ada.id)
        make_pending(tx, "zoe@example.com", notice, now())
        tx.session.execute(sa.text("UPDATE service_mails SET queued_at = now()"))
    with uow() as tx:
        with pytest.raises(Refused, match="by another way"):
            stated(tx, card, notice, ada.id)
    with uow() as tx:
        # The person's own asking has run out; the mail of today still counts.
        expire_due(tx, at=now() + timedelta(days=8))
    with uow() as tx:
        stated(tx, tx.session.get_one(Card, card.id), notice, ada.id)
    for _ in range(2):
        with uow() as tx:
            service_mail = request_confirmation_once(
                tx, card.id, None, operator_id=ada.id, at=now()
            )
            assert service_mail.status is ServiceMailStatus.WAITING
    with uow() as tx:
        assert release_waiting(tx, at=now()) == 0
        assert release_waiting(tx, at=now() + timedelta(days=1, seconds=1)) == 1
        assert tx.session.get_one(ServiceMail, service_mail.id).status is ServiceMailStatus.QUEUED


def test_l16_who_objected_is_not_asked_by_anybodys_statement(uow, session, ada, notice):
    with uow() as tx:
        card = kept(tx, ada.id)
        consent = stated(tx, card, notice, ada.id)
        person = tx.session.get_one(Subscriber, consent.subscriber_id)
        suppress(tx, person.fingerprint, SuppressionReason.OBJECTED, at=now())
    with pytest.raises(Refused, match="objected"), uow() as tx:
        request_confirmation_once(tx, card.id, None, operator_id=ada.id, at=now())
    with uow() as tx:
        assert drop_newly_objected(tx, at=now()) == 1
    session.expire_all()
    found = session.get_one(Card, card.id)
    assert (found.status, found.address, found.first_name) == (CardStatus.OBJECTED, "", "")


def test_who_has_subscribed_is_not_asked_again(uow, ada, notice):
    with uow() as tx:
        make_confirmed(tx, "zoe@example.com", notice, now())
        card = kept(tx, ada.id)
        with pytest.raises(Refused, match="subscribed to it already"):
            stated(tx, card, notice, ada.id)


def test_article_18_a_restricted_person_is_not_asked(uow, ada, notice):
    with uow() as tx:
        card = kept(tx, ada.id)
        make_subscriber(tx, "zoe@example.com", now()).restricted_at = now()
        tx.session.flush()
        with pytest.raises(Refused, match="is restricted"):
            stated(tx, card, notice, ada.id)


def test_the_address_of_a_statement_cannot_be_changed_under_it(uow, ada, notice):
    with uow() as tx:
        card = kept(tx, ada.id)
        stated(tx, card, notice, ada.id)
    with pytest.raises(InvalidInput) as error, uow() as tx:
        accept_card(tx, card.id, ada.id, CardWords("other@example.com"), at=now())
    assert "address" in error.value.fields


def test_a_confirmed_card_becomes_a_subscriber_with_the_card_in_their_history(
    uow, session, settings, ada, notice
):
    card_id, service_mail = asked(uow, notice, ada.id)
    press_confirm(uow, service_mail)
    assert stage_of(session, card_id) is Stage.CONFIRMED
    assert count_mailable(session, settings, notice.purpose_id) == 1
    [person] = session.scalars(sa.select(Subscriber))
    assert (person.first_name, person.last_name) == ("Zoë", "Öztürk")
    [(card, takings)] = cards_of(session, person.address_key)
    assert (card.id, takings[0].operator, takings[0].occasion) == (card_id, "Ada", "Buchmesse")
    with uow() as tx:
        assert delete_due(tx, at=now() + timedelta(days=400)) == 0


def test_l26_nothing_but_the_mailbox_confirms_what_a_card_began(uow, session, ada, notice):
    """No act of an operator, no job and no bulk statement raises it to the person's own act."""
    card_id, _question = asked(uow, notice, ada.id)
    with uow() as tx:
        hand_in(uow, ada.id, file_of("zoe@example.com"))
        accept_card(tx, card_id, None, CardWords("zoe@example.com", "Zoë"), at=now())
    with uow() as tx:
        consent = tx.session.scalars(sa.select(Consent).with_for_update()).one()
        with pytest.raises(ForbiddenTransition):
            record(
                tx, consent, ConsentAction.CONFIRM_IMPORTED, at=now(), actor=f"operator:{ada.id}"
            )
    with pytest.raises(sa.exc.DBAPIError, match="ledger"), uow() as tx:
        tx.session.execute(sa.text("UPDATE consents SET status='confirmed', confirmed_at=now()"))
    session.expire_all()
    assert session.scalar(sa.select(Consent.status)) is ConsentStatus.PENDING


def test_the_link_for_the_tablet_says_nothing_of_the_person_and_is_short_lived(
    uow, session, settings, ada, monkeypatch
):
    with uow() as tx:
        card = kept(tx, ada.id)
    token = prefill_token(settings, card.id)
    assert open_token(settings.secret_keys, TokenPurpose.PREFILL, token) == [card.id]
    assert "example" not in token.lower()
    assert prefill(session, settings, token).address == "zoe@example.com"
    assert prefill(session, settings, token[:-2]).address == ""
    assert (
        prefill(
            session, settings, make_token(settings.secret_keys, TokenPurpose.FORM, card.id)
        ).address
        == ""
    )
    late = now() + timedelta(seconds=LIVES_SECONDS + 2)
    monkeypatch.setattr("listmgr.kit.tokens.now", lambda: late)
    assert prefill(session, settings, token).address == ""


def test_s07_how_far_a_colleagues_card_has_come_is_not_told(uow, session, ada, ben, notice):
    with uow() as tx:
        mine = kept(tx, ben.id)
        theirs = kept(tx, ada.id)
        stated(tx, theirs, notice, ada.id)
        request_confirmation_once(tx, theirs.id, ada.id, operator_id=ada.id, at=now())
        late = kept(tx, ben.id, "late@example.com")
        stated(tx, kept(tx, ada.id, "late@example.com"), notice, ada.id)
    assert staged(session, theirs).stage is Stage.ASKED
    assert staged(session, mine).stage is Stage.KEPT
    assert staged(session, late).stage is Stage.KEPT
    with uow() as tx:
        after = typed(tx, ben.id, "late@example.com")
    assert not card_details(session, after.id, ben.id).known_before
