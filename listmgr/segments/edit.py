"""Create, change and delete segments, unless a campaign still needs one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.operators.models import Role
from listmgr.segments.models import Segment
from listmgr.segments.rules import BrokenRule, Group, document_of, read_tree
from listmgr.segments.validation import (
    Askable,
    askable,
    checked,
    is_locked,
)


@dataclass(frozen=True, slots=True)
class Use:
    """A campaign that uses a segment."""

    campaign_id: int
    name: str
    status: str

    @property
    def needs_it(self) -> bool:
        """Whether the campaign would lose its audience; a finished one has its rule frozen."""
        return self.status not in {"finished", "cancelled"}


class ChangedMeanwhile(Refused):
    """Somebody else saved the segment since it was opened; nothing of either is lost."""


def create(
    tx: Transaction, name: str, tree: Group, *, role: Role, operator_id: int, at: datetime
) -> Segment:
    """Create a segment. Raises InvalidInput with a message for the name and for each rule."""
    checked_name, rule = _checked_form(tx, name, tree, role, None)
    segment = Segment(
        name=checked_name,
        rule=document_of(rule),
        revision=1,
        created_by=operator_id,
        created_at=at,
        changed_at=at,
    )
    tx.session.add(segment)
    tx.session.flush()
    return segment


def save(
    tx: Transaction,
    segment_id: int,
    name: str,
    tree: Group,
    *,
    revision: int,
    role: Role,
    at: datetime,
) -> Segment:
    """Change it; launched campaigns keep the rule they were launched with.

    Raises Refused if it uses a field the role may not see, or was changed meanwhile.
    """
    segment = _locked(tx, segment_id)
    if is_locked(tree_of(segment), askable(tx.session, role)):
        raise Refused(N_("This segment uses a field your role does not include."))
    if segment.revision != revision:
        raise ChangedMeanwhile(
            N_(
                "Somebody else saved this segment meanwhile. Yours is kept below; "
                "save again to replace theirs."
            )
        )
    segment.name, rule = _checked_form(tx, name, tree, role, segment_id)
    segment.rule = document_of(rule)
    segment.revision += 1
    segment.changed_at = at
    return segment


def delete(tx: Transaction, segment_id: int) -> None:
    """Delete it. Raises Refused while a campaign needs it (`uses` tells which)."""
    segment = _locked(tx, segment_id)
    if any(use.needs_it for use in uses(tx.session, segment_id)):
        raise Refused(
            N_(
                "This segment is used by campaigns that are not over. "
                "Choose another for them first."
            )
        )
    for role in ("audience", "exclusion"):
        tx.session.execute(
            sa.text(
                f"UPDATE campaigns SET {role}_segment_id = NULL WHERE {role}_segment_id = :segment"
            ),
            {"segment": segment_id},
        )
    tx.session.delete(segment)


def uses(session: Session, segment_id: int) -> list[Use]:
    """Return the campaigns that use it, newest first."""
    rows = session.execute(
        sa.text(
            "SELECT id, name, status FROM campaigns"
            " WHERE audience_segment_id = :segment OR exclusion_segment_id = :segment"
            " ORDER BY id DESC LIMIT 100"
        ),
        {"segment": segment_id},
    )
    return [Use(*row) for row in rows]


def segments(session: Session) -> list[Segment]:
    """Return all segments by name."""
    order = (sa.func.lower(Segment.name), Segment.id)
    return list(session.scalars(sa.select(Segment).order_by(*order)))


def get_segment(session: Session, segment_id: int) -> Segment:
    """Return the segment. Raises NotFound."""
    segment = session.get(Segment, segment_id)
    if segment is None:
        raise NotFound(N_("There is no such segment."))
    return segment


def tree_of(segment: Segment) -> Group:
    """Return its rule. Raises BrokenRule."""
    return read_tree(segment.rule)


def is_open_to(segment: Segment, usable: Askable) -> bool:
    """Whether somebody who may use only the fields in `known` may view and use it."""
    try:
        return not is_locked(tree_of(segment), usable)
    except BrokenRule:
        return False


def _locked(tx: Transaction, segment_id: int) -> Segment:
    segment = tx.session.get(Segment, segment_id, with_for_update=True, populate_existing=True)
    if segment is None:
        raise NotFound(N_("There is no such segment."))
    return segment


def _checked_form(
    tx: Transaction, name: str, tree: Group, role: Role, segment_id: int | None
) -> tuple[str, Group]:
    typed = Validator()
    line = typed.line("name", name, missing=N_("Give the segment a name."), limit=100)
    same = sa.select(Segment.id).where(Segment.name == line, Segment.id != (segment_id or 0))
    if line and tx.session.scalars(same).first() is not None:
        typed.wrong["name"] = N_("There is a segment with this name.")
    try:
        rule = checked(tree, askable(tx.session, role))
    except InvalidInput as error:
        typed.wrong |= error.fields
        rule = tree
    typed.done()
    return line, rule
