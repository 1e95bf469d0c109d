"""Labels of the field catalogue's enums: kinds, categories, legal bases."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _
from flask_babel import ngettext

from listmgr.kit.i18n import N_
from listmgr.web.labels import named


def init_app(app: Flask) -> None:
    """Register the template filters."""
    app.jinja_env.filters.update(
        kind_name=kind_name, category_name=category_name, basis_name=basis_name, kept_for=kept_for
    )


# What a value of a field is.
kind_name = named(
    {
        "text": N_("text"),
        "number": N_("number"),
        "yes_no": N_("yes or no"),
        "date": N_("date"),
        "choice": N_("choice"),
    }
)

# How close a field comes to a person.
category_name = named(
    {
        "ordinary": N_("ordinary"),
        "identifying": N_("identifying"),
        "special": N_("special (Article 9)"),
    }
)

# A legal basis with where it stands.
basis_name = named(
    {
        "consent": N_("Consent, Article 6(1)(a) GDPR"),
        "contract": N_("Contract, Article 6(1)(b) GDPR"),
        "legal_obligation": N_("Legal obligation, Article 6(1)(c) GDPR"),
        "vital_interest": N_("Vital interests, Article 6(1)(d) GDPR"),
        "public_task": N_("Public task, Article 6(1)(e) GDPR"),
        "legitimate_interest": N_("Legitimate interests, Article 6(1)(f) GDPR"),
    }
)


def kept_for(months: int | None) -> str:
    """Describe how long a value is kept."""
    if months is None:
        return str(_("as long as the person is on record"))
    text = ngettext(
        "%(num)s month after the last consent has ended",
        "%(num)s months after the last consent has ended",
        months,
    )
    return str(text)
