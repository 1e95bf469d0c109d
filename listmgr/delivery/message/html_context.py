"""Allow merge fields in HTML only where escaping keeps them inert."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from os.path import commonprefix
from typing import NamedTuple

from jinja2 import nodes

from listmgr.kit.i18n import N_

_TEXT_ATTRIBUTE = re.compile(
    r"alt|title|summary|abbr|label|lang|dir|id|class|name|value|(?:aria|data)-[\w-]+",
    re.IGNORECASE,
)
_LINK_ATTRIBUTE = re.compile(
    r"href|src|action|formaction|cite|background|poster|xlink:href", re.IGNORECASE
)
# The scheme and the host are the writer's; a subscriber's own words come behind them.
_LINK_BEGUN = re.compile(r"\s*(?:https?://[^/?#\s]+[/?#]|(?:mailto|tel):)", re.IGNORECASE)
_RAW = frozenset(
    {"script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "plaintext"}
)
_MARKUP = re.compile(r"<!--|<(/?[A-Za-z][^\s/>]*)|<(?:[/!?]|\Z)")
# A name is looked for only where a word begins: a long run of letters is read once.
_ATTRIBUTE = re.compile(
    r"""(?<![^\s=>"'/])([^\s=>"'/]+)\s*=\s*(?:(["'])|[^\s>"'][^\s>]*)|>""",
)


class MisplacedField(Exception):
    """A field or condition is in a place HTML does not allow. `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Place(NamedTuple):
    """The state of an HTML parser."""

    state: str = "text"  # text | tag | quote | raw | comment | bogus
    tag: str = ""
    attribute: str = ""
    quote: str = ""
    value: str = ""


def check_places(body: Iterable[nodes.Node], links: Collection[str]) -> None:
    """Raise Misplaced for a field that could become markup, script or the start of a link.

    `links` are the fields the program fills with its own URLs.
    """
    if _walk(body, _Place(), links).state != "text":
        raise MisplacedField(N_("A tag, a quote or a comment is opened and not closed."), 0)


def _walk(body: Iterable[nodes.Node], place: _Place, links: Collection[str]) -> _Place:
    for node in body:
        if isinstance(node, nodes.If):
            place = _branches(node, place, links)
        elif isinstance(node, nodes.Output):
            for child in node.nodes:
                if isinstance(child, nodes.TemplateData):
                    place = _literal(child.data, place)
                else:
                    place = _field(child, place, links)
    return place


def _branches(node: nodes.If, place: _Place, links: Collection[str]) -> _Place:
    bodies = [node.body, *[other.body for other in node.elif_], node.else_]
    ends = [_walk(body, place, links) for body in bodies]
    if len({end._replace(value="") for end in ends}) > 1:
        raise MisplacedField(
            N_("A condition begins or ends inside a tag; put whole tags or whole texts into it."),
            node.lineno,
        )
    # Only what every branch has written is certain to stand before the next field.
    certain = commonprefix([end.value for end in ends])  # noqa: RUF071 - texts, no paths
    return ends[0]._replace(value=certain)


def _field(node: nodes.Expr, place: _Place, links: Collection[str]) -> _Place:
    ours = isinstance(node, nodes.Name) and node.name in links
    if place.state == "text":
        return place
    if place.state == "quote" and _may_hold(place, ours=ours):
        return place._replace(value=f"{place.value}x")
    raise MisplacedField(
        N_(
            "A field may stand in text, in a quoted title or alt, or in a link behind its host"
            " (https://example.org/…); not in a tag, a style, a script or a comment."
        ),
        node.lineno,
    )


def _may_hold(place: _Place, *, ours: bool) -> bool:
    if _LINK_ATTRIBUTE.fullmatch(place.attribute):
        return ours or bool(_LINK_BEGUN.match(place.value))
    return bool(_TEXT_ATTRIBUTE.fullmatch(place.attribute))


def _literal(text: str, place: _Place) -> _Place:
    at = 0
    while at < len(text):
        place, at = _READERS[place.state](text, at, place)
    return place


def _text(text: str, at: int, place: _Place) -> tuple[_Place, int]:
    markup = _MARKUP.search(text, at)
    if not markup:
        return place, len(text)
    if markup[0] == "<!--":
        # `<!-->` is a whole comment, so its end is looked for from its own dashes on.
        return _Place("comment"), markup.end() - 2
    if markup[1]:
        return _Place("tag", tag=markup[1].lower()), markup.end()
    # A lone `<` before a field would make a tag of it.
    return _Place("tag" if markup[0] == "<" else "bogus"), markup.end()


def _tag(text: str, at: int, place: _Place) -> tuple[_Place, int]:
    match = _ATTRIBUTE.search(text, at)
    if not match:
        return place, len(text)
    if match[0] == ">":
        return (_Place("raw", tag=place.tag) if place.tag in _RAW else _Place()), match.end()
    if match[2]:
        return place._replace(state="quote", attribute=match[1], quote=match[2]), match.end()
    return place, match.end()


def _quote(text: str, at: int, place: _Place) -> tuple[_Place, int]:
    end = text.find(place.quote, at)
    if end < 0:
        return place._replace(value=place.value + text[at:]), len(text)
    return _Place("tag", tag=place.tag), end + 1


def _raw(text: str, at: int, place: _Place) -> tuple[_Place, int]:
    end_tag = re.compile(rf"</{place.tag}(?=[\s/>])", re.IGNORECASE).search(text, at)
    return (_Place("tag", tag=f"/{place.tag}"), end_tag.end()) if end_tag else (place, len(text))


def _comment(text: str, at: int, place: _Place) -> tuple[_Place, int]:
    comment_end = re.compile("--!?>").search(text, at)
    return (_Place(), comment_end.end()) if comment_end else (place, len(text))


def _bogus(text: str, at: int, place: _Place) -> tuple[_Place, int]:
    end = text.find(">", at)
    return (_Place(), end + 1) if end >= 0 else (place, len(text))


_READERS: dict[str, Callable[[str, int, _Place], tuple[_Place, int]]] = {
    "text": _text,
    "tag": _tag,
    "quote": _quote,
    "raw": _raw,
    "comment": _comment,
    "bogus": _bogus,
}
