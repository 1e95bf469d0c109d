"""The merge language of campaigns: fields, filters, conditions, and nothing that reaches further.

What may be written is a list of allowed syntax; Jinja's sandbox is the second wall behind it.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from jinja2 import Template, TemplateSyntaxError, filters, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from listmgr.kit.errors import InvalidInput

KNOWN_FIELDS = ("first_name", "last_name", "company", "email", "language")
# Made by the compiler from a base URL and the token; they are links, so they take no filter.
URL_FIELDS = ("unsubscribe_url", "preferences_url")

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
_FORBIDDEN_ATTRIBUTE = re.compile(r"on\w+|style|srcdoc", re.IGNORECASE)
_LINK_ATTRIBUTE = re.compile(
    r"href|src|action|formaction|background|poster|xlink:href", re.IGNORECASE
)


class MessageError(InvalidInput):
    """A message cannot be compiled. `part` is subject, text, html or a header; `line` from 1."""

    def __init__(self, message: str, *, part: str, line: int = 0) -> None:
        where = f"{part}, line {line}: " if line else f"{part}: "
        super().__init__(where + message, {part: message})
        self.part = part
        self.line = line


def default(value: object, fallback: str = "") -> str:
    """The value, or the fallback if it is empty: a subscriber without a name has the name ""."""
    return (str(value).strip() and str(value)) or fallback


FILTERS: dict[str, Callable[..., object]] = {
    "default": default,
    "d": default,
    "upper": filters.do_upper,
    "lower": filters.do_lower,
    "title": filters.do_title,
    "capitalize": filters.do_capitalize,
    "trim": filters.do_trim,
}


def sandbox(finalize: Callable[[object], str] | None = None) -> ImmutableSandboxedEnvironment:
    """An environment that knows our filters, no globals and no tests."""
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
        """What the subscriber will read."""
        result: object = raw
        for function, arguments in self.filters:
            result = function(result, *arguments)
        return str(result)


def parse(source: str, *, part: str, known: Collection[str]) -> nodes.Template:
    """The checked syntax tree; raises MessageError with the line and what to do."""
    try:
        tree = _PARSER.parse(source)
    except TemplateSyntaxError as error:
        raise MessageError(
            f"{error.message} Write fields as {{{{ first_name }}}}"
            " and close every {% if … %} with {% endif %}.",
            part=part,
            line=error.lineno,
        ) from None
    for node in tree.find_all(nodes.Node):
        _check(node, part, known)
    _links_stand_alone(tree, part)
    if part == "html":
        _Contexts().walk(tree.body)
    return tree


def _links_stand_alone(tree: nodes.Template, part: str) -> None:
    """Links are made of octets that are encoded already: they are written, never computed with."""
    alone = {id(child) for output in tree.find_all(nodes.Output) for child in output.nodes}
    for node in tree.find_all(nodes.Name):
        if node.name in URL_FIELDS and id(node) not in alone:
            raise MessageError(
                f"A link stands alone and takes no filter: {{{{ {node.name} }}}}",
                part=part,
                line=node.lineno,
            )


def template_of(
    tree: nodes.Template,
    finalize: Callable[[object], str] | None = None,
    encode: Callable[[str], str] | None = None,
) -> Template:
    """A sandboxed template of a checked tree; `encode` is done to its literals once, now."""
    for data in tree.find_all(nodes.TemplateData) if encode else ():
        data.data = encode(data.data) if encode else data.data
    environment = sandbox(finalize)
    tree.set_environment(environment)
    return Template.from_code(environment, environment.compile(tree), {}, None)


def _check(node: nodes.Node, part: str, known: Collection[str]) -> None:
    if isinstance(node, nodes.Name):
        _check_field(node, part, known)
    elif isinstance(node, nodes.Filter):
        if node.name not in FILTERS or node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise MessageError(
                f"The filter “{node.name}” cannot be used so. There are: {', '.join(FILTERS)}.",
                part=part,
                line=node.lineno,
            )
    elif not isinstance(node, _ALLOWED):
        raise MessageError(
            f"“{type(node).__name__}” is not part of the merge language. Use fields, filters and"
            " {% if field %} … {% else %} … {% endif %}.",
            part=part,
            line=node.lineno,
        )


def _check_field(node: nodes.Name, part: str, known: Collection[str]) -> None:
    urls = () if part == "subject" else URL_FIELDS
    if node.name in known or node.name in urls:
        return
    close = difflib.get_close_matches(node.name, [*known, *urls], 1)
    hint = f" Did you mean “{close[0]}”?" if close else ""
    raise MessageError(
        f"There is no field “{node.name}”.{hint} Known fields: {', '.join([*known, *urls])}.",
        part=part,
        line=node.lineno,
    )


def pieces(tree: nodes.Template) -> list[str | Slot] | None:
    """Literals and slots in order, or None when the tree decides something for each subscriber."""
    found: list[str | Slot] = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        for node in output.nodes:
            piece = node.data if isinstance(node, nodes.TemplateData) else _slot(node)
            if piece is None:
                return None
            found.append(piece)
    return found


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
    """The merge fields a tree reads, in order, links left out."""
    for node in tree.find_all(nodes.Name):
        if node.name not in URL_FIELDS:
            yield node.name


@dataclass(slots=True)
class _Contexts:
    """Where in HTML each field stands: escaping protects text and quoted attributes, no more."""

    state: str = "text"  # text | tag | quote | raw | comment
    quote: str = ""
    attribute: str = ""
    value: str = ""
    tag: str = ""

    def walk(self, body: list[nodes.Node]) -> None:
        for node in body:
            if isinstance(node, nodes.If):
                self._branches(node)
            elif isinstance(node, nodes.Output):
                for child in node.nodes:
                    self._output(child)

    def _branches(self, node: nodes.If) -> None:
        before = (self.state, self.quote, self.attribute, self.value, self.tag)
        ends = []
        for branch in (node.body, *[other.body for other in node.elif_], node.else_):
            self.state, self.quote, self.attribute, self.value, self.tag = before
            self.walk(branch)
            ends.append((self.state, self.quote))
        if len(set(ends)) > 1:
            raise MessageError(
                "A condition begins or ends inside a tag; put whole tags or whole texts into it.",
                part="html",
                line=node.lineno,
            )

    def _output(self, node: nodes.Expr) -> None:
        if isinstance(node, nodes.TemplateData):
            self._literal(node.data)
            return
        ours = isinstance(node, nodes.Name) and node.name in URL_FIELDS
        if self.state == "text" or (self.state == "quote" and self._safe_attribute(ours=ours)):
            self.value += "x"
            return
        raise MessageError(
            "A field may stand in text or in a quoted attribute, not in a tag, a script, a style,"
            " a comment or as the beginning of a link.",
            part="html",
            line=node.lineno,
        )

    def _safe_attribute(self, *, ours: bool) -> bool:
        if _FORBIDDEN_ATTRIBUTE.fullmatch(self.attribute):
            return False
        link = _LINK_ATTRIBUTE.fullmatch(self.attribute)
        return ours or not link or bool(re.match(r"\s*(https?://[^/?#]+[/?#]|mailto:)", self.value))

    def _literal(self, text: str) -> None:
        at = 0
        while at < len(text):
            at = getattr(self, f"_in_{self.state}")(text, at)

    def _in_text(self, text: str, at: int) -> int:
        found = re.compile(r"<!--|<(/?[A-Za-z][^\s/>]*)").search(text, at)
        if not found:
            return len(text)
        self.state, self.tag = ("tag", found[1].lower()) if found[1] else ("comment", "")
        return found.end()

    def _in_comment(self, text: str, at: int) -> int:
        end = text.find("-->", at)
        self.state = "comment" if end < 0 else "text"
        return len(text) if end < 0 else end + 3

    def _in_raw(self, text: str, at: int) -> int:
        found = re.compile(rf"</{self.tag}", re.IGNORECASE).search(text, at)
        if not found:
            return len(text)
        self.state, self.tag = "tag", "/"
        return found.end()

    def _in_tag(self, text: str, at: int) -> int:
        found = re.compile(r"""([^\s=>"'/]+)\s*=\s*(["'])|>""").search(text, at)
        if not found:
            return len(text)
        if found[0] == ">":
            self.state = "raw" if self.tag in ("script", "style", "title", "textarea") else "text"
        else:
            self.state, self.quote, self.attribute, self.value = "quote", found[2], found[1], ""
        return found.end()

    def _in_quote(self, text: str, at: int) -> int:
        end = text.find(self.quote, at)
        self.value += text[at : end if end >= 0 else None]
        if end < 0:
            return len(text)
        self.state = "tag"
        return end + 1
