"""Values of facts and evidence in the reader's language; the ledger's own never change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from flask import Flask
from flask_babel import gettext as _

from listmgr.kit.i18n import N_
from listmgr.subscribers.field_catalogue import CORE_FIELDS
from listmgr.web.field_labels import basis_name
from listmgr.web.labels import named
from listmgr.web.language import language
from listmgr.web.studio.filters import (
    how,
    language_name,
    number,
    role_name,
    source_name,
    when,
)
from listmgr.web.studio.subscribers.evidence_labels import fact_name


def init_app(app: Flask) -> None:
    """Register the template filter."""
    app.jinja_env.filters["fact_value"] = fact_value


_BY_STAFF = ", written down by staff"
_BY_STAFF_FOR_MANY = f"{_BY_STAFF} for many at once"

_box = named({"unticked": N_("not ticked"), "ticked": N_("ticked")})
_stated = named({"statement of an operator": N_("statement of an operator")})

# By what a person did something, as the request told it.
_method = named(
    {
        "post button": N_("by pressing the button"),
        "confirm button": N_("the button that confirms"),
        "not-me button": N_("the button “This was not me”"),
        "preferences page": N_("on the preferences page"),
        "change of address page": N_("on the page that changes the address"),
        "statement of an operator": N_("statement of an operator"),
        "evidence brought by the import": N_("evidence brought by the import"),
    }
)

# Which mail went to somebody who had not confirmed anything by it.
mail_kind = named(
    {
        "confirm": N_("asking to confirm"),
        "already": N_("saying that they are subscribed already"),
        "moving": N_("telling the old mailbox of a change of address"),
        "my_data": N_("with the link to their own data"),
    }
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


def _by(method: str) -> str:
    """Describe how an act was done; for staff, by the channel the person used."""
    for ending, sentence in (
        (_BY_STAFF_FOR_MANY, N_("%(how)s, written down by staff for many at once")),
        (_BY_STAFF, N_("%(how)s, written down by staff")),
    ):
        if method.endswith(ending):
            return str(_(sentence, how=how(method.removesuffix(ending))))
    return _method(how(method))


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
    "asked": _stated,
    "at": _moment,
    "basis": basis_name,
    "box_before": _box,
    "field": _field,
    "fields": _field,
    "followed_by": source_name,
    "how": how,
    "kind": mail_kind,
    "language": language_name,
    "method": _by,
    "received_at": _moment,
    "role": role_name,
    "seconds_since_mail": _seconds,
    "source": source_name,
    "told": how,
}
