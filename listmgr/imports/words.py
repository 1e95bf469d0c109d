"""How other programs write a time, a yes, and where somebody stands."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from listmgr.imports.verdicts import Meaning

_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\Z")
# Go's time.String(), as listmonk writes it: 2024-01-02 03:04:05.678 +0000 UTC.
_GO = re.compile(r"(\S+ \S+) ([+-]\d{4})(?: [A-Z]{2,5})?\Z")
_UNIX = re.compile(r"\d{9,10}\Z")
NOTHING = frozenset({"", "0", "-", "–", "null", "none", "n/a", "\\n", "0000-00-00"})
NO = NOTHING | {"false", "no", "n", "nein", "off", "falsch", "non"}

STATUS_WORDS: dict[str, Meaning] = {
    word: meaning
    for meaning, words in {
        Meaning.SUBSCRIBED: (
            "subscribed, active, aktiv, enabled, confirmed, bestätigt, opted in, opt-in, opted-in,"
            " abonniert, angemeldet, subscriber"
        ),
        Meaning.UNCONFIRMED: (
            "unconfirmed, pending, new, neu, unbestätigt, nonsubscribed, non-subscribed,"
            " never subscribed, transactional, not confirmed, unconfirmed opt-in, not specified"
        ),
        Meaning.UNSUBSCRIBED: (
            "unsubscribed, disabled, blocklisted, blacklisted, blocked, gesperrt, abgemeldet,"
            " inactive, inaktiv, deactivated, deleted, gelöscht, opted out, opted-out, opt-out,"
            " suppressed, refused, widerrufen"
        ),
        Meaning.BOUNCED: (
            "bounced, cleaned, unreachable, undeliverable, gebounct, hard bounce, hard bounced,"
            " hardbounced, hardbounce, unzustellbar"
        ),
        Meaning.COMPLAINED: (
            "abused, abuse, complained, complaint, spam, spam complaint, unerwünscht"
        ),
    }.items()
    for word in words.split(", ")
}

# Programs that export by station name their files so.
_NAMES = (
    (re.compile("unsubscribed|abgemeldet|opted?[_-]?out|blacklist|blocklist"), "UNSUBSCRIBED"),
    (re.compile("cleaned|bounced"), "BOUNCED"),
    (re.compile("non-?_?subscribed|transactional|unconfirmed|pending"), "UNCONFIRMED"),
    (re.compile("subscribed"), "SUBSCRIBED"),
)


def moment(text: str) -> datetime | None:
    """The time a cell tells, in UTC where it names no zone; None where it tells none for sure.

    2/3/2024 is two days for two readers, so it is none for us.
    """
    text = text.strip()
    if text.lower() in NOTHING or text.startswith("0000-"):
        return None
    try:
        found = _moment(text)
        return None if found is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _moment(text: str) -> datetime | None:
    if _UNIX.match(text):
        return datetime.fromtimestamp(int(text), UTC)
    if german := _GERMAN.match(text):
        day, month, year, hour, minute, second = (int(part or 0) for part in german.groups())
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    if go := _GO.match(text):
        # Nanoseconds are more than a datetime knows.
        text = re.sub(r"(\.\d{6})\d+", r"\1", go[1]) + go[2]
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def yes(text: str) -> bool:
    """Whether a cell says yes. What is neither yes nor no says so too: a reason, a date, a word."""
    return text.strip().lower() not in NO and not text.startswith("0000-")


def meaning_of_name(name: str) -> Meaning | None:
    """What the name of a file says of everybody in it."""
    last = name.rpartition("/")[2].lower()
    return next((Meaning[meaning] for word, meaning in _NAMES if word.search(last)), None)
