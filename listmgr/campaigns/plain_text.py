"""Generate the plain-text part of a mail from its HTML: link targets, lists, headings."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from html.parser import HTMLParser

_BLOCKS = frozenset({"p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "tr"})
_BLOCKS |= {"blockquote", "section", "article", "header", "footer", "pre", "hr"}
_HIDDEN = frozenset({"style", "script", "head", "title", "template"})
WIDTH = 72


def plain_text(html: str, length: Callable[[str], int] = len) -> str:
    """Return readable text of an HTML body. Merge tags must be replaced by placeholders first.

    `length` returns how long a heading will be when the placeholders in it are filled in.
    """
    reader = _Reader(length)
    reader.feed(html)
    reader.close()
    reader.end_block()
    return "\n\n".join(reader.blocks) + "\n"


class _Reader(HTMLParser):
    def __init__(self, length: Callable[[str], int]) -> None:
        super().__init__(convert_charrefs=True)
        self.length = length
        self.blocks: list[str] = []
        self.line = ""
        self.links: list[str] = []
        self.marks: list[str] = []
        self.counts: list[int] = []
        self.hidden = 0
        self.quoted = 0
        self.prefix = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _HIDDEN:
            self.hidden += 1
        elif tag == "br":
            self.line += "\n"
        elif tag == "a":
            self.links.append(given.get("href") or "")
        elif tag == "img" and given.get("alt"):
            self.line += f"[{given['alt']}]"
        elif tag == "li":
            self._item()
        elif tag in {"td", "th"}:
            self.line += " "
        elif tag in _BLOCKS:
            self._block(tag)

    def _block(self, tag: str) -> None:
        self.end_block()
        if tag in {"ul", "ol"}:
            self.marks.append(tag)
            self.counts.append(0)
        elif tag == "blockquote":
            self.quoted += 1
        elif tag == "hr":
            self.blocks.append("-" * 24)

    def _item(self) -> None:
        self.end_block()
        if not self.marks:
            return
        self.counts[-1] += 1
        depth = "  " * (len(self.marks) - 1)
        self.prefix = depth + ("* " if self.marks[-1] == "ul" else f"{self.counts[-1]}. ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self.hidden = max(0, self.hidden - 1)
        elif tag == "a" and self.links:
            self._link(self.links.pop())
        elif tag in {"h1", "h2"} and self.line.strip():
            words = " ".join(self.line.split())
            self.line = ""
            underline = "=" if tag == "h1" else "-"
            self.blocks.append(f"{words}\n{underline * min(self.length(words), WIDTH)}")
        elif tag == "li" or tag in _BLOCKS:
            self.end_block()
            if tag in {"ul", "ol"} and self.marks:
                self.marks.pop()
                self.counts.pop()
            elif tag == "blockquote":
                self.quoted = max(0, self.quoted - 1)

    def _link(self, href: str) -> None:
        address = href.removeprefix("mailto:")
        if address and not self.line.rstrip().endswith(address):
            self.line = f"{self.line.rstrip()} ({address})"

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.line += re.sub(r"\s+", " ", data)

    def end_block(self) -> None:
        """Close the current paragraph."""
        lines = [" ".join(line.split()) for line in self.line.split("\n")]
        self.line = ""
        text = "\n".join(lines).strip("\n")
        if not text.strip():
            return
        first = "> " * self.quoted + self.prefix
        rest = "> " * self.quoted + " " * len(self.prefix)
        written = "\n".join(
            textwrap.fill(
                line,
                WIDTH,
                initial_indent=first if at == 0 else rest,
                subsequent_indent=rest,
                break_long_words=False,
                break_on_hyphens=False,
            )
            for at, line in enumerate(text.split("\n"))
        )
        self.prefix = ""
        # Items of one list stand close together.
        if self.blocks and self.counts and (len(self.counts) > 1 or self.counts[-1] > 1):
            self.blocks[-1] += f"\n{written}"
        else:
            self.blocks.append(written)
