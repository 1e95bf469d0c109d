"""What an operator searches subscribers by: read from a form, kept, shown as chips."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import request, session
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.models import ConsentSource
from listmgr.consent.roster import MAX_QUERY, Wanted
from listmgr.kit.errors import InvalidInput
from listmgr.lists.models import MailingList
from listmgr.subscribers.fields import CatalogueField, visible_fields
from listmgr.web.context import services
from listmgr.web.language import language
from listmgr.web.studio.acting import as_number
from listmgr.web.studio.session import operator
from listmgr.web.studio.show import source_name, station

# What tells of a person is kept in the operator's own cookie: in the address of the page it would
# stand in the browser's history and in the log of every proxy.
_KEPT = "subscribers_query"
_TOLD = ("query", "tag", "field", "value")


@dataclass(frozen=True, slots=True)
class Filters:
    """The fields of the form as they were typed; "" where nothing is asked."""

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
        """What may stand in a link."""
        return {name: value or None for name, value in asdict(self).items() if name not in _TOLD}


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters with what they mean, how they are shown, and what is wrong with one."""

    filters: Filters
    wanted: Wanted
    chips: dict[str, str]
    problem: str


def sent_filters() -> Filters:
    """What the form sent; the chip that was clicked away is left out."""
    told = {name: request.form.get(name, "").strip() for name in asdict(Filters())}
    told["query"] = told["query"][:MAX_QUERY]
    found = Filters(**{name: value[:MAX_QUERY] for name, value in told.items()})
    without = request.form.get("without", "")
    dropped = {"field", "value"} if without == "field" else {without} & set(told)
    return replace(found, **dict.fromkeys(dropped, ""))


def keep(filters: Filters) -> None:
    """Remember what must not stand in a link."""
    session[_KEPT] = {name: getattr(filters, name) for name in _TOLD}


def asked(opened: Session) -> Asked:
    """What this page was asked for, by its link and the operator's cookie."""
    kept = session.get(_KEPT)
    told = {name: request.args.get(name, "") for name in asdict(Filters())} | dict.fromkeys(
        _TOLD, ""
    )
    if isinstance(kept, dict):
        told |= {name: str(kept.get(name, "")) for name in _TOLD}
    filters = Filters(**told)
    field = _field(opened, filters)
    value, problem = _value(field, filters.value)
    wanted = Wanted(
        query=filters.query,
        list_id=as_number(filters.list),
        status=ConsentStatus(filters.status) if filters.status in set(ConsentStatus) else None,
        source=ConsentSource(filters.source) if filters.source in set(ConsentSource) else None,
        tag=filters.tag,
        field=field,
        value=value,
        since=_day(filters.since, 0),
        until=_day(filters.until, 1),
    )
    return Asked(filters, wanted, _chips(opened, wanted, filters), problem)


def _field(opened: Session, filters: Filters) -> CatalogueField | None:
    """A field the operator may see; of any other nothing can be asked."""
    if not filters.field:
        return None
    fields = visible_fields(opened, operator().role)
    return next((field for field in fields if field.key == filters.field), None)


def _value(field: CatalogueField | None, typed: str) -> tuple[str, str]:
    if field is None or not typed:
        return "", ""
    try:
        return (typed if field.key == "email" else field.parse(typed)), ""
    except InvalidInput as error:
        return "", str(error)


def _day(typed: str, later: int) -> datetime | None:
    """The beginning of a day, or of the one after it, where the operators are."""
    try:
        day = date.fromisoformat(typed) + timedelta(days=later)
        return datetime.combine(day, time(), ZoneInfo(services().settings.timezone))
    except (ValueError, OverflowError):
        return None


def _chips(opened: Session, wanted: Wanted, filters: Filters) -> dict[str, str]:
    shown = {"query": filters.query, "tag": _("tag: %(tag)s", tag=wanted.tag) if wanted.tag else ""}
    if wanted.field is not None and wanted.value:
        told = wanted.field.show(wanted.value, language())
        shown["field"] = f"{wanted.field.label(language())}: {told}"
    if wanted.list_id is not None:
        found = opened.get(MailingList, wanted.list_id)
        shown["list"] = found.name if found else _("a list that is not there")
    shown["status"] = station(wanted.status) if wanted.status else ""
    shown["source"] = source_name(wanted.source) if wanted.source else ""
    shown["since"] = _("since %(day)s", day=filters.since) if wanted.since else ""
    shown["until"] = _("until %(day)s", day=filters.until) if wanted.until else ""
    return {name: words for name, words in shown.items() if words}
