"""Rules of segments in words, and the choices to build them from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from flask_babel import gettext
from sqlalchemy.orm import Session

from listmgr.campaigns.models import Campaign
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import ConsentSource
from listmgr.kit.i18n import N_
from listmgr.lists.models import MailingList, Purpose
from listmgr.segments.rules import OPERATORS, Group, Node, Rule
from listmgr.segments.validation import Askable
from listmgr.web.labels import named
from listmgr.web.studio.filters import (
    source_name,
    station,
)


def _(text: str, **values: str) -> str:
    return str(gettext(text, **values))


Options = Sequence[tuple[str, str]]
CAMPAIGNS = 200


# How something is compared.
operator_words = named(
    {
        "is": N_("is"),
        "is_not": N_("is not"),
        "contains": N_("contains"),
        "contains_not": N_("does not contain"),
        "begins": N_("begins with"),
        "filled": N_("is filled in"),
        "empty": N_("is empty"),
        "at_least": N_("is at least"),
        "at_most": N_("is at most"),
        "on_or_after": N_("is on or after"),
        "before": N_("is before"),
        "last_days": N_("is within the last … days"),
        "older_days": N_("is at least … days ago"),
        "yes": N_("is yes"),
        "no": N_("is no"),
        "has": N_("has"),
        "has_not": N_("has not"),
        "received": N_("received"),
        "not_received": N_("did not receive"),
        "failed": N_("could not be reached by"),
    }
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything rules consist of, with labels for this operator."""

    usable: Askable
    language: str
    places: Mapping[str, str]
    campaigns: Mapping[str, str]

    @property
    def whats(self) -> Options:
        """Return what a rule can be about."""
        fields = self.usable.fields.values()
        return [
            ("tag", _("Tag")),
            ("consent", _("Consent")),
            ("campaign", _("Campaign")),
            ("source", _("Source")),
            ("known", _("Known to us since")),
            *((f"field:{field.key}", self._field_name(field.key)) for field in fields),
        ]

    @staticmethod
    def group(kind: str) -> str:
        """Return how the rules of a group combine."""
        return {
            "all": _("all of these"),
            "any": _("at least one of these"),
            "none": _("none of these"),
        }[kind]

    def ops(self, rule: Rule) -> Options:
        """Return a rule's operators."""
        return [(op, operator_words(op)) for op in OPERATORS.get(rule.topic, ())]

    def choices(self, rule: Rule) -> Options:
        """Return the values to choose from; empty if they are typed."""
        if rule.what == "campaign":
            return [("", _("choose …")), *self.campaigns.items()]
        if rule.what == "consent":
            return [("", _("any status")), *((item, station(item)) for item in ConsentStatus)]
        if rule.what == "source":
            return [(item.value, source_name(item)) for item in ConsentSource]
        field = self.usable.fields.get(rule.field)
        if field is None or not field.choices:
            return []
        return [("", _("choose …")), *((item, item) for item in field.choices)]

    def _field_name(self, key: str) -> str:
        field = self.usable.fields[key]
        return _("Domain of the address") if key == "email" else field.label(self.language)

    def sentence(self, rule: Rule) -> str:
        """Describe one rule; reveal nothing of fields the operator may not see."""
        if rule.what == "consent":
            return self._of_consent(rule)
        if rule.field and rule.field not in self.usable.fields:
            return _("a rule about a field your role does not include")
        what = dict(self.whats)[rule.what]
        if rule.op in {"last_days", "older_days"}:
            return f"{what} {operator_words(rule.op).replace('…', rule.value)}"
        if rule.what == "campaign":
            return f"{operator_words(rule.op)} {self._campaign(rule.value)}"
        value = dict(self.choices(rule)).get(rule.value, rule.value)
        return f"{what} {operator_words(rule.op)} {value}".rstrip()

    def _campaign(self, number: str) -> str:
        name = self.campaigns.get(number)
        return f"„{name}“" if name else _("campaign %(number)s", number=number)

    def _of_consent(self, rule: Rule) -> str:
        words = _("has a consent") if rule.op == "has" else _("has no consent")
        if rule.place:
            where = self.places.get(rule.place, _("a list that is not there"))
            words += " " + _("to %(what)s", what=where)
        if rule.value:
            words += ", " + station(rule.value)
        return words + (", " + _("since %(day)s", day=rule.since) if rule.since else "")

    def short(self, node: Node) -> str:
        """Describe a whole tree in one line."""
        if isinstance(node, Rule):
            return self.sentence(node)
        mark = _("and") if node.kind == "all" else _("or")
        joined = f" {mark} ".join(
            f"({self.short(member)})"
            if isinstance(member, Group) and len(member.members) > 1
            else self.short(member)
            for member in node.members
        )
        return _("not: %(rules)s", rules=joined) if node.kind == "none" else joined


def vocabulary(session: Session, usable: Askable, language: str) -> Vocabulary:
    """Load the choices; of campaigns the 200 most recently launched."""
    lists = session.execute(
        sa.select(MailingList.id, MailingList.name).order_by(sa.func.lower(MailingList.name))
    ).all()
    purposes = session.scalars(sa.select(Purpose).order_by(Purpose.list_id, Purpose.id)).all()
    names = {int(row[0]): str(row[1]) for row in lists}
    places = {f"list:{key}": name for key, name in names.items()}
    places |= {
        f"purpose:{purpose.id}": f"{names[purpose.list_id]} · {purpose.name(language)}"
        for purpose in purposes
    }
    campaigns = session.execute(
        sa.select(Campaign.id, Campaign.name)
        .where(Campaign.launched_at.is_not(None))
        .order_by(Campaign.id.desc())
        .limit(CAMPAIGNS)
    )
    launched = {str(key): name for key, name in campaigns}
    ordered = dict(sorted(places.items(), key=lambda item: item[1].casefold()))
    return Vocabulary(usable, language, ordered, launched)
