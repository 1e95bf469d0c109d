"""Replies of mail servers, bounded and safe for a column and a page."""

from __future__ import annotations

# A reply has no more lines and octets than these. RFC 5321 (4.5.3.1.5) allows 512 octets a line.
MAX_LINES = 500
MAX_OCTETS = 65_536
# So much of it is kept.
MAX_KEPT = 300


def one_line(text: str, most: int = MAX_KEPT) -> str:
    """Return the text as one line of printable characters, at most `most`.

    Control characters, line ends and marks that reverse the writing direction become spaces:
    PostgreSQL rejects NUL, and a terminal obeys ESC.
    """
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text[: 4 * most])
    return text[:most]
