"""The form that builds a tree of rules: parse it, and change it by one button at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from listmgr.segments.rules import GROUPS, OPERATORS, TOPICS, Group, Node, Rule
from listmgr.segments.validation import Askable

START = Rule("tag", "has")
ROOT = "0"
# More than may be kept: what is too much is told, not lost.
MOST = 100
_PLACE = re.compile(r"(?:group|what)\.(0(?:\.[0-9]{1,3}){0,8})\Z")


def tree_in(form: Mapping[str, str]) -> Group:
    """Return the tree in a form; field names locate each node ("0.2.1")."""
    places = [match[1] for name in form if (match := _PLACE.match(name))][:MOST]
    children: dict[str, list[str]] = {}
    for place in dict.fromkeys(places):
        children.setdefault(place.rpartition(".")[0], []).append(place)
    root = _node(form, ROOT, children)
    return root if isinstance(root, Group) else Group("all", (root,))


def _node(form: Mapping[str, str], place: str, children: Mapping[str, list[str]]) -> Node:
    if place == ROOT or f"group.{place}" in form:
        kind = form.get(f"group.{place}", "")
        below = sorted(children.get(place, []), key=lambda path: int(path.rpartition(".")[2]))
        members = tuple(_node(form, place_below, children) for place_below in below)
        return Group(kind if kind in GROUPS else "all", members)
    parts = {
        name: form.get(f"{name}.{place}", "").strip()
        for name in ("what", "op", "value", "place", "since")
    }
    return Rule(**parts)


def changed(tree: Group, deed: str) -> Group:
    """Return the tree after a button: "add:0", "group:0.1", "drop:0.1.2"; others change nothing."""
    what, _, place = deed.partition(":")
    steps = [int(step) for step in place.split(".")[1:] if step.isdecimal()]
    if what == "add":
        return _with(tree, steps, lambda group: _grown(group, START))
    if what == "group":
        return _with(tree, steps, lambda group: _grown(group, Group("any", (START,))))
    if what == "drop" and steps:
        last = steps[-1]
        return _with(tree, steps[:-1], lambda group: _without(group, last))
    return tree


def _with(group: Group, steps: list[int], act: Callable[[Group], Group]) -> Group:
    if not steps:
        return act(group)
    first, members = steps[0], list(group.members)
    if first < len(members) and isinstance(member := members[first], Group):
        members[first] = _with(member, steps[1:], act)
    return replace(group, members=tuple(members))


def _grown(group: Group, node: Node) -> Group:
    return replace(group, members=(*group.members, node))


def _without(group: Group, last: int) -> Group:
    return replace(group, members=group.members[:last] + group.members[last + 1 :])


def fitted(node: Node, usable: Askable) -> Node:
    """Return the node with operators that fit their topic, since a changed topic may not have the
    old one.
    """
    if isinstance(node, Group):
        return replace(node, members=tuple(fitted(member, usable) for member in node.members))
    kind = usable.kind(node.field) if node.field else ""
    rule = replace(node, kind=kind)
    if not kind and node.what not in TOPICS:
        return rule
    return rule if rule.op in OPERATORS[rule.topic] else replace(rule, op=first_op(rule))


def first_op(rule: Rule) -> str:
    """Return the default operator."""
    return OPERATORS[rule.topic][0]
