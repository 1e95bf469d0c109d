"""The people an action concerns: ticked ones, the results of a search, or a segment.

All of it is in the page's URL, and the page describes it in words. A form that acts on them carries
the number it has shown: if there are more or fewer by then, it asks again.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.kit.i18n import (
    N_,
    lazy_message,
)
from listmgr.search import (
    counts,
    results,
)
from listmgr.search.conditions import SubscriberQuery
from listmgr.search.counts import Count
from listmgr.segments.edit import get_segment as find_segment
from listmgr.segments.edit import tree_of
from listmgr.segments.sql import predicate
from listmgr.selections.freeze import (
    SelectionRequest,
    check_segment,
)
from listmgr.selections.models import Selection, SelectionKind
from listmgr.selections.search_codec import restored
from listmgr.subscribers.models import Subscriber
from listmgr.web.studio.filters import number as shown_number
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.subscribers.search_form import (
    asked,
    chips,
)
from listmgr.web.studio.transactions import parse_id

# What a form sends instead of a number that was estimated.
_ABOUT = "about"
NOBODY_CHOSEN = N_("Search or tick people first, then choose what to do with them.")


def choose_first() -> ResponseReturnValue:
    """Redirect a URL that names nobody, as after a sign-in, to the list of people."""
    flash(_(NOBODY_CHOSEN), "danger")
    return redirect(url_for("studio.subscribers"), 303)


def chosen(session: Session) -> SelectionRequest:
    """Return the people this page's URL names. Raises Refused if it is incomplete.

    A URL that lost its search would otherwise mean everybody.
    """
    scope = request.args.get("scope", "")
    if scope not in set(SelectionKind):
        raise Refused(NOBODY_CHOSEN)
    search = asked(session)
    if search.is_partial:
        raise Refused(N_("We did not understand one filter of this search. Search again."))
    ids = (parse_id(text) for text in request.args.getlist("id"))
    return SelectionRequest(
        kind=SelectionKind(scope),
        ids=tuple(number for number in ids if number),
        search=search.query,
        segment_id=parse_id(request.args.get("segment")),
    )


def how_many(session: Session, people: SelectionRequest) -> Count:
    """Count them; estimate if counting takes too long."""
    if people.kind is SelectionKind.TICKED:
        there = sa.select(sa.func.count()).where(Subscriber.id.in_(people.ids))
        return Count(session.scalar(there) or 0, exact=True)
    if people.kind is SelectionKind.SEGMENT:
        segment = check_segment(session, people.segment_id, current_operator().role)
        return counts.count_all(session, predicate(tree_of(segment)))
    return found_by(session, people.search, results.known_total(session, people.search))


def found_by(session: Session, query: SubscriberQuery, total: int | None) -> Count:
    """Count a search's people, without counting or estimating if the page's query told."""
    if total is not None:
        return Count(total, exact=True)
    return counts.count(session, query)


def described(session: Session, people: SelectionRequest) -> str:
    """Describe the people an action concerns, in words that follow their number."""
    if people.kind is SelectionKind.TICKED:
        return str(_("ticked people"))
    if people.kind is SelectionKind.SEGMENT:
        segment = find_segment(session, people.segment_id or 0)
        return str(_("of the segment “%(name)s”", name=segment.name))
    filters = ", ".join(chips(session, people.search).values())
    return str(_("found by %(filters)s", filters=filters) if filters else _("everyone"))


def described_selection(session: Session, selection: Selection | None) -> str:
    """Describe frozen people; "" if the search terms were deleted."""
    if selection is None or (not selection.search and selection.kind is not SelectionKind.SEGMENT):
        return ""
    try:
        by_search = selection.kind is SelectionKind.FOUND
        query = restored(session, selection.search) if by_search else SubscriberQuery()
        return described(
            session, SelectionRequest(selection.kind, search=query, segment_id=selection.segment_id)
        )
    except NotFound:
        return ""


def as_sent(count: Count) -> str:
    """Return a number of people as a form carries it."""
    return str(count.number) if count.exact else _ABOUT


def check_count(session: Session, people: SelectionRequest) -> None:
    """Count again before an action. Raises InvalidInput if the number differs from the one
    shown.
    """
    count, sent = how_many(session, people), request.form.get("count", "")
    if sent == as_sent(count):
        return
    raise InvalidInput("", {"count": changed_count(sent, count.number)})


def changed_count(sent: str, number: int) -> str:
    """Return the message if a form was sent with a different number of people."""
    before = parse_id(sent)
    if before is None:
        return N_("Check the number of people, then send it again. Nothing has been done.")
    return lazy_message(
        N_(
            "The number of people has changed since this page was opened: it was "
            "%(before)s and is now %(now)s. Nothing has been done. Check it and send "
            "it again."
        ),
        before=shown_number(before),
        now=shown_number(number),
    )


def back(session: Session) -> dict[str, Any]:
    """Return the query parameters that lead back to the search."""
    return asked(session).filters.link
