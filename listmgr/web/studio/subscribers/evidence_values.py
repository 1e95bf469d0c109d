"""Values of facts and evidence in the reader's language; the ledger's own never change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from flask import Flask
from flask_babel import gettext as _

from listmgr.consent.models import ServiceMailKind
from listmgr.kit.i18n import N_
from listmgr.subscribers.field_catalogue import CORE_FIELDS
from listmgr.web.field_labels import basis_name
from listmgr.web.labels import named
from listmgr.web.language import language
from listmgr.web.studio.filters import (
    language_name,
    method,
    number,
    role_name,
    source_name,
    when,
)
from listmgr.web.studio.subscribers.evidence_labels import fact_name


def init_app(app: Flask) -> None:
    """Register the template filter."""
    app.jinja_env.filters["fact_value"] = fact_value


_box = named({"unticked": N_("not ticked"), "ticked": N_("ticked")})
_recorded_by = named({"staff": N_("staff"), "staff_bulk": N_("staff, for many people at once")})

# Which mail went to somebody who had not confirmed anything by it.
mail_kind = named(
    {
        "confirm_subscription": N_("asking to confirm"),
        "already_subscribed": N_("saying that they are subscribed already"),
        "address_change": N_("telling the old mailbox of a change of address"),
        "my_data": N_("with the link to their own data"),
    },
    ServiceMailKind,
)


def fact_value(value: object, key: str = "") -> str:
    """Return the label of a fact's value; free text is returned unchanged."""
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, Mapping):
        parts = ((name, fact_value(part, name)) for name, part in value.items())
        return " · ".join(f"{fact_name(name)}: {part}" for name, part in parts if part)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return _many(value, key)
    if value is None:
        return ""
    say = _WORDS.get(key)
    return str(value) if say is None else say(str(value))


def _many(values: Sequence[object], key: str) -> str:
    of_parts = any(isinstance(item, Mapping) for item in values)
    return ("\n" if of_parts else ", ").join(fact_value(item, key) for item in values)


def _by(word: str) -> str:
    """Describe how something was done. Until migration 0083 staff's records said so in prose."""
    channel, recorded, _rest = word.partition(", written down by staff")
    said = method(channel)
    return str(_("%(method)s, recorded by staff", method=said)) if recorded else said


def _moment(text: str) -> str:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return when(at) if at.tzinfo else text


def _seconds(text: str) -> str:
    return number(round(float(text), 1))


def _field(key: str) -> str:
    """Return a core field's label; a custom field's key."""
    core = {field.key: field.label(language()) for field in CORE_FIELDS}
    return core.get(key, key)


_WORDS: dict[str, Callable[[str], str]] = {
    "agreed_at": _moment,
    "asked": method,
    "at": _moment,
    "basis": basis_name,
    "box_before": _box,
    "field": _field,
    "fields": _field,
    "followed_by": source_name,
    # The key of methods until migration 0083.
    "how": method,
    "kind": mail_kind,
    "language": language_name,
    "method": _by,
    "received_at": _moment,
    "recorded_by": _recorded_by,
    "role": role_name,
    "seconds_since_mail": _seconds,
    "source": source_name,
    "told": method,
}
