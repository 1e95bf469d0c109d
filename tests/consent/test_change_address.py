"""Another address: the new mailbox is asked first, and nobody learns whom we know."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from listmgr.consent import change_address
from listmgr.consent.change_address_models import (
    AddressChange,
    AddressChangeStatus,
)
from listmgr.consent.confirm import confirm
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import Consent, ServiceMail, ServiceMailKind
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import unsubscribe, withdraw
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.tokens import TokenPurpose, make_token, token_hash
from listmgr.lists.models import Notice
from listmgr.subscribers.address import mask
from listmgr.subscribers.models import Subscriber
from listmgr.subscribers.restriction import restrict
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.conftest import NOW
from tests.factories import (
    launched,
    make_confirmed,
    make_list,
    make_pending,
    make_subscriber,
)

_STATUS = AddressChangeStatus
FACTS = RequestFacts("192.0.2.9", "Test", "page", "de")
LATER = NOW + timedelta(minutes=5)


@pytest.fixture
def anna(uow):
    """Confirmed at the old mailbox."""
    with uow() as tx:
        _, _, notice = make_list(tx)
        return make_confirmed(tx, "anna@old.example", notice, NOW)


def wish(uow, consent, address="anna@new.example", actor="subscriber", at=NOW):
    with uow() as tx:
        change_address.request_change(
            tx, consent.subscriber_id, address, facts=FACTS, actor=actor, at=at
        )
    with uow() as tx:
        for found in tx.session.scalars(sa.select(AddressChange.id)).all():
            change_address.process_change(tx, found, at=at)


def questions(session, kind) -> list[ServiceMail]:
    return list(session.scalars(sa.select(ServiceMail).where(ServiceMail.kind == kind)))


def answer(uow, settings, session):
    """Press the button of the mail to the new mailbox."""
    found = questions(session, ServiceMailKind.CONFIRM_SUBSCRIPTION)[-1]
    token = make_token(settings.secret_keys, TokenPurpose.CONFIRM, found.id)
    with uow() as tx:
        tx.session.get_one(ServiceMail, found.id).token_hash = token_hash(token)
    with uow() as tx:
        return confirm(tx, token, facts=FACTS, at=LATER)


def standing(session, address):
    session.expire_all()
    return session.scalars(
        sa.select(Consent.status)
        .join(Subscriber, Subscriber.id == Consent.subscriber_id)
        .where(Subscriber.address == address)
        .order_by(Consent.id)
    ).all()


def test_l04_until_the_new_mailbox_has_answered_nothing_changes(uow, session, settings, anna):
    wish(uow, anna)
    assert standing(session, "anna@old.example") == [ConsentStatus.CONFIRMED]
    assert standing(session, "anna@new.example") == [ConsentStatus.PENDING]
    answer(uow, settings, session)
    assert standing(session, "anna@old.example") == [ConsentStatus.WITHDRAWN]
    assert standing(session, "anna@new.example") == [ConsentStatus.CONFIRMED]
    old = session.get_one(Subscriber, anna.subscriber_id)
    assert old.merged_into_id is not None
    change = session.scalars(sa.select(AddressChange)).one()
    assert change.status is AddressChangeStatus.DONE
    assert (change.address, change.evidence) == ("", {})


def test_t11_old_and_new_mailbox_are_told_and_the_wish_says_nothing_of_whom_we_know(
    uow, session, anna
):
    with uow() as tx:
        make_subscriber(tx, "known@new.example", NOW)
    wish(uow, anna, "known@new.example")
    assert len(questions(session, ServiceMailKind.ADDRESS_CHANGE)) == 1
    assert (
        len(questions(session, ServiceMailKind.CONFIRM_SUBSCRIPTION)) == 2
    )  # anna's own first, and this one


STANDINGS = (
    "unknown",
    "pending",
    "recently asked",
    "withdrawn",
    "confirmed",
    "suppressed",
    "restricted",
    "own address",
)


def target(uow, anna, how: str) -> str:
    """An address that stands like this with us, to which the mail is to go."""
    if how in {"unknown", "own address"}:
        return "anna@old.example" if how == "own address" else "target@new.example"
    with uow() as tx:
        notice = tx.session.get_one(Notice, tx.session.get_one(Consent, anna.id).notice_id)
        asked_at = NOW if how == "recently asked" else NOW - timedelta(days=2)
        make = make_pending if how in {"pending", "recently asked"} else make_confirmed
        consent = make(tx, "target@new.example", notice, asked_at)
        person = tx.session.get_one(Subscriber, consent.subscriber_id)
        if how == "withdrawn":
            withdraw(tx, consent.id, method="page", actor="subscriber", facts=FACTS, at=NOW)
        if how == "suppressed":
            suppress(tx, person.fingerprint, SuppressionReason.BOUNCED, at=NOW)
        if how == "restricted":
            restrict(tx, person.id, at=NOW)
    return "target@new.example"


@pytest.mark.parametrize("how", STANDINGS)
def test_s06_the_old_mailbox_learns_the_same_of_every_new_one(
    uow, session, settings, jobs, anna, how
):
    address = target(uow, anna, how)
    last = session.scalar(sa.select(sa.func.max(ServiceMail.id)))
    jobs.clear()
    wish(uow, anna, address)
    waiting = change_address.waiting_change(session, anna.subscriber_id)
    assert waiting is not None
    assert waiting.masked_address == mask(address)
    mail, *_others = session.scalars(
        sa.select(ServiceMail).where(ServiceMail.id > last).order_by(ServiceMail.id)
    ).all()
    # It is rung for before any other, so no other mail delays it.
    assert (mail.kind, mail.consent_ids) == (ServiceMailKind.ADDRESS_CHANGE, [anna.id])
    assert jobs[1].args == (mail.id,)
    over = NOW + timedelta(days=settings.confirm_days)
    for at, expected in ((over, _STATUS.ASKED), (over + timedelta(seconds=1), _STATUS.EXPIRED)):
        with uow() as tx:
            change_address.sweep_changes(tx, at=at)
        session.expire_all()
        assert session.scalars(sa.select(AddressChange.status)).one() is expected
    assert standing(session, "anna@old.example")[0] is ConsentStatus.CONFIRMED


@pytest.mark.parametrize("how", STANDINGS)
def test_s06_a_wish_counts_and_is_taken_back_the_same_for_every_new_mailbox(
    uow, session, anna, how
):
    address = target(uow, anna, how)
    for _ in range(change_address.MOST_A_MONTH):
        wish(uow, anna, address)
        with uow() as tx:
            assert change_address.cancel_change(tx, anna.subscriber_id, actor="subscriber", at=NOW)
    with pytest.raises(Refused):
        wish(uow, anna, address)
    assert len(questions(session, ServiceMailKind.ADDRESS_CHANGE)) == change_address.MOST_A_MONTH


def test_s06_only_the_new_mailbox_learns_that_it_is_subscribed(uow, session, anna):
    wish(uow, anna, target(uow, anna, "confirmed"))
    [told] = questions(session, ServiceMailKind.ALREADY_SUBSCRIBED)
    person = session.get_one(Consent, told.consent_ids[0]).subscriber
    assert person.address == "target@new.example"


def test_s06_a_wish_nobody_could_look_at_expires_too(uow, session, settings, anna):
    with uow() as tx:
        change_address.request_change(
            tx, anna.subscriber_id, "n@new.example", facts=FACTS, actor="subscriber", at=NOW
        )
    with uow() as tx:
        change_address.sweep_changes(tx, at=NOW + timedelta(days=settings.confirm_days, seconds=1))
    assert session.scalars(sa.select(AddressChange.status)).one() is _STATUS.EXPIRED


@pytest.mark.parametrize("address", ["", "no address", "a@b", "anna@"])
def test_what_is_no_address_is_told(uow, anna, address):
    with pytest.raises(InvalidInput), uow() as tx:
        change_address.request_change(
            tx, anna.subscriber_id, address, facts=FACTS, actor="subscriber", at=NOW
        )


def test_a_link_passed_on_hands_over_no_data(uow, session, settings, anna):
    wish(uow, anna, "stranger@else.example")
    answer(uow, settings, session)
    stranger = session.scalars(
        sa.select(Subscriber).where(Subscriber.address == "stranger@else.example")
    ).one()
    assert stranger.first_name == ""


def test_on_the_word_of_the_person_staff_take_the_name_along(uow, session, settings, anna):
    wish(uow, anna, actor="operator:1")
    answer(uow, settings, session)
    new = session.scalars(
        sa.select(Subscriber).where(Subscriber.address == "anna@new.example")
    ).one()
    assert new.first_name == "Änne"


def test_taken_back_the_old_link_moves_nobody(uow, session, settings, anna):
    wish(uow, anna)
    with uow() as tx:
        assert change_address.cancel_change(tx, anna.subscriber_id, actor="subscriber", at=NOW)
        assert not change_address.cancel_change(tx, anna.subscriber_id, actor="subscriber", at=NOW)
    answer(uow, settings, session)
    assert standing(session, "anna@old.example") == [ConsentStatus.CONFIRMED]
    assert standing(session, "anna@new.example") == [ConsentStatus.WITHDRAWN]


def test_a_fourth_wish_in_a_month_is_refused(uow, anna):
    for number in range(3):
        with uow() as tx:
            change_address.request_change(
                tx, anna.subscriber_id, f"a{number}@x.example", facts=FACTS, actor="x", at=NOW
            )
    with pytest.raises(Refused), uow() as tx:
        change_address.request_change(
            tx, anna.subscriber_id, "a@x.example", facts=FACTS, actor="x", at=NOW
        )


def test_unanswered_it_ends_and_the_address_is_forgotten(uow, session, settings, anna):
    wish(uow, anna)
    with uow() as tx:
        change_address.sweep_changes(tx, at=NOW + timedelta(days=settings.confirm_days, seconds=1))
    change = session.scalars(sa.select(AddressChange)).one()
    assert (change.status, change.address) == (AddressChangeStatus.EXPIRED, "")


def test_a_lost_bell_is_rung_again_and_twice_asks_once(uow, session, jobs, anna):
    with uow() as tx:
        change_address.request_change(
            tx, anna.subscriber_id, "n@new.example", facts=FACTS, actor="subscriber", at=NOW
        )
    jobs.clear()
    with uow() as tx:
        change_address.sweep_changes(tx, at=NOW)
    [job] = jobs
    for _ in range(2):
        with uow() as tx:
            change_address.process_change(tx, int(job.args[0]), at=NOW)
    assert len(questions(session, ServiceMailKind.ADDRESS_CHANGE)) == 1


def test_l13_a_link_in_an_old_mail_still_ends_it_after_the_move(uow, session, settings, anna):
    campaign_id = launched(uow, anna.purpose_id, at=anna.captured_at)
    wish(uow, anna)
    answer(uow, settings, session)
    token = make_token(
        settings.secret_keys, TokenPurpose.UNSUBSCRIBE, campaign_id, anna.subscriber_id
    )
    with uow() as tx:
        view = unsubscribe(tx, token, facts=FACTS, method="page", at=LATER)
    assert view.state == "ended"
    assert standing(session, "anna@new.example") == [ConsentStatus.WITHDRAWN]
