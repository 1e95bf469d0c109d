"""Whom an operator means: the people ticked, everybody found by the search, or a segment.

It stands in the address of the page as numbers; what was searched for stays in the own cookie.
"""

from __future__ import annotations

from typing import Any

from flask import request
from sqlalchemy.orm import Session

from listmgr.consent import counting, roster
from listmgr.consent.counting import Count
from listmgr.consent.search import Wanted
from listmgr.segments.keep import tree_of
from listmgr.segments.predicate import predicate
from listmgr.selections.gather import Chosen, check_segment
from listmgr.selections.models import SelectionKind
from listmgr.web.studio.acting import as_number
from listmgr.web.studio.searching import asked
from listmgr.web.studio.session import operator


def chosen(session: Session) -> Chosen:
    """What the address of this page says."""
    scope = request.args.get("scope", "")
    kind = SelectionKind(scope) if scope in set(SelectionKind) else SelectionKind.FOUND
    ids = (as_number(told) for told in request.args.getlist("id"))
    return Chosen(
        kind=kind,
        ids=tuple(number for number in ids if number),
        wanted=asked(session).wanted,
        segment_id=as_number(request.args.get("segment")),
    )


def how_many(session: Session, people: Chosen) -> Count:
    """How many that are; an estimate where counting would take long."""
    if people.kind is SelectionKind.TICKED:
        return Count(len(set(people.ids)), exact=True)
    if people.kind is SelectionKind.SEGMENT:
        segment = check_segment(session, people.segment_id, operator().role)
        return counting.count_all(session, predicate(tree_of(segment)))
    return found_by(session, people.wanted, roster.known_total(session, people.wanted))


def found_by(session: Session, wanted: Wanted, total: int | None) -> Count:
    """How many a search finds; nobody counts or estimates where the look for a page has told."""
    if total is not None:
        return Count(total, exact=True)
    return counting.count(session, wanted)


def back(session: Session) -> dict[str, Any]:
    """The way back to the search, as parts of its link."""
    return asked(session).filters.link
