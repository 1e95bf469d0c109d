"""Translate a tree of rules into an SQL predicate over the alias `s`; all values are bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from listmgr.kit.sql_condition import (
    EVERYBODY,
    Predicate,
    all_of,
    any_of,
    none_of,
)
from listmgr.search.conditions import like
from listmgr.segments.rules import Group, Node, Rule, read_tree
from listmgr.subscribers.field_catalogue import CORE_FIELDS
from listmgr.subscribers.field_models import FieldKind
from listmgr.subscribers.field_values import typed_sql
from listmgr.subscribers.search_terms import (
    of_domain,
    terms_of,
)

_CORE = {field.key: field.sql for field in CORE_FIELDS}
# When a consent came to its station.
_SINCE = {"captured": "c.captured_at", "pending": "c.asked_at", "confirmed": "c.confirmed_at"}
_TODAY = "CAST(now() AT TIME ZONE 'UTC' AS date)"
_OPPOSITE = {
    "is_not": "is",
    "contains_not": "contains",
    "has_not": "has",
    "not_received": "received",
    "empty": "filled",
}


def frozen_predicate(document: object) -> Predicate:
    """Return a frozen rule as a predicate; None means everybody. Raises BrokenRule."""
    return EVERYBODY if document is None else predicate(read_tree(document))


def predicate(tree: Node) -> Predicate:
    """Return the predicate of a tree. An empty group: "all" and "none" match everybody, "any"
    nobody.
    """
    return _of(tree, _Names())


@dataclass(slots=True)
class _Names:
    """Unique names for bind values of one statement."""

    used: int = 0
    binds: dict[str, object] = field(default_factory=dict)

    def bind(self, value: object) -> str:
        name = f"rule{self.used}"
        self.used += 1
        self.binds[name] = value
        return f":{name}"

    def take(self) -> dict[str, object]:
        binds, self.binds = self.binds, {}
        return binds


def _of(node: Node, names: _Names) -> Predicate:
    if isinstance(node, Group):
        members = [_of(member, names) for member in node.members]
        if node.kind == "none":
            return none_of(any_of(members))
        return all_of(members) if node.kind == "all" else any_of(members)
    positive = Rule(
        node.what,
        _OPPOSITE.get(node.op, node.op),
        node.value,
        node.kind,
        node.place,
        node.since,
    )
    condition = Predicate(_TESTS[node.topic](positive, names), names.take())
    # What has no value is not what it is said not to be.
    return none_of(condition) if node.op in _OPPOSITE else condition


def _value(rule: Rule) -> str:
    text = _CORE.get(rule.field, f"(s.attributes->>'{rule.field}')")
    return typed_sql(FieldKind(rule.kind), text)


def _text(rule: Rule, names: _Names) -> str:
    kept = _value(rule)
    if rule.op == "filled":
        return f"{kept} IS NOT NULL"
    if rule.op == "is":
        return f"lower({kept}) = lower({names.bind(rule.value)})"
    bind = names.bind(like(rule.value, anywhere=rule.op == "contains"))
    return f"lower({kept}) LIKE lower({bind})"


def _number(rule: Rule, names: _Names) -> str:
    if rule.op == "filled":
        return f"{_value(rule)} IS NOT NULL"
    sign = {"is": "=", "at_least": ">=", "at_most": "<="}[rule.op]
    return f"{_value(rule)} {sign} CAST({names.bind(rule.value)} AS numeric)"


def _date(rule: Rule, names: _Names) -> str:
    return _day(_value(rule), rule, names)


def _day(day: str, rule: Rule, names: _Names) -> str:
    if rule.op == "filled":
        return f"{day} IS NOT NULL"
    if rule.op in {"last_days", "older_days"}:
        edge = f"{_TODAY} - CAST({names.bind(rule.value)} AS int)"
        return f"{day} <= {edge}" if rule.op == "older_days" else f"{day} > {edge}"
    sign = {"on_or_after": ">=", "before": "<"}[rule.op]
    return f"{day} {sign} CAST({names.bind(rule.value)} AS date)"


def _yes_no(rule: Rule, _names: _Names) -> str:
    if rule.op == "filled":
        return f"{_value(rule)} IS NOT NULL"
    return _value(rule) if rule.op == "yes" else f"NOT {_value(rule)}"


def _domain(rule: Rule, names: _Names) -> str:
    term = names.bind(of_domain(rule.value, whole=True))
    by_term = f"{terms_of('s')} @@ CAST({term} AS tsquery)"
    return f"s.domain = {names.bind(rule.value)} AND {by_term}"


def _tag(rule: Rule, names: _Names) -> str:
    return f"s.tags @> CAST({names.bind([rule.value])} AS text[])"


def _source(rule: Rule, names: _Names) -> str:
    return (
        "EXISTS (SELECT FROM consents c WHERE c.subscriber_id = s.id"
        f" AND c.source = {names.bind(rule.value)})"
    )


def _known_since(rule: Rule, names: _Names) -> str:
    return _day("CAST(s.created_at AT TIME ZONE 'UTC' AS date)", rule, names)


def _consent(rule: Rule, names: _Names) -> str:
    tests = ["c.subscriber_id = s.id"]
    kind, _, number = rule.place.partition(":")
    if kind:
        tests.append(f"c.{kind}_id = {names.bind(int(number))}")
    if rule.value:
        tests.append(f"c.status = {names.bind(rule.value)}")
    if rule.since:
        came = "c.captured_at" if not rule.value else _SINCE.get(rule.value, "c.ended_at")
        tests.append(f"{came} >= CAST({names.bind(rule.since)} AS date)")
    return f"EXISTS (SELECT FROM consents c WHERE {' AND '.join(tests)})"


def _campaign(rule: Rule, names: _Names) -> str:
    status = "failed" if rule.op == "failed" else "sent"
    return (
        "EXISTS (SELECT FROM deliveries d WHERE d.subscriber_id = s.id"
        f" AND d.campaign_id = {names.bind(int(rule.value))} AND d.status = '{status}')"
    )


_TESTS: dict[str, Callable[[Rule, _Names], str]] = {
    "text": _text,
    "choice": _text,
    "number": _number,
    "date": _date,
    "yes_no": _yes_no,
    "domain": _domain,
    "tag": _tag,
    "source": _source,
    "known": _known_since,
    "consent": _consent,
    "campaign": _campaign,
}
