"""The rules of a segment as a typed tree, read from untrusted JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.subscribers.field_values import NUMBER_SQL

MAX_DEPTH = 4
MAX_NODES = 60
MAX_TEXT = 300

GROUPS = ("all", "any", "none")
_DATES = ("on_or_after", "before", "last_days", "older_days")
# What can be said of each kind of field and of each other topic.
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": ("is", "is_not", "contains", "contains_not", "begins", "filled", "empty"),
    "number": ("is", "is_not", "at_least", "at_most", "filled", "empty"),
    "date": (*_DATES, "filled", "empty"),
    "yes_no": ("yes", "no", "empty"),
    "choice": ("is", "is_not", "filled", "empty"),
    # An address is only asked for by its domain: a rule tells of a group, not of one person.
    "domain": ("is", "is_not"),
    "tag": ("has", "has_not"),
    "consent": ("has", "has_not"),
    "source": ("is", "is_not"),
    "known": _DATES,
    "campaign": ("received", "not_received", "failed"),
}
TOPICS = ("tag", "consent", "source", "known", "campaign")
WITHOUT_VALUE = frozenset({"filled", "empty", "yes", "no"})
_FIELD = re.compile(r"field:([a-z][a-z0-9_]{0,39})\Z")
_PLACE = re.compile(r"(?:(?:list|purpose):[1-9][0-9]{0,17})?\Z")
_DAY = re.compile(r"[1-9][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])\Z")
_ANY = re.compile(r".+\Z", re.DOTALL)
# The spelling of values by operator, and where that says nothing by topic.
_SPELLING = {
    "on_or_after": _DAY,
    "before": _DAY,
    "last_days": re.compile(r"[1-9][0-9]{0,4}\Z"),
    "older_days": re.compile(r"[1-9][0-9]{0,4}\Z"),
    "number": re.compile(NUMBER_SQL.replace("$", r"\Z")),
    "campaign": re.compile(r"[1-9][0-9]{0,17}\Z"),
    "source": re.compile("form|import|card|api|staff\\Z"),
    "consent": re.compile(r"[a-z]*\Z"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One condition. `what` is a topic, or a field as "field:city" whose `kind` is given too.

    Of a consent, `value` is its status, `place` a list or purpose ("list:3", "purpose:5"), and
    `since` the earliest day it got that status; each may be empty, which means any.
    """

    what: str
    op: str
    value: str = ""
    kind: str = ""
    place: str = ""
    since: str = ""

    @property
    def field(self) -> str:
        """The key of its field; "" for other topics."""
        match = _FIELD.match(self.what)
        return match[1] if match else ""

    @property
    def topic(self) -> str:
        """What its operators depend on."""
        return self.kind if self.field else self.what

    @property
    def asks_value(self) -> bool:
        """Whether its operator needs a value."""
        return self.op not in WITHOUT_VALUE


@dataclass(frozen=True, slots=True)
class Group:
    """Rules of which "all", "any" or "none" must hold."""

    kind: str
    members: tuple[Node, ...] = ()


Node = Rule | Group
_NAMES = {field.name for field in fields(Rule)}


class BrokenRule(InvalidInput):
    """The tree is invalid, so its meaning is unknown."""


def read_tree(document: object) -> Group:
    """Return the tree in a JSON document. Raises BrokenRule."""
    tree = _read(document, 1)
    if not isinstance(tree, Group):
        raise _broken()
    if sum(1 for _node in nodes(tree)) > MAX_NODES:
        raise BrokenRule(N_("These are too many rules for one segment. Take some away."))
    return tree


def _read(document: object, depth: int) -> Node:
    if not isinstance(document, dict):
        raise _broken()
    if "group" in document:
        return _group(document, depth)
    if not document.keys() <= _NAMES or not {"what", "op"} <= document.keys():
        raise _broken()
    if not all(isinstance(value, str) and _is_plain(value) for value in document.values()):
        raise _broken()
    rule = Rule(**document)
    if not _is_known(rule):
        raise _broken()
    return rule


def _group(document: dict[str, Any], depth: int) -> Group:
    members = document.get("rules")
    if document.keys() != {"group", "rules"} or document["group"] not in GROUPS:
        raise _broken()
    if not isinstance(members, list) or len(members) > MAX_NODES:
        raise _broken()
    if depth > MAX_DEPTH:
        raise BrokenRule(N_("The groups are nested too deeply. Four levels are enough."))
    return Group(document["group"], tuple(_read(member, depth + 1) for member in members))


def _is_plain(text: str) -> bool:
    return len(text) <= MAX_TEXT and (text.isprintable() or not text)


def _is_known(rule: Rule) -> bool:
    valid = bool(rule.field) or rule.what in TOPICS
    valid = valid and rule.op in OPERATORS.get(rule.topic, ()) and bool(_PLACE.match(rule.place))
    return valid and is_spelt(rule) and (not rule.since or bool(_DAY.match(rule.since)))


def is_spelt(rule: Rule) -> bool:
    """Whether the value has the form its kind and operator require."""
    if not rule.asks_value:
        return not rule.value
    spelling = _SPELLING.get(rule.op) or _SPELLING.get(rule.topic, _ANY)
    return bool(spelling.match(rule.value))


def _broken() -> BrokenRule:
    return BrokenRule(N_("This rule cannot be read. Take it away and write it anew."))


def document_of(node: Node) -> dict[str, Any]:
    """Return the tree as JSON without empty parts."""
    if isinstance(node, Group):
        return {"group": node.kind, "rules": [document_of(member) for member in node.members]}
    return {name: getattr(node, name) for name in sorted(_NAMES) if getattr(node, name)}


def nodes(node: Node) -> Iterator[Node]:
    """Yield a node and all nodes below it."""
    yield node
    if isinstance(node, Group):
        for member in node.members:
            yield from nodes(member)


def plainer(node: Node) -> Node:
    """Return an equivalent tree with fewer groups, for display; the stored rule stays as it is.

    A group of one is replaced by its member; "all" within "all" merges, and so does "any" within
    "any". Under "none" an inner "any" merges, but not an inner "all".
    """
    if isinstance(node, Rule):
        return node
    merges = {"all": ("all",), "any": ("any",), "none": ("any",)}[node.kind]
    members: list[Node] = []
    for member in map(plainer, node.members):
        is_one = isinstance(member, Group) and member.kind in merges and member.members
        members += member.members if isinstance(member, Group) and is_one else [member]
    if len(members) == 1 and node.kind != "none":
        return members[0]
    return Group(node.kind, tuple(members))


def fields_of(node: Node) -> set[str]:
    """Return the keys of the fields in a tree."""
    return {rule.field for rule in nodes(node) if isinstance(rule, Rule) and rule.field}


def within(audience: Group | None, exclusion: Group | None) -> Group | None:
    """Return one tree without the people of another; None if neither has rules."""
    parts: list[Node] = [] if audience is None else [audience]
    if exclusion is not None:
        parts.append(Group("none", (exclusion,)))
    return Group("all", tuple(parts)) if parts else None
