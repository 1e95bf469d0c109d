"""Render what a launch freezes: safe HTML in a frame, plain text, footer."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from listmgr.campaigns.models import Campaign
from listmgr.campaigns.plain_text import plain_text
from listmgr.kit.mail_templates import mail_templates
from listmgr.languages import LANGUAGES
from listmgr.lists.models import MailingList

_MERGE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_NO_SCHEME = re.compile(r"\A\s*[/\\]{2,}")
_TAGS = nh3.ALLOWED_TAGS | {"font", "u", "section", "article", "header", "footer", "main"}
# What a whole page begins with: the mail has its own.
_FRAME = frozenset({"html", "head", "body", "meta", "title"})
# cid: a picture that goes with the mail.
_SCHEMES = frozenset({"http", "https", "mailto", "tel", "cid"})
_LOOKS = {"style", "class", "align", "valign", "bgcolor", "width", "height", "title", "dir", "lang"}
_ATTRIBUTES = {tag: attributes | _LOOKS for tag, attributes in nh3.ALLOWED_ATTRIBUTES.items()} | {
    "*": _LOOKS | {"role"},
    "table": _LOOKS | {"border", "cellpadding", "cellspacing", "role"},
    "font": {"color", "face", "size"},
}


@dataclass(frozen=True, slots=True)
class Words:
    """A message whose merge fields are not yet filled in."""

    subject: str
    text: str
    html: str


def render_words(campaign: Campaign, mailing_list: MailingList, templates: Path) -> Words:
    """Return what recipients will get, with unfilled merge fields.

    Imprint and unsubscribe link are added to every message; nobody can leave them out (L-22).
    """
    html, text = _bodies(campaign)
    language = mailing_list.language if mailing_list.language in LANGUAGES else "en"
    frame = mail_templates(templates / "mail" / "campaign")
    values = {
        "language": language,
        "name": _literal(mailing_list.name),
        "imprint": _literal(mailing_list.imprint).splitlines(),
        "privacy_url": _literal(mailing_list.privacy_url),
        "unsubscribe": Markup("{{ unsubscribe_url }}"),
        "preferences": Markup("{{ preferences_url }}"),
    }
    return Words(
        subject=campaign.subject,
        text=frame.get_template("body.txt").render(values | {"body": text.rstrip()}),
        html=frame.get_template("body.html").render(
            # Cleaned by nh3 a few lines below.
            values | {"body": Markup(html)}  # noqa: S704
        ),
    )


def _literal(value: str) -> str:
    """Escape braces, so that an imprint contains no merge field."""
    return re.sub(r"\{(?=[{%#])", "{ ", value)


def _bodies(campaign: Campaign) -> tuple[str, str]:
    hidden, show = _hide_merge_tags(campaign.body)
    html = safe_html(_raw_html(campaign, hidden))
    if campaign.plain_text.strip():
        return show(html), campaign.plain_text

    def length(words: str) -> int:
        return len(_MERGE.sub(_typical_value, show(words)))

    return show(html), show(plain_text(html, length))


def _typical_value(tag: re.Match[str]) -> str:
    """Return a string as long as what stands in a mail in place of a merge tag."""
    return "Matthias" if tag[0].startswith("{{") else ""


def _raw_html(campaign: Campaign, source: str) -> str:
    """Return the HTML as written or converted from Markdown, before sanitizing."""
    if campaign.format != "markdown":
        return source
    parser = MarkdownIt("commonmark", {"html": True, "linkify": False})
    return str(parser.enable("table").render(source))


def removed_parts(campaign: Campaign) -> list[str]:
    """Return the names of what sanitizing removes: tags, event handlers, URL schemes."""
    hidden, _show = _hide_merge_tags(campaign.body)
    finder = _RemovedParts()
    finder.feed(_raw_html(campaign, hidden))
    finder.close()
    return list(finder.names)


class _RemovedParts(HTMLParser):
    """Collects what `safe_html` removes and an author may miss."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Examine one tag and its attributes."""
        if tag not in _TAGS and tag not in _FRAME:
            self.names[f"<{tag}>"] = None
        for name, value in attrs:
            scheme, colon, _rest = "".join((value or "").split()).lower().partition(":")
            if name.startswith("on"):
                self.names[name] = None
            elif name in {"href", "src"} and colon and scheme.isalpha() and scheme not in _SCHEMES:
                self.names[f"{scheme}:"] = None


def safe_html(html: str) -> str:
    """Sanitize the HTML: no scripts, forms, frames or event handlers."""
    return nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=set(_SCHEMES),
        link_rel=None,
        attribute_filter=_with_scheme,
    )


def _with_scheme(_tag: str, attribute: str, value: str) -> str:
    """Add https to a "

    host" link, since a mail has no scheme to inherit.
    """
    if attribute in {"href", "src"}:
        return _NO_SCHEME.sub("https://", value, count=1)
    return value


def _hide_merge_tags(source: str) -> tuple[str, Callable[[str], str]]:
    """Return the source with merge tags replaced by plain words, and the function that restores
    them.
    """
    nonce = secrets.token_hex(6)
    tags: list[str] = []

    def hide(match: re.Match[str]) -> str:
        tags.append(match[0])
        return f"x{nonce}n{len(tags) - 1}x"

    def show(text: str) -> str:
        return re.sub(rf"x{nonce}n(\d+)x", lambda match: tags[int(match[1])], text)

    return _MERGE.sub(hide, source), show
