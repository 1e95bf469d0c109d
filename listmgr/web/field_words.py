"""What the words of the field catalogue are called by people: kinds, categories, legal bases."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _
from flask_babel import ngettext


def init_app(app: Flask) -> None:
    """What every template may call."""
    for shown in (kind_name, category_name, basis_name, kept_for):
        app.jinja_env.filters[shown.__name__] = shown


def kind_name(kind: str) -> str:
    """What a value of a field is."""
    names = {
        "text": _("text"),
        "number": _("number"),
        "yes_no": _("yes or no"),
        "date": _("date"),
        "choice": _("choice"),
    }
    return str(names.get(str(kind), kind))


def category_name(category: str) -> str:
    """How close a field comes to a person."""
    names = {
        "ordinary": _("ordinary"),
        "identifying": _("identifying"),
        "special": _("special (Article 9)"),
    }
    return str(names.get(str(category), category))


def basis_name(basis: str) -> str:
    """A legal basis with where it stands."""
    names = {
        "consent": _("Consent, Article 6(1)(a) GDPR"),
        "contract": _("Contract, Article 6(1)(b) GDPR"),
        "legal_obligation": _("Legal obligation, Article 6(1)(c) GDPR"),
        "vital_interest": _("Vital interests, Article 6(1)(d) GDPR"),
        "public_task": _("Public task, Article 6(1)(e) GDPR"),
        "legitimate_interest": _("Legitimate interests, Article 6(1)(f) GDPR"),
    }
    return str(names.get(str(basis), basis))


def kept_for(months: int | None) -> str:
    """How long a value is kept."""
    if months is None:
        return str(_("as long as the person is on record"))
    told = ngettext(
        "%(num)s month after the last consent has ended",
        "%(num)s months after the last consent has ended",
        months,
    )
    return str(told)
