"""Validate every rule of a tree: the role sees the field, the value fits its kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.lists.models import MailingList, Purpose
from listmgr.operators.models import Role
from listmgr.segments.rules import (
    MAX_DEPTH,
    MAX_NODES,
    MAX_TEXT,
    OPERATORS,
    TOPICS,
    Group,
    Node,
    Rule,
    fields_of,
    is_spelt,
    nodes,
)
from listmgr.subscribers.address import AddressError, parse_address
from listmgr.subscribers.field_catalogue import (
    CatalogueField,
    FieldKind,
    visible_fields,
)


@dataclass(frozen=True, slots=True)
class Askable:
    """The fields and topics one role may use."""

    fields: Mapping[str, CatalogueField]
    places: frozenset[str]

    def kind(self, field: str) -> str:
        """Return the topic of a field's rules; "" if the role does not know the field."""
        field_or_none = self.fields.get(field)
        if field_or_none is None:
            return ""
        return "domain" if field == "email" else field_or_none.kind.value


def askable(session: Session, role: Role) -> Askable:
    """Return everything a role may use."""
    lists = session.scalars(sa.select(MailingList.id))
    purposes = session.scalars(sa.select(Purpose.id))
    places = {f"list:{number}" for number in lists} | {f"purpose:{number}" for number in purposes}
    return Askable({field.key: field for field in visible_fields(session, role)}, frozenset(places))


def is_locked(tree: Node, usable: Askable) -> bool:
    """Whether the tree uses a field the role must not see, or a deleted one."""
    return not fields_of(tree) <= usable.fields.keys()


def checked(tree: Group, usable: Askable) -> Group:
    """Return the tree with every value as stored.

    Raises InvalidInput; its fields are the positions of invalid rules, as in "0.2.1".
    """
    wrong: dict[str, str] = {}
    if sum(1 for _node in nodes(tree)) > MAX_NODES:
        wrong["0"] = N_("These are too many rules for one segment. Take some away.")
    valid = _node(tree, "0", usable, wrong)
    if wrong or not isinstance(valid, Group):
        raise InvalidInput(N_("Please correct the marked rules."), wrong)
    return valid


def _node(node: Node, place: str, usable: Askable, wrong: dict[str, str]) -> Node:
    if isinstance(node, Rule):
        try:
            return _rule(node, usable)
        except InvalidInput as error:
            wrong[place] = str(error)
            return node
    if not node.members:
        wrong[place] = N_("Add a rule here, or remove this group.")
    if place.count(".") >= MAX_DEPTH:
        wrong[place] = N_("The groups are nested too deeply. Four levels are enough.")
        return node
    return Group(
        node.kind,
        tuple(
            _node(member, f"{place}.{at}", usable, wrong) for at, member in enumerate(node.members)
        ),
    )


def _rule(rule: Rule, usable: Askable) -> Rule:
    kind = usable.kind(rule.field) if rule.field else ""
    if not kind and rule.what not in TOPICS:
        raise InvalidInput(N_("Your role does not include this field. Take the rule away."))
    valid = replace(rule, kind=kind)
    if valid.op not in OPERATORS[valid.topic]:
        raise InvalidInput(N_("Choose how it is compared."))
    valid = replace(valid, value=_value(valid, usable))
    if valid.what == "consent":
        return _consent(valid, usable)
    valid = replace(valid, place="", since="")
    if not is_spelt(valid):
        raise InvalidInput(_missing(valid))
    return valid


def _missing(rule: Rule) -> str:
    if rule.op in {"last_days", "older_days"}:
        return N_("Write a number of days: 30.")
    if rule.op in {"on_or_after", "before"}:
        return N_("Choose a day.")
    return (
        N_("Choose a campaign.") if rule.what == "campaign" else N_("Write what to compare with.")
    )


def _value(rule: Rule, usable: Askable) -> str:
    typed = rule.value.strip()
    if not rule.asks_value:
        return ""
    if len(typed) > MAX_TEXT or not (typed.isprintable() or not typed):
        raise InvalidInput(N_("This is too long, or holds invisible characters."))
    if rule.topic == "domain":
        return _domain(typed)
    if not rule.field or rule.op in {"last_days", "older_days"}:
        return typed
    field = usable.fields[rule.field]
    # A part of a text is no value of the field: it need not be one of its choices.
    return typed if field.kind is FieldKind.TEXT else field.parse(typed)


def _domain(typed: str) -> str:
    try:
        return parse_address(f"a@{typed.removeprefix('@')}").domain
    except AddressError:
        raise InvalidInput(N_("Write a domain: example.org.")) from None


def _consent(rule: Rule, usable: Askable) -> Rule:
    if rule.place and rule.place not in usable.places:
        raise InvalidInput(N_("This list or purpose is not there any more. Choose another."))
    if rule.value and rule.value not in set(ConsentStatus):
        raise InvalidInput(N_("Choose a status."))
    if not is_spelt(Rule("known", "on_or_after", rule.since or "2026-01-01")):
        raise InvalidInput(N_("Choose a day."))
    return rule
