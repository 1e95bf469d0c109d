"""Random trees of rules over random people: SQL and plain Python find the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from listmgr.consent.models import Consent
from listmgr.segments.rules import Group, Node, Rule, document_of, nodes, plainer, read_tree
from listmgr.segments.sql import predicate
from listmgr.subscribers.models import Subscriber
from tests.factories import (
    make_confirmed,
    make_list,
    make_pending,
    make_subscriber,
)

TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
CITIES = ("Köln", "kiel", "Ulm_1", "50%", "")
DAYS = ("2026-01-31", "2026-02-31", "nonsense", "", TODAY.date().isoformat())
NUMBERS = ("7", "7.5", "-3", "1e9", "", "seven")
STATIONS = ("", "captured", "pending", "confirmed", "withdrawn")


@pytest.fixture
def people(uow, superuser) -> dict[int, tuple[Subscriber, list[Consent], dict[int, str]]]:
    """Twenty-four people in every state, and what two campaigns did with them."""
    with uow() as tx:
        notices = [make_list(tx)[2], make_list(tx, "events")[2]]
        for at in range(24):
            then = TODAY - timedelta(days=at * 3)
            address = f"p{at}@{('example.org', 'example.com')[at % 2]}"
            person = make_subscriber(tx, address, then)
            person.created_at = then
            person.first_name = ("Änne", "anna", "")[at % 3]
            person.language = ("de", "en")[at % 2]
            person.tags = [("vip",), ("Messe 2026", "vip"), ()][at % 3]
            told = {"city": CITIES[at % 5], "born": DAYS[at % 5], "staff": NUMBERS[at % 6]}
            told |= {"member": ("true", "false", "")[at % 3]}
            person.attributes = {key: value for key, value in told.items() if at % 7 or value}
            if at % 4:
                (make_confirmed, make_pending)[at % 2](tx, address, notices[at % 4 % 2], then)
    with superuser.begin() as connection:
        _campaigns(connection)
    with uow() as tx:
        found = tx.session.scalars(sa.select(Subscriber)).all()
        consents = tx.session.scalars(sa.select(Consent)).all()
        sent = tx.session.execute(
            sa.text("SELECT subscriber_id, campaign_id, status FROM deliveries")
        ).all()
        return {
            one.id: (
                one,
                [c for c in consents if c.subscriber_id == one.id],
                {campaign: status for who, campaign, status in sent if who == one.id},
            )
            for one in found
        }


def _campaigns(connection) -> None:
    for campaign in (1, 2):
        connection.execute(
            sa.text(
                f"CREATE TABLE deliveries_{campaign} PARTITION OF deliveries"
                f" FOR VALUES IN ({campaign})"
            )
        )
        connection.execute(
            sa.text(
                "INSERT INTO deliveries (campaign_id, subscriber_id, consent_id, status, begun_at)"
                " SELECT CAST(:c AS bigint), id, 1,"
                "  CASE id % 3 WHEN 0 THEN 'failed' ELSE 'sent' END, now()"
                " FROM subscribers WHERE id % (:c + 1) = 0"
            ),
            {"c": campaign},
        )


def one_of(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from(values)


def rules_of(what: str, kind: str, ops: tuple[str, ...], *values: str) -> st.SearchStrategy[Rule]:
    """Rules about one topic or field; of no kind where it is none, without a value if none."""
    value = {"value": one_of(*values)} if values else {}
    return st.builds(Rule, st.just(what), one_of(*ops), kind=st.just(kind), **value)


WORDS = ("Köln", "köl", "k", "_", "%", "ANNA", "än", "\\")
THREE_DAYS = ("2026-01-31", "2026-03-03", TODAY.date().isoformat())
AGO = ("1", "3", "30", "400")
TEXT_OPS = ("is", "is_not", "contains", "contains_not", "begins")
# Rules of every topic and every operator.
RULES = st.one_of(
    rules_of("field:city", "text", TEXT_OPS, *WORDS),
    rules_of("field:first_name", "text", TEXT_OPS, *WORDS),
    rules_of("field:city", "text", ("filled", "empty")),
    rules_of("field:language", "choice", ("is", "is_not"), "de"),
    rules_of(
        "field:staff", "number", ("is", "is_not", "at_least", "at_most"), "7", "7.5", "-3", "0"
    ),
    rules_of("field:staff", "number", ("filled", "empty")),
    rules_of("field:born", "date", ("on_or_after", "before"), *THREE_DAYS),
    rules_of("field:born", "date", ("last_days", "older_days"), *AGO),
    rules_of("field:born", "date", ("filled", "empty")),
    rules_of("field:member", "yes_no", ("yes", "no", "empty")),
    rules_of("field:email", "domain", ("is", "is_not"), "example.org"),
    rules_of("tag", "", ("has", "has_not"), "vip", "Messe 2026", "VIP"),
    rules_of("source", "", ("is", "is_not"), "form", "card"),
    rules_of("known", "", ("on_or_after", "before"), *THREE_DAYS),
    rules_of("known", "", ("last_days", "older_days"), *AGO),
    rules_of("campaign", "", ("received", "not_received", "failed"), "1", "2", "3"),
    st.builds(
        Rule,
        st.just("consent"),
        one_of("has", "has_not"),
        one_of(*STATIONS),
        place=one_of("", "list:1", "list:2", "purpose:1", "purpose:2", "list:9"),
        since=one_of("", "2026-01-31", TODAY.date().isoformat()),
    ),
)


TREES = st.recursive(
    RULES,
    lambda below: st.builds(
        Group, st.sampled_from(("all", "any", "none")), st.lists(below, max_size=3).map(tuple)
    ),
    max_leaves=6,
).map(lambda node: node if isinstance(node, Group) else Group("all", (node,)))


def fits(node: Node, known) -> bool:
    """Whether a person is in a tree, from the words of the operators alone."""
    if isinstance(node, Group):
        told = [fits(member, known) for member in node.members]
        return {"all": all(told), "any": any(told), "none": not any(told)}[node.kind]
    opposite = {
        "is_not": "is",
        "contains_not": "contains",
        "has_not": "has",
        "not_received": "received",
        "empty": "filled",
    }
    if node.op in opposite:
        return not holds(node, opposite[node.op], known)
    return holds(node, node.op, known)


def holds(rule: Rule, op: str, known) -> bool:
    person, consents, sent = known
    if rule.field:
        return _field(rule, op, person)
    if rule.what == "tag":
        return rule.value in person.tags
    if rule.what == "source":
        return any(one.source == rule.value for one in consents)
    if rule.what == "known":
        return _day(rule, op, person.created_at.date())
    if rule.what == "campaign":
        return sent.get(int(rule.value)) == ("failed" if op == "failed" else "sent")
    return any(_consent(rule, one) for one in consents)


def _consent(rule: Rule, one: Consent) -> bool:
    kind, _, number = rule.place.partition(":")
    if kind and getattr(one, f"{kind}_id") != int(number):
        return False
    if rule.value and one.status != rule.value:
        return False
    came = {"pending": one.asked_at, "confirmed": one.confirmed_at, "withdrawn": one.ended_at}
    when = came.get(rule.value, one.captured_at)
    return not rule.since or (when is not None and when.date().isoformat() >= rule.since)


def _field(rule: Rule, op: str, person: Subscriber) -> bool:
    if rule.kind == "domain":
        return person.domain == rule.value
    core = rule.field in {"first_name", "language"}
    kept = getattr(person, rule.field) if core else person.attributes.get(rule.field, "")
    if rule.kind == "yes_no":
        return (
            kept in {"true", "false"}
            if op == "filled"
            else kept == {"yes": "true"}.get(op, "false")
        )
    if rule.kind == "date":
        return _day(rule, op, _date(kept))
    if rule.kind == "number":
        return _number(rule, op, kept)
    if op == "filled":
        return bool(kept)
    kept, told = kept.lower(), rule.value.lower()
    return (
        bool(kept)
        and {"is": kept == told, "contains": told in kept, "begins": kept.startswith(told)}[op]
    )


def _number(rule: Rule, op: str, kept: str) -> bool:
    if kept in {"1e9", "seven", ""}:
        return False
    told = Decimal(rule.value or 0)
    return {
        "filled": True,
        "is": Decimal(kept) == told,
        "at_least": Decimal(kept) >= told,
        "at_most": Decimal(kept) <= told,
    }[op]


def _date(kept: str) -> date | None:
    # A day no month has is the one so many days after the month's first.
    if kept == "2026-02-31":
        return date(2026, 3, 3)
    return date.fromisoformat(kept) if kept[:2] == "20" else None


def _day(rule: Rule, op: str, day: date | None) -> bool:
    if day is None or op == "filled":
        return day is not None
    if op in {"last_days", "older_days"}:
        edge = TODAY.date() - timedelta(days=int(rule.value))
        return day > edge if op == "last_days" else day <= edge
    told = date.fromisoformat(rule.value)
    return day >= told if op == "on_or_after" else day < told


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=TREES)
def test_sql_and_python_find_the_same_people(people, session, tree):
    told = predicate(tree)
    found = session.scalars(
        sa.text(f"SELECT s.id FROM subscribers s WHERE {told.sql}"), dict(told.binds)
    )
    assert set(found) == {one for one, known in people.items() if fits(tree, known)}
    assert read_tree(document_of(tree)) == tree


@given(tree=TREES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_tree_told_in_fewer_groups_means_the_same_people(people, tree):
    told = plainer(tree)
    assert [fits(told, known) for known in people.values()] == [
        fits(tree, known) for known in people.values()
    ]
    assert not any(
        isinstance(member, Group) and member.kind == group.kind != "none" and member.members
        for group in nodes(told)
        if isinstance(group, Group)
        for member in group.members
    ), "a group within its like"


def test_a_rule_alone_is_told_without_the_groups_around_it():
    alone = Rule("tag", "has", "vip")
    assert plainer(Group("all", (Group("all", (Group("any", (alone,)),)),))) == alone
    assert plainer(Group("all", (alone, Group("none", (Group("all", (alone,)),))))) == Group(
        "all", (alone, Group("none", (alone,)))
    )
