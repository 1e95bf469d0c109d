"""The e-mail addresses in what stands in an address field, whatever else stands there."""

from __future__ import annotations

import re

from listmgr.subscribers.address import AddressError, parse_address

# (at) and the like are written against robots, not against readers.
_AT = re.compile(r"\s*(?:\(at\)|\[at\]|\{at\}|&#64;)\s*", re.IGNORECASE)
_DOT = re.compile(r"\s*(?:\(dot\)|\[dot\]|\(punkt\)|\[punkt\])\s*", re.IGNORECASE)
_BETWEEN = re.compile(r"[;,\s]+")


def addresses_in(text: str) -> tuple[list[str], list[str]]:
    """The valid addresses of a field as they are shown, and what looked like one but is none."""
    text = _DOT.sub(".", _AT.sub("@", text.strip()))
    good: list[str] = []
    bad: list[str] = []
    for word in _words(text):
        if (valid := valid_address(word)) is None:
            bad.append(word)
        elif valid not in good:
            good.append(valid)
    return good, bad


def valid_address(text: str) -> str | None:
    """The address as it is shown, or nothing."""
    try:
        return parse_address(text).display
    except AddressError:
        return None


def _words(text: str) -> list[str]:
    """What may be an address: display names, brackets, mailto: and the like taken off."""
    words = [_bare(word) for word in _BETWEEN.split(text)]
    with_at = [word for word in words if "@" in word]
    return with_at or [word for word in words if word][:1]


def _bare(word: str) -> str:
    word = word.rpartition("<")[2].strip("<>\"'()[]")
    if word[:7].lower() == "mailto:":
        word = word[7:].partition("?")[0]
    return word.strip(".:")
