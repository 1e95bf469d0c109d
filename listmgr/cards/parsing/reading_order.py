"""The lines of a card or a signature: where they stand, and in which order one reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from listmgr.cards.parsing.card_property import one_line
from listmgr.cards.parsing.vocabulary import LABEL

_SEPARATORS = re.compile(r"\s+[|·•●∙▪◦‧►»]+\s*|\s*[|·•●∙▪◦‧►»]+\s+|[•|●▪]|\s+[–—]\s+|\t+|\s{4,}")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text in a box; `confidence` is how sure the reader of the picture was."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float = 1.0

    @property
    def height(self) -> float:
        """How large the letters are, more or less."""
        return self.bottom - self.top

    def beside(self, other: Line) -> bool:
        """Whether both stand in the same row."""
        shared = min(self.bottom, other.bottom) - max(self.top, other.top)
        return shared > 0.55 * min(self.height, other.height)

    def above(self, other: Line) -> bool:
        """Whether the other one begins right below this one, in the same column."""
        gap = other.top - self.bottom
        shared = min(self.right, other.right) - max(self.left, other.left)
        near = -0.4 * self.height < gap < 1.3 * max(self.height, other.height)
        return near and shared > 0.3 * min(self.right - self.left, other.right - other.left)


def lines_of_text(text: str, limit: int) -> list[Line]:
    """The lines of plain text, each as high as the next; empty ones keep their distance."""
    return [
        Line(shown, 0.0, number, float(len(shown)), number + 1.0)
        for number, line in enumerate(text.split("\n")[:limit])
        if (shown := line.expandtabs(4).strip())
    ]


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """Labels joined to what they label, columns one after the other, rows cut at separators."""
    blocks: list[list[Line]] = []
    for line in _with_labels(sorted(lines, key=lambda line: (line.top, line.left))):
        home = next((block for block in reversed(blocks) if block[-1].above(line)), None)
        if home is None:
            blocks.append([line])
        else:
            home.append(line)
    blocks.sort(key=lambda block: (block[0].top, block[0].left))
    return [piece for block in blocks for line in block for piece in _cut(line)]


def _with_labels(lines: list[Line]) -> list[Line]:
    """`Tel.` and the number beside it are one line, however wide the gap."""
    joined: list[Line] = []
    for line in lines:
        label = next(
            (other for other in joined if other.beside(line) and LABEL.fullmatch(other.text)), None
        )
        if label is None or line.left < label.left:
            joined.append(line)
        else:
            joined[joined.index(label)] = replace(
                line, text=f"{label.text} {line.text}", left=label.left
            )
    return joined


def _cut(line: Line) -> list[Line]:
    """What stands in one row between separators, each with its share of the width."""
    pieces = [one_line(piece) for piece in _SEPARATORS.split(line.text)]
    pieces = [piece for piece in pieces if piece]
    if len(pieces) < 2:
        return [replace(line, text=piece) for piece in pieces]
    width = (line.right - line.left) / len(pieces)
    return [
        replace(line, text=piece, left=line.left + n * width, right=line.left + (n + 1) * width)
        for n, piece in enumerate(pieces)
    ]
