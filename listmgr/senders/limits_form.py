"""Validate limits and a warm-up plan as typed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from listmgr.kit.i18n import N_
from listmgr.kit.validation import Validator
from listmgr.subscribers.address import AddressError, parse_address

MOST = 1_000_000_000
MOST_STEPS = 90
DOMAIN_LIMITS = ("per_second", "per_hour", "per_day", "at_once")


@dataclass(frozen=True, slots=True)
class LimitsForm:
    """Limits of a sender as typed, empty for none; the plan as numbers, day by day."""

    connections: str = ""
    per_second: str = ""
    per_hour: str = ""
    per_day: str = ""
    warm_up: str = ""
    warm_up_began: str = ""


def checked_pacing(typed: Validator, form: LimitsForm) -> dict[str, object]:
    """Return the columns' values; errors are collected in `typed`."""
    values: dict[str, object] = {
        name: _number(typed, name, getattr(form, name))
        for name in ("connections", "per_second", "per_hour", "per_day")
    }
    steps = _steps(typed, form.warm_up)
    began = None
    if steps:
        try:
            began = date.fromisoformat(form.warm_up_began.strip())
        except ValueError:
            typed.wrong["warm_up_began"] = N_("Choose the first day of the plan.")
    return values | {"warm_up": steps, "warm_up_began": began}


def checked_domains(
    typed: Validator, rows: list[tuple[str, dict[str, str]]], *, providers: frozenset[str]
) -> dict[str, dict[str, int]]:
    """Return limits by provider or domain; rows without a name are ignored."""
    checked: dict[str, dict[str, int]] = {}
    for at, (name, limits) in enumerate(rows):
        if not name.strip():
            continue
        scope = _scope(typed, f"scope-{at}", name, providers)
        values = {key: _number(typed, f"{key}-{at}", limits.get(key, "")) for key in DOMAIN_LIMITS}
        if not any(values.values()):
            typed.wrong.setdefault(f"scope-{at}", N_("Write at least one limit for it."))
        if scope in checked:
            typed.wrong.setdefault(f"scope-{at}", N_("It stands here twice."))
        checked[scope] = values
    return checked


def _scope(typed: Validator, field: str, text: str, providers: frozenset[str]) -> str:
    text = typed.line(field, text, limit=253)
    for name in providers:
        if text.lower() == name.lower():
            return name
    try:
        return parse_address(f"x@{text}").envelope.rpartition("@")[2].lower()
    except AddressError:
        typed.wrong.setdefault(field, N_("Choose a provider, or write a domain: example.org."))
        return text


def _number(typed: Validator, field: str, text: str) -> int:
    text = text.strip()
    if not text:
        return 0
    if text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= MOST:
        return int(text)
    typed.wrong[field] = N_("Write a whole number, or nothing for no limit.")
    return 0


def _steps(typed: Validator, text: str) -> list[int]:
    words = [word for word in re.split(r"[\s,;]+", text.strip()) if word]
    if not all(word.isascii() and word.isdecimal() and 0 < len(word) < 11 for word in words):
        typed.wrong["warm_up"] = N_("Write whole numbers, one for each day: 50, 100, 200.")
        return []
    if len(words) > MOST_STEPS:
        typed.wrong["warm_up"] = N_("A plan of more than 90 days is too long.")
        return []
    if any(int(word) == 0 for word in words):
        typed.wrong["warm_up"] = N_(
            "A day with no mail at all would end the plan. Write 1 or more."
        )
    return [int(word) for word in words]
