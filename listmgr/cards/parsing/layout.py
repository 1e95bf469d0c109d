"""What place and size of printed lines say: which go on, which stand over smaller print."""

from __future__ import annotations

from listmgr.cards.parsing.reading_order import Line

# Letters without ascenders or descenders make the box of a line up to a third lower.
_ALIKE = (0.72, 1.39)
_SMALLER = 0.85
# The leading within one text, in heights of its lines; between two texts there is more.
_LEADING = 0.6


def goes_on(line: Line, below: Line) -> bool:
    """Whether the line below is set like this one and follows it as the next line of one text."""
    alike = same_size(line, below, _ALIKE)
    gap = below.top - line.bottom
    if line.text.isupper() != below.text.isupper() and min(len(line.text), len(below.text)) > 5:
        return False
    return alike and line.above(below) and gap < _LEADING * line.height and aligned(line, below)


def same_size(line: Line, other: Line, play: tuple[float, float] = (0.8, 1.25)) -> bool:
    """Whether letters are of one size: as high, or as wide where marks make a box higher."""
    high = line.height / max(other.height, 0.01)
    wide = _width(line) / max(_width(other), 0.01)
    cases = line.text.isupper() == other.text.isupper()
    both = play[0] < (high * wide) ** 0.5 < play[1] and 0.6 < high < 1.7
    return play[0] < high < play[1] or (cases and both and min(map(_letters, (line, other))) > 5)


def _width(line: Line) -> float:
    return (line.right - line.left) / max(_letters(line), 1)


def _letters(line: Line) -> int:
    return len(line.text)


def heads(line: Line, below: Line) -> bool:
    """Whether this line stands right over one in smaller print, as a name over a job."""
    return line.above(below) and below.height < _SMALLER * line.height and aligned(line, below)


def aligned(line: Line, other: Line) -> bool:
    """Whether both begin, end or have their middle at one edge."""
    play = 0.8 * max(line.height, other.height)
    edges = (
        line.left - other.left,
        line.right - other.right,
        (line.left + line.right - other.left - other.right) / 2,
    )
    return any(abs(edge) < play for edge in edges)
