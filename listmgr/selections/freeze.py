"""Freeze the chosen people in resumable steps until all are stored in chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.sql_condition import Predicate
from listmgr.kit.transaction import Transaction
from listmgr.operators.models import Role
from listmgr.search.conditions import (
    SubscriberQuery,
    predicate,
)
from listmgr.segments.edit import (
    get_segment,
    is_open_to,
    tree_of,
)
from listmgr.segments.models import Segment
from listmgr.segments.sql import predicate as segment_predicate
from listmgr.segments.validation import askable
from listmgr.selections.models import Selection, SelectionChunk, SelectionKind
from listmgr.selections.search_codec import (
    as_kept,
    restored,
)
from listmgr.subscribers.models import Subscriber

# Ids in a chunk, which is what one transaction works through; and chunks gathered at a time.
CHUNK = 1000
BATCH = 50
MOST_TICKED = 10_000


@dataclass(frozen=True, slots=True)
class SelectionRequest:
    """An operator's choice: ticked people, a search, or a segment."""

    kind: SelectionKind
    ids: tuple[int, ...] = ()
    search: SubscriberQuery = field(default_factory=SubscriberQuery)
    segment_id: int | None = None


def begin(tx: Transaction, chosen: SelectionRequest, *, role: Role, at: datetime) -> Selection:
    """Start to freeze a choice. Raises InvalidInput if it cannot contain anyone.

    Raises Refused if the segment uses fields the role may not see, NotFound if it does not exist.
    """
    if chosen.kind is SelectionKind.SEGMENT:
        check_segment(tx.session, chosen.segment_id, role)
    if chosen.kind is SelectionKind.TICKED and not 0 < len(chosen.ids) <= MOST_TICKED:
        raise InvalidInput(N_("Tick people, or choose everyone found."))
    last = tx.session.scalar(sa.select(sa.func.coalesce(sa.func.max(Subscriber.id), 0)))
    selection = Selection(
        kind=chosen.kind,
        search=_as_kept(chosen),
        segment_id=chosen.segment_id,
        position=0,
        last=last or 0,
        chunks=0,
        people=0,
        created_at=at,
    )
    tx.session.add(selection)
    tx.session.flush()
    return selection


def check_segment(session: Session, segment_id: int | None, role: Role) -> Segment:
    """Return the segment. Raises NotFound, or Refused if it uses fields the role may not see."""
    segment = get_segment(session, segment_id or 0)
    if not is_open_to(segment, askable(session, role)):
        raise Refused(N_("This segment uses fields your role may not see."))
    return segment


def gather(tx: Transaction, selection: Selection, *, at: datetime) -> list[int]:
    """Store the next people in chunks and return their ids; the last step completes the
    selection.
    """
    ids = _next(tx.session, selection, CHUNK * BATCH)
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        chunk = SelectionChunk(selection_id=selection.id, n=selection.chunks, ids=some)
        tx.session.add(chunk)
        selection.chunks += 1
    selection.people += len(ids)
    selection.position = ids[-1] if ids else selection.last
    if len(ids) < CHUNK * BATCH:
        selection.gathered_at = at
    tx.session.flush()
    return ids


def forget_words(tx: Transaction) -> None:
    """Delete the search terms of completed selections, since they may describe a person."""
    tx.session.execute(
        sa.update(Selection)
        .where(Selection.gathered_at.is_not(None), Selection.search != {})
        .values(search={})
    )


def chunk_ids(session: Session, selection_id: int, n: int) -> list[int]:
    """Return the ids of one chunk."""
    chunk = session.get(SelectionChunk, (selection_id, n))
    return list(chunk.ids) if chunk else []


def _next(session: Session, selection: Selection, limit: int) -> list[int]:
    try:
        people = _predicate(session, selection)
    except NotFound:
        # What they were chosen by is there no more: rather nobody than everybody.
        return []
    statement = sa.text(
        f"SELECT s.id FROM subscribers s WHERE s.id > :after AND s.id <= :last AND ({people.sql})"
        " ORDER BY s.id LIMIT :limit"
    )
    more = {"after": selection.position, "last": selection.last, "limit": limit}
    return list(session.scalars(statement, {**people.binds, **more}))


def _predicate(session: Session, selection: Selection) -> Predicate:
    if selection.kind is SelectionKind.TICKED:
        return Predicate("s.id = ANY(:ids)", {"ids": selection.search["ids"]})
    if selection.kind is SelectionKind.SEGMENT:
        return segment_predicate(tree_of(get_segment(session, selection.segment_id or 0)))
    return predicate(restored(session, selection.search))


def _as_kept(chosen: SelectionRequest) -> dict[str, Any]:
    if chosen.kind is SelectionKind.TICKED:
        return {"ids": sorted(set(chosen.ids))}
    return as_kept(chosen.search) if chosen.kind is SelectionKind.FOUND else {}


def contains(session: Session, selection_id: int, ids: Sequence[int]) -> bool:
    """Whether the selection contains one of `ids`."""
    query = sa.select(SelectionChunk.n).where(
        SelectionChunk.selection_id == selection_id, SelectionChunk.ids.overlap(list(ids))
    )
    return session.scalars(query.limit(1)).first() is not None
