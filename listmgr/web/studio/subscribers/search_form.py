"""The search of subscribers, read from the page's URL and shown as chips.

A search belongs to its page: it is in the URL, in links that lead on and in forms that act on it,
and nowhere else (decision 0068).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import ConsentSource
from listmgr.context import services
from listmgr.kit.errors import InvalidInput
from listmgr.lists.models import MailingList
from listmgr.search.results import (
    MAX_QUERY,
    SubscriberQuery,
)
from listmgr.subscribers.field_catalogue import (
    CatalogueField,
    visible_fields,
)
from listmgr.web.language import language
from listmgr.web.studio.filters import (
    day,
    language_name,
    source_name,
    station,
)
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.transactions import parse_id


@dataclass(frozen=True, slots=True)
class Filters:
    """The form's fields as typed; "" is no filter."""

    query: str = ""
    tag: str = ""
    field: str = ""
    value: str = ""
    list: str = ""
    status: str = ""
    source: str = ""
    since: str = ""
    until: str = ""

    @property
    def link(self) -> dict[str, Any]:
        """Return the query parameters of this search."""
        return {name: value for name, value in asdict(self).items() if value}

    def without(self, chip: str) -> dict[str, Any]:
        """Return the query parameters of this search without one of its chips."""
        dropped = {"field", "value"} if chip == "field" else {chip}
        return {name: value for name, value in self.link.items() if name not in dropped}


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """The filters with their meaning, their chips, and what is invalid."""

    filters: Filters
    query: SubscriberQuery
    chips: dict[str, str]
    problem: str

    @property
    def is_partial(self) -> bool:
        """Whether a filter was not understood, so that more people match."""
        names = {"field" if name == "value" else name for name in self.filters.link}
        return not names - ({"field"} if not self.filters.value else set()) <= set(self.chips)


def asked(opened: Session) -> SearchRequest:
    """Return what this page's URL asks for."""
    names = asdict(Filters())
    filters = Filters(**{name: _typed(request.args.get(name, "")) for name in names})
    field = _field(opened, filters)
    value, problem = _value(field, filters.value)
    query = SubscriberQuery(
        query=filters.query,
        list_id=parse_id(filters.list),
        status=ConsentStatus(filters.status) if filters.status in set(ConsentStatus) else None,
        source=ConsentSource(filters.source) if filters.source in set(ConsentSource) else None,
        tag=filters.tag,
        field=field,
        value=value,
        since=_day(filters.since, 0),
        until=_day(filters.until, 1),
    )
    return SearchRequest(filters, query, chips(opened, query), problem)


def _typed(text: str) -> str:
    """Return one filter as typed, without NUL, which PostgreSQL rejects."""
    return text.replace("\0", "").strip()[:MAX_QUERY]


def _field(opened: Session, filters: Filters) -> CatalogueField | None:
    """Return a field the operator may see; others cannot be searched."""
    if not filters.field:
        return None
    fields = visible_fields(opened, current_operator().role)
    return next((field for field in fields if field.key == filters.field), None)


def _value(field: CatalogueField | None, typed: str) -> tuple[str, str]:
    if field is None or not typed:
        return "", ""
    try:
        return (typed if field.key == "email" else field.parse(typed)), ""
    except InvalidInput as error:
        return "", str(error)


def _day(typed: str, later: int) -> datetime | None:
    """Return the beginning of a day, or of the next one, in the operators' time zone."""
    try:
        begins = date.fromisoformat(typed) + timedelta(days=later)
        return datetime.combine(begins, time(), ZoneInfo(services().settings.timezone))
    except (ValueError, OverflowError):
        return None


def chips(opened: Session, query: SubscriberQuery) -> dict[str, str]:
    """Return the filters in words, by name."""
    words = {"query": _("“%(query)s”", query=query.query) if query.query else ""}
    words["tag"] = _("tag: %(tag)s", tag=query.tag) if query.tag else ""
    if query.field is not None and query.value:
        words["field"] = _field_words(opened, query.field, query.value)
    if query.list_id is not None:
        mailing_list = opened.get(MailingList, query.list_id)
        words["list"] = mailing_list.name if mailing_list else _("a list that is not there")
    words["status"] = station(query.status) if query.status else ""
    words["source"] = source_name(query.source) if query.source else ""
    words["since"] = _("since %(day)s", day=day(query.since)) if query.since else ""
    last = query.until - timedelta(days=1) if query.until else None
    words["until"] = _("until %(day)s", day=day(last)) if last else ""
    return {name: text for name, text in words.items() if text}


def _field_words(opened: Session, field: CatalogueField, value: str) -> str:
    """Return the field with its value, for roles that may see it."""
    if field.key not in {
        visible.key for visible in visible_fields(opened, current_operator().role)
    }:
        return str(_("a field your role may not see"))
    shown = language_name(value) if field.key == "language" else field.show(value, language())
    return f"{field.label(language())}: {shown}"
