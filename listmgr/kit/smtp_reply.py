"""What a mail server says, bounded and made fit for a column and a page."""

from __future__ import annotations

# A reply has no more lines and octets than these. RFC 5321 (4.5.3.1.5) allows 512 octets a line.
MAX_LINES = 500
MAX_OCTETS = 65_536
# So much of it is kept.
MAX_KEPT = 300


def one_line(text: str, most: int = MAX_KEPT) -> str:
    """The text in one line of printable characters, `most` at most.

    Control characters, line ends and marks that turn the direction of writing become blanks:
    PostgreSQL takes no NUL, and a terminal obeys ESC.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text[: 4 * most])
    return text[:most]
