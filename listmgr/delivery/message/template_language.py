"""The merge language of campaigns: fields, filters, conditions and nothing else.

Allowed syntax is listed explicitly; Jinja's sandbox is the second line of defence.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from jinja2 import Template, TemplateSyntaxError, filters, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from listmgr.delivery.message.errors import MessageError
from listmgr.delivery.message.html_context import (
    MisplacedField,
    check_places,
)
from listmgr.kit.i18n import (
    N_,
    lazy_message,
)

KNOWN_FIELDS = ("first_name", "last_name", "company", "email", "language")
# Made by the compiler from a base URL and the token; they are links, so they take no filter.
URL_FIELDS = ("unsubscribe_url", "preferences_url")


class FieldNames(tuple[str, ...]):
    """The fields a campaign may use, and the archived ones, for error messages."""

    archived: frozenset[str]

    def __new__(cls, names: Iterable[str], *, archived: Iterable[str] = ()) -> Self:
        """Store both sets."""
        field_names = super().__new__(cls, tuple(names))
        field_names.archived = frozenset(archived)
        return field_names


class AnyField(tuple[str, ...]):
    """Accepts every name: a launch has checked them, and the campaign continues whatever was
    deleted since.
    """

    __slots__ = ()

    def __contains__(self, name: object) -> bool:
        """Accept any name."""
        return True


_ALLOWED = (
    nodes.Output,
    nodes.TemplateData,
    nodes.Name,
    nodes.Const,
    nodes.Filter,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Template,
)
# Expressions that are a text whatever the subscriber's fields hold, so they can be compared.
_WORDS = (nodes.Name, nodes.Const, nodes.Filter, nodes.Concat)
_MAX_DEPTH = 40
_ARCHIVED = N_(
    "The field “%(name)s” is archived and can no longer be used. Remove it, or "
    "restore it. Known fields: %(known)s."
)
_MISTYPED = N_("There is no field “%(name)s”. Did you mean “%(close)s”? Known fields: %(known)s.")
_UNKNOWN = N_("There is no field “%(name)s”. Known fields: %(known)s.")


def default(value: object, fallback: str = "") -> str:
    """Return the value, or the fallback if it is empty, as the name of a subscriber without
    one is.
    """
    return (str(value).strip() and str(value)) or fallback


FILTERS: dict[str, Callable[..., object]] = {
    "default": default,
    "d": default,
    "upper": filters.do_upper,
    "lower": filters.do_lower,
    "title": filters.do_title,
    "capitalize": filters.do_capitalize,
    "trim": filters.do_trim,
    "urlencode": filters.do_urlencode,
}
_WITH_ARGUMENT = ("default", "d", "trim")


def sandbox(finalize: Callable[[object], str] | None = None) -> ImmutableSandboxedEnvironment:
    """Return an environment with our filters, no globals and no tests."""
    env = ImmutableSandboxedEnvironment(
        autoescape=False, keep_trailing_newline=True, finalize=finalize
    )
    env.filters, env.globals, env.tests = dict(FILTERS), {}, {}
    return env


_PARSER = sandbox()


@dataclass(frozen=True, slots=True)
class Slot:
    """A merge field with its filters, in the order they are applied."""

    field: str
    filters: tuple[tuple[Callable[..., object], tuple[object, ...]], ...] = ()

    def value(self, raw: str) -> str:
        """Return what the subscriber will read."""
        result: object = raw
        for function, arguments in self.filters:
            result = function(result, *arguments)
        return str(result)


def parse(source: str, *, part: str, known_fields: Collection[str]) -> nodes.Template:
    """Return the validated syntax tree. Raises MessageError with the line and what to do."""
    tree = _tree(source, part)
    for node in tree.find_all(nodes.Node):
        _check(node, part, known_fields)
    _links_stand_alone(tree, part)
    if part == "html":
        try:
            check_places(tree.body, URL_FIELDS)
        except MisplacedField as error:
            raise MessageError(str(error), part=part, line=error.line) from None
    return tree


def _tree(source: str, part: str) -> nodes.Template:
    try:
        # What stands in a raw block was hidden from the cleaning of the HTML.
        raw = next((line for line, kind, _ in _PARSER.lex(source) if kind == "raw_begin"), 0)
        tree = _PARSER.parse(source)
    except TemplateSyntaxError as error:
        raise MessageError(
            lazy_message(
                N_(
                    "a field or condition is written wrongly (%(problem)s). Write fields"
                    " as {{ first_name }} and close every {%% if … %%} with {%% endif %%}."
                ),
                problem=(error.message or "").rstrip("."),
            ),
            part=part,
            line=error.lineno,
        ) from None
    except (RecursionError, ValueError):
        # Thousands of brackets, a number of thousands of digits.
        raise MessageError(N_("An expression is too long. Make it simpler."), part=part) from None
    if raw:
        problem = N_("“raw” is not part of the merge language.")
        raise MessageError(problem, part=part, line=raw)
    if _depth(tree) > _MAX_DEPTH:
        raise MessageError(N_("Conditions are nested too deeply. Make them simpler."), part=part)
    return tree


def _depth(tree: nodes.Node) -> int:
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in node.iter_child_nodes()]
    return depth


def _links_stand_alone(tree: nodes.Template, part: str) -> None:
    """Reject links in expressions: they are encoded already and can only be output."""
    alone = {id(child) for output in tree.find_all(nodes.Output) for child in output.nodes}
    for node in tree.find_all(nodes.Name):
        if node.name in URL_FIELDS and id(node) not in alone:
            raise MessageError(
                lazy_message(
                    N_("A link stands alone and takes no filter: {{ %(name)s }}"), name=node.name
                ),
                part=part,
                line=node.lineno,
            )


def template_of(
    tree: nodes.Template,
    finalize: Callable[[object], str] | None = None,
    encode: Callable[[str], str] | None = None,
) -> Template:
    """Return a sandboxed template of a validated tree; `encode` is applied to its literals once."""
    for data in tree.find_all(nodes.TemplateData) if encode else ():
        data.data = encode(data.data) if encode else data.data
    environment = sandbox(finalize)
    tree.set_environment(environment)
    return Template.from_code(environment, environment.compile(tree), {}, None)


def _check(node: nodes.Node, part: str, known_fields: Collection[str]) -> None:
    if isinstance(node, nodes.Name):
        _check_field(node, part, known_fields)
        return
    if isinstance(node, nodes.Filter):
        problem = _filter_problem(node)
    elif isinstance(node, nodes.Const) and not isinstance(node.value, str):
        problem = lazy_message(
            N_("Write “%(value)s” in quotes; every field is a text."), value=str(node.value)
        )
    elif isinstance(node, nodes.Compare):
        problem = _comparison_problem(node)
    elif isinstance(node, _ALLOWED):
        return
    else:
        problem = lazy_message(
            N_(
                "“%(name)s” is not part of the merge language. Use fields, filters and"
                " {%% if field %%} … {%% else %%} … {%% endif %%}."
            ),
            name=type(node).__name__,
        )
    if problem:
        raise MessageError(problem, part=part, line=node.lineno)


def _filter_problem(node: nodes.Filter) -> str:
    """Return what is wrong with a filter's arguments; rendering must not fail for any
    subscriber.
    """
    usual = node.name in FILTERS and not (node.kwargs or node.dyn_args or node.dyn_kwargs)
    most = 1 if node.name in _WITH_ARGUMENT else 0
    if usual and len(node.args) <= most and all(isinstance(a, _WORDS[:2]) for a in node.args):
        return ""
    return lazy_message(
        N_("The filter “%(name)s” cannot be used like this. Available: %(filters)s."),
        name=node.name,
        filters=", ".join(FILTERS),
    )


def _comparison_problem(node: nodes.Compare) -> str:
    """Return what is wrong with a comparison: equality always works, order only for texts."""
    sides = [node.expr, *[operand.expr for operand in node.ops]]
    for (left, right), operand in zip(pairwise(sides), node.ops, strict=True):
        texts = isinstance(left, _WORDS) and isinstance(right, _WORDS)
        if operand.op not in ("eq", "ne") and not texts:
            return N_("Compare fields and texts in quotes, without conditions inside.")
    return ""


def _check_field(node: nodes.Name, part: str, known_fields: Collection[str]) -> None:
    urls = () if part == "subject" else URL_FIELDS
    if node.name in known_fields or node.name in urls:
        return
    gaps = {"name": node.name, "known": ", ".join([*known_fields, *urls])}
    close = difflib.get_close_matches(node.name, [*known_fields, *urls], 1)
    if isinstance(known_fields, FieldNames) and node.name in known_fields.archived:
        problem = lazy_message(_ARCHIVED, **gaps)
    elif close:
        problem = lazy_message(_MISTYPED, close=close[0], **gaps)
    else:
        problem = lazy_message(_UNKNOWN, **gaps)
    raise MessageError(problem, part=part, line=node.lineno)


def pieces(tree: nodes.Template) -> list[str | Slot] | None:
    """Return literals and slots in order, or None if the tree has conditions."""
    parts: list[str | Slot] = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        for node in output.nodes:
            piece = node.data if isinstance(node, nodes.TemplateData) else _slot(node)
            if piece is None:
                return None
            parts.append(piece)
    return parts


def _slot(node: nodes.Expr) -> Slot | None:
    if isinstance(node, nodes.Name):
        return Slot(node.name)
    if not isinstance(node, nodes.Filter) or node.node is None:
        return None
    inner = _slot(node.node)
    arguments = tuple(arg.value for arg in node.args if isinstance(arg, nodes.Const))
    if inner is None or len(arguments) != len(node.args):
        return None
    return Slot(inner.field, (*inner.filters, (FILTERS[node.name], arguments)))


def fields_of(tree: nodes.Template) -> Iterator[str]:
    """Yield the merge fields a tree reads, in order, without links."""
    for node in tree.find_all(nodes.Name):
        if node.name not in URL_FIELDS:
            yield node.name
