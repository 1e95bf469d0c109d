"""Parse, store and format the values of fields.

A value is stored as text in one spelling: a number with a decimal point, a date as 2026-05-31, yes
and no as true and false. The empty text is no value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.kit.validation import Validator
from listmgr.subscribers.field_models import FieldKind

MAX_VALUE = 300
NUMBER_SQL = "^-?[0-9]{1,15}([.][0-9]{1,6})?$"
DATE_SQL = "^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
_NUMBER = re.compile(r"(-?)([0-9]{1,15})(?:[.,]([0-9]{1,6}))?\Z")
_ISO = re.compile(r"([1-9][0-9]{3})-([0-9]{1,2})-([0-9]{1,2})\Z")
_GERMAN = re.compile(r"([0-9]{1,2})\.\s?([0-9]{1,2})\.\s?([1-9][0-9]{3})\Z")
_YES = frozenset({"yes", "y", "true", "1", "on", "ja", "j", "wahr", "x"})
_NO = frozenset({"no", "n", "false", "0", "off", "nein", "falsch"})
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def parse_value(kind: FieldKind, choices: Sequence[str], typed: str) -> str:
    """Return a typed value as stored. Raises InvalidInput with what to write instead.

    Idempotent: it returns stored values unchanged.
    """
    line = Validator()
    text = unicodedata.normalize("NFC", line.line("value", typed, limit=MAX_VALUE))
    if line.wrong:
        raise InvalidInput(line.wrong["value"])
    if not text or kind is FieldKind.TEXT:
        return text
    if kind is FieldKind.NUMBER:
        return _number(text)
    if kind is FieldKind.DATE:
        return _date(text)
    return _yes_no(text) if kind is FieldKind.YES_NO else _choice(text, choices)


def _number(text: str) -> str:
    match = _NUMBER.match(text)
    if match is None:
        raise InvalidInput(N_("Write a number without dots between thousands: 1234 or 12.5."))
    whole, part = match[2].lstrip("0") or "0", (match[3] or "").rstrip("0")
    number = f"{whole}.{part}" if part else whole
    return number if number == "0" else match[1] + number


def _date(text: str) -> str:
    if iso := _ISO.match(text):
        year, month, day = map(int, iso.groups())
    elif german := _GERMAN.match(text):
        day, month, year = map(int, german.groups())
    else:
        raise InvalidInput(N_("Write the date as year-month-day or day.month.year: 2026-05-31."))
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise InvalidInput(N_("There is no such day. Please check the date.")) from None


def _yes_no(text: str) -> str:
    word = text.casefold()
    if word in _YES or word in _NO:
        return "true" if word in _YES else "false"
    raise InvalidInput(N_("Answer with yes or no."))


def _choice(text: str, choices: Sequence[str]) -> str:
    if text in choices:
        return text
    alike = [choice for choice in choices if choice.casefold() == text.casefold()]
    if len(alike) == 1:
        return alike[0]
    raise InvalidInput(N_("Choose one of the answers that are offered."))


def show_value(kind: FieldKind, value: str, language: str) -> str:
    """Format a stored value in a language; return text that is no such value unchanged."""
    if kind is FieldKind.YES_NO:
        words = ("ja", "nein") if language == "de" else ("yes", "no")
        return {"true": words[0], "false": words[1]}.get(value, value)
    if kind is FieldKind.NUMBER and language == "de" and re.match(NUMBER_SQL, value):
        return value.replace(".", ",")
    if kind is FieldKind.DATE and re.match(DATE_SQL, value):
        year, month, day = map(int, value.split("-"))
        german = f"{day:02}.{month:02}.{year}"
        return german if language == "de" else f"{day} {_MONTHS[month - 1]} {year}"
    return value


def shown_sql(kind: FieldKind, text: str, language: str) -> str:
    """Return the SQL for a field in a mail: like `show_value`, never NULL.

    "No" becomes an empty text, so that {% if … %} on a yes-or-no field tests for yes.
    """
    value = f"coalesce({text}, '')"
    if kind is FieldKind.YES_NO:
        return f"CASE {text} WHEN 'true' THEN '{show_value(kind, 'true', language)}' ELSE '' END"
    if kind is FieldKind.NUMBER and language == "de":
        return f"CASE WHEN {text} ~ '{NUMBER_SQL}' THEN replace({text}, '.', ',') ELSE {value} END"
    if kind is FieldKind.DATE:
        year, month, day = f"left({text}, 4)", f"substr({text}, 6, 2)", f"right({text}, 2)"
        names = ", ".join(f"'{name}'" for name in _MONTHS)
        english = f"ltrim({day}, '0') || ' ' || (ARRAY[{names}])[CAST({month} AS int)]"
        shown = (
            f"{day} || '.' || {month} || '.' || {year}"
            if language == "de"
            else f"{english} || ' ' || {year}"
        )
        return f"CASE WHEN {text} ~ '{DATE_SQL}' THEN {shown} ELSE {value} END"
    return value


def typed_sql(kind: FieldKind, text: str) -> str:
    """Return the SQL of the text as number, date or boolean; NULL if it is no such value."""
    if kind is FieldKind.NUMBER:
        return f"(CASE WHEN {text} ~ '{NUMBER_SQL}' THEN CAST({text} AS numeric) END)"
    if kind is FieldKind.DATE:
        # From its parts: a text such as 2026-02-31 must not end the whole statement.
        year, month, day = (
            f"CAST(substr({text}, {start}, {length}) AS int)"
            for start, length in ((1, 4), (6, 2), (9, 2))
        )
        date_sql = f"make_date({year}, {month}, 1) + {day} - 1"
        return f"(CASE WHEN {text} ~ '{DATE_SQL}' THEN {date_sql} END)"
    if kind is FieldKind.YES_NO:
        return f"(CASE {text} WHEN 'true' THEN true WHEN 'false' THEN false END)"
    return f"nullif({text}, '')"
