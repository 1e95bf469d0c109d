"""Octets of unknown origin as text: declared charset, then UTF-8, then what Outlook writes."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Octets that survive the way through text unchanged, until a property says what they are.
CARRIER = "latin-1"
# What the first octets of European letters and of quotes look like in Windows-1252.
_BROKEN = re.compile("[ÂÃÄÅâ]")


def text_of(data: bytes) -> tuple[str, bool]:
    """The text of a file, and whether its characters are only carried octets still to be read."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace"), False
    if (guessed := _utf16_without_mark(data)) is not None:
        return data.decode(guessed, "replace"), False
    try:
        return data.decode("utf-8"), False
    except UnicodeDecodeError:
        return data.decode(CARRIER), True


def plain_text(data: bytes) -> str:
    """The text of a file that declares no charset anywhere in it."""
    text, carried = text_of(data)
    return repaired(decoded(text.encode(CARRIER), "") if carried else text)


def decoded(octets: bytes, charset: str) -> str:
    """Octets as text: the declared charset, UTF-8, at last Windows-1252; never fails."""
    for name in (charset, "utf-8"):
        try:
            return octets.decode(name) if name else octets.decode("utf-8")
        except (LookupError, UnicodeError, ValueError):
            continue
    try:
        return octets.decode("cp1252")
    except UnicodeDecodeError:
        return octets.decode(CARRIER)


def is_text_charset(charset: str) -> bool:
    """Whether Python knows it as a charset (and not as hex, zip or another transformation)."""
    try:
        return bool(getattr(codecs.lookup(charset), "_is_text_encoding", True))
    except (LookupError, ValueError):
        return False


def repaired(text: str) -> str:
    """What a program broke by reading UTF-8 as Windows-1252: MÃ¼ller is Müller."""
    if text.isascii() or not _BROKEN.search(text):
        return text
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text


def _utf16_without_mark(data: bytes) -> str | None:
    """Text of Latin letters in UTF-16 has a NUL in every second octet."""
    head = data[:64]
    if len(head) < 8 or b"\0" not in head:
        return None
    if not any(head[0:-1:2]):
        return "utf-16-be"
    return "utf-16-le" if not any(head[1::2]) else None
