"""Parse times, yes/no values and subscription states as other programs write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from listmgr.imports.row_outcomes import Meaning

_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:,?\s+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\Z")
# Go's time.String(), as listmonk writes it: 2024-01-02 03:04:05.678 +0000 UTC.
_GO = re.compile(r"(\S+ \S+) ([+-]\d{4})(?: [A-Z]{2,5})?\Z")
_UNIX = re.compile(r"\d{9,10}\Z")
NOTHING = frozenset({"", "0", "-", "–", "null", "none", "n/a", "\\n", "0000-00-00"})
NO = NOTHING | {"false", "no", "n", "nein", "off", "falsch", "non", "nee", "f"}
_SAYS_NO = NO - NOTHING | {"0", "never", "nie"}
_SAYS_YES = frozenset(
    {"1", "true", "t", "yes", "y", "ja", "j", "on", "wahr", "x", "✓", "oui", "vrai", "si", "sí"}
)


def plain_word(text: str) -> str:
    """Normalize a word for lookup: `opted_out` and `Opted-Out` become `opted out`."""
    return _BETWEEN.sub(" ", text.strip().lower())


_BETWEEN = re.compile(r"[\s_\-]+")
STATUS_WORDS: dict[str, Meaning] = {
    plain_word(word): meaning
    for meaning, words in {
        Meaning.SUBSCRIBED: (
            "subscribed, active, aktiv, enabled, confirmed, bestätigt, opted in, opt-in, opted-in,"
            " abonniert, angemeldet, subscriber, actif, abonné, inscrit, activo, suscrito, attivo,"
            " iscritto, actief"
        ),
        Meaning.UNCONFIRMED: (
            "unconfirmed, pending, new, neu, unbestätigt, nonsubscribed, non-subscribed,"
            " never subscribed, transactional, not confirmed, unconfirmed opt-in, not specified,"
            " nicht bestätigt, ausstehend, waiting, en attente, pendiente"
        ),
        Meaning.UNSUBSCRIBED: (
            "unsubscribed, disabled, blocklisted, blacklisted, blocked, gesperrt, abgemeldet,"
            " inactive, inaktiv, deactivated, deleted, gelöscht, opted out, opted-out, opt-out,"
            " suppressed, refused, widerrufen, cancelled, canceled, gekündigt, abbestellt,"
            " storniert, unsubscribe, unsub, optout, removed, left, blacklist, blocklist,"
            " globally unsubscribed, unsubscribed by admin, do not contact, dnc, désabonné,"
            " désinscrit, annulé, bloqué, cancelado, baja, disiscritto, cancellato, afgemeld"
        ),
        Meaning.BOUNCED: (
            "bounced, cleaned, unreachable, undeliverable, gebounct, hard bounce, hard bounced,"
            " hardbounced, hardbounce, unzustellbar, bounce, soft bounced, soft bounce,"
            " softbounced, invalid, ungültig, rebotado"
        ),
        Meaning.COMPLAINED: (
            "abused, abuse, complained, complaint, spam, spam complaint, unerwünscht, spam report,"
            " reported spam, marked as spam, reported as spam, complainer, beschwerde"
        ),
    }.items()
    for word in words.split(", ")
}

# Programs that export by station name their files so.
_NAMES = (
    (
        re.compile(
            "unsubscrib|abgemeldet|abmeldung|opt(ed)?[ _-]?out|black ?list|block ?list|suppress"
        ),
        "UNSUBSCRIBED",
    ),
    (re.compile("cleaned|bounced"), "BOUNCED"),
    (re.compile("non-?_?subscribed|transactional|unconfirmed|pending"), "UNCONFIRMED"),
    (re.compile("subscribed"), "SUBSCRIBED"),
)


def moment(text: str) -> datetime | None:
    """Return the time in a cell, as UTC if it names no zone; None if it is not certain.

    2/3/2024 means two different days to two readers, so it is not certain.
    """
    text = text.strip()
    if text.lower() in NOTHING or text.startswith("0000-"):
        return None
    try:
        parsed = _moment(text)
        return None if parsed is None else parsed.astimezone(UTC)
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
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def yes(text: str) -> bool:
    """Whether a cell says yes. Anything but a no counts as yes: a reason, a date, a word."""
    return text.strip().lower() not in NO and not text.startswith("0000-")


def wish(text: str) -> Meaning | None:
    """Return the meaning of a "wants mail" cell: a no is an opt-out, an empty cell no consent.

    None if it is neither, since it might be a no.
    """
    word = plain_word(text)
    if word in _SAYS_YES:
        return Meaning.SUBSCRIBED
    if word in _SAYS_NO:
        return Meaning.UNSUBSCRIBED
    if text.strip().lower() in NOTHING:
        return Meaning.UNCONFIRMED
    since = Meaning.SUBSCRIBED if moment(text) else None
    return STATUS_WORDS.get(word, since)


def meaning_of_name(name: str) -> Meaning | None:
    """Return the subscription status a file's name implies for everyone in it."""
    last = name.rpartition("/")[2].lower()
    return next((Meaning[meaning] for word, meaning in _NAMES if word.search(last)), None)
