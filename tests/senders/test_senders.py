"""Senders: kept without a readable password, found by From address and by list, warmed up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
import sqlalchemy as sa

from listmgr.kit.encryption import (
    SealBroken,
    seal,
    unseal,
)
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.kit.validation import Validator
from listmgr.senders import (
    edit,
    routing,
)
from listmgr.senders.edit import AccountForm
from listmgr.senders.limits import Limit, SendingPolicy, allowance
from listmgr.senders.limits_form import (
    LimitsForm,
    checked_domains,
    checked_pacing,
)
from listmgr.senders.models import BUILT_IN, Sender
from listmgr.senders.quiet_hours import QuietHoursForm
from listmgr.senders.routing import (
    NoSender,
    account_of,
    route,
)
from tests.conftest import NOW

TOLD = AccountForm(
    name="Relay",
    host="mail.example.org",
    username="relay",
    password="s3cret-Wörter",
    envelope="bounces@example.org",
    serves="example.org, Post@Other.example",
    processor="Post AG",
)


def make(uow, **changes) -> Sender:
    with uow() as tx:
        return edit.create_sender(tx, replace(TOLD, **changes), at=NOW)


def test_a_password_is_sealed_at_rest_and_opens_with_the_keys(uow, settings, session):
    made = make(uow)
    kept = session.scalar(sa.text("SELECT password FROM senders"))
    assert "s3cret" not in kept
    assert "s3cret" not in repr(account_of(settings, made))
    assert account_of(settings, made).password == "s3cret-Wörter"
    assert (made.port, made.security, made.serves) == (
        587,
        "starttls",
        ["example.org", "post@other.example"],
    )
    rotated = replace(settings, secret_keys=("new", *settings.secret_keys))
    assert account_of(rotated, made).password == "s3cret-Wörter"
    with pytest.raises(NoSender, match="Type it again"):
        account_of(replace(settings, secret_keys=("other",)), made)


def test_what_is_sealed_for_one_purpose_opens_for_no_other():
    sealed = seal(["k"], "one", "x")
    assert unseal(["k"], "one", sealed) == "x"
    with pytest.raises(SealBroken):
        unseal(["k"], "two", sealed)


def test_an_empty_password_leaves_the_one_that_is_kept(uow, settings):
    made = make(uow)
    with uow() as tx:
        edited = edit.edit_sender(tx, made.id, replace(TOLD, name="New", password=""))
    assert account_of(settings, edited).password == "s3cret-Wörter"


@pytest.mark.parametrize("change", [{"host": "evil.example"}, {"port": "25"}, {"security": "none"}])
def test_a_kept_password_is_never_sent_to_another_server(uow, change):
    """Who may edit a sender shall not be able to read its password at a server of their own."""
    made = make(uow)
    with pytest.raises(InvalidInput) as told, uow() as tx:
        edit.edit_sender(tx, made.id, replace(TOLD, password="", **change))
    assert "password" in told.value.fields


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"host": "smtp://x"}, "host"),
        ({"host": "a..b"}, "host"),
        ({"host": ""}, "host"),
        ({"port": "0"}, "port"),
        ({"port": "x"}, "port"),
        ({"envelope": "nobody"}, "envelope"),
        ({"serves": "not a domain!"}, "serves"),
        ({"security": "none"}, "security"),
        ({"username": "a\r\nb"}, "username"),
        # L-35: who runs the server must be known before it gets any address.
        ({"processor": ""}, "processor"),
    ],
)
def test_l35_what_is_wrong_with_a_sender_is_told(uow, change, field):
    with pytest.raises(InvalidInput) as told:
        make(uow, **change)
    assert field in told.value.fields


def test_the_address_comes_before_the_domain_and_both_before_the_built_in_one(uow, session):
    domain = make(uow)
    address = make(uow, serves="brief@example.org")
    assert route(session, "Brief@example.org").id == address.id
    assert route(session, "other@Example.org").id == domain.id
    assert route(session, "x@sub.example.org").id == BUILT_IN
    assert route(session, "x@sub.example.org", named=BUILT_IN).id == BUILT_IN
    with uow() as tx:
        edit.disable_sender(tx, domain.id, at=NOW)
    session.expire_all()
    assert route(session, "other@example.org").id == BUILT_IN
    with pytest.raises(NoSender, match="disabled"):
        route(session, "other@example.org", named=domain.id)
    with pytest.raises(NoSender, match="does not serve"):
        route(session, "other@example.org", named=address.id)
    with uow() as tx:
        edit.enable_sender(tx, domain.id)
        with pytest.raises(Refused):
            edit.disable_sender(tx, BUILT_IN, at=NOW)
        edit.ensure_built_in(tx).serves = ["news.example.org"]
    session.expire_all()
    with pytest.raises(NoSender, match="Senders"):
        route(session, "x@nowhere.example")


def test_limits_of_the_built_in_sender_get_a_row_and_count_up_its_revision(uow, session):
    assert routing.built_in(session).terms == SendingPolicy()
    told = LimitsForm(per_second="20", warm_up="50 100;200", warm_up_began="2026-11-22")
    rows = [("google", {"per_hour": "9"}), ("", {}), ("Bücher.example", {"at_once": "2"})]
    for _ in range(2):
        with uow() as tx:
            edit.pace_sender(
                tx, BUILT_IN, told, QuietHoursForm(), rows, providers=frozenset({"Google"})
            )
    terms = routing.built_in(session).terms
    assert terms.domains == {
        "Google": Limit(per_hour=9),
        "xn--bcher-kva.example": Limit(at_once=2),
    }
    assert (terms.revision, terms.limit.per_second, terms.warm_up) == (3, 20, (50, 100, 200))
    assert terms.limit_on(NOW).per_day == 100


def test_a_warm_up_plan_goes_day_by_day_and_ends():
    began = date(2026, 11, 22)
    days = [date(2026, 11, day) for day in (20, 22, 23, 24)]
    assert [allowance([50, 100], began, day) for day in days] == [50, 50, 100, None]
    assert allowance([], began, began) is None
    terms = SendingPolicy(limit=Limit(per_day=80), warm_up=(50, 100), warm_up_began=began)
    # Monday the 23rd, noon: the plan says 100, the daily limit less.
    assert terms.limit_on(NOW).per_day == 80


def test_wrong_limits_are_told_beside_their_fields():
    typed = Validator()
    checked_pacing(typed, LimitsForm("x", "-1", "9" * 12, "1.5", "50, x", ""))
    assert set(typed.wrong) == {"connections", "per_second", "per_hour", "per_day", "warm_up"}
    typed = Validator()
    checked_pacing(typed, LimitsForm(warm_up="50, 0", warm_up_began="soon"))
    assert "warm_up" in typed.wrong
    typed = Validator()
    rows = [("!!", {"per_day": "1"}), ("a.example", {}), ("b.example", {"per_day": "x"})]
    checked_domains(typed, rows, providers=frozenset())
    assert set(typed.wrong) == {"scope-0", "scope-1", "per_day-2", "scope-2"}
