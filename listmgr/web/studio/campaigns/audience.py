"""A campaign's segments on its pages: choices, counts through the gate, and the rule in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from flask import render_template, request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from listmgr.campaigns.audience import audience, rule_of
from listmgr.campaigns.compose import Draft
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.context import services
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.operators.roles import Right
from listmgr.search.reach import (
    COUNTED,
    Reach,
    reach,
)
from listmgr.segments import edit
from listmgr.segments.rules import BrokenRule, plainer, read_tree
from listmgr.segments.validation import (
    Askable,
    askable,
    is_locked,
)
from listmgr.web.language import language
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.segments.labels import vocabulary
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.transactions import (
    parse_id,
    read_only_transaction,
)

CHOSEN = ("audience_segment_id", "exclusion_segment_id")


@bp.get("/campaigns/reach")
@requires(Right.SEE_CAMPAIGNS)
def campaign_reach() -> str:
    """Return the part of the form that counts the people of a purpose and two segments."""
    with read_only_transaction() as tx:
        offered = audience_offered(tx.session, request.args)
        return render_template("studio/campaigns/reach.html", **offered)


def reach_of(session: Session, campaign: Campaign, *, counted: int = COUNTED) -> Reach:
    """Count how many people a draft would go to now; 0 if its rule cannot be read."""
    try:
        among = audience(session, campaign)
    except BrokenRule:
        return Reach(0, exact=True, refused={})
    return reach(session, services().settings, campaign.purpose_id, among, counted=counted)


def audience_told(session: Session, campaign: Campaign) -> dict[str, object]:
    """Return its rule in words, as a launch would freeze it or as it was frozen."""
    usable = askable(session, current_operator().role)
    described: dict[str, object] = {"words": vocabulary(session, usable, language()), "rule": None}
    try:
        document = rule_of(session, campaign)
        tree = read_tree(document) if document is not None else None
    except BrokenRule:
        return described | {"locked": True}
    if tree is None:
        return described | {"locked": False}
    return described | {"rule": plainer(tree), "locked": is_locked(tree, usable)}


def audience_offered(session: Session, values: object) -> dict[str, object]:
    """Return the segments to choose from, and the count of the present choice."""
    typed = cast("Mapping[str, Any]", values)
    usable = askable(session, current_operator().role)
    every = edit.segments(session)
    offered = [segment for segment in every if edit.is_open_to(segment, usable)]
    chosen = {name: parse_id(str(typed.get(name) or "")) for name in CHOSEN}
    # What a colleague of another role has chosen stays chosen, and is called locked.
    offered += [
        segment for segment in every if segment.id in chosen.values() and segment not in offered
    ]
    return {
        "segments": offered,
        "locked_ids": {segment.id for segment in offered if not edit.is_open_to(segment, usable)},
        "chosen": chosen,
        "reached": _reached(session, usable, parse_id(str(typed.get("purpose_id") or "")), chosen),
    }


def _reached(
    session: Session, usable: Askable, purpose_id: int | None, chosen: Mapping[str, int | None]
) -> Reach | None:
    if purpose_id is None:
        return None
    picked = [
        edit.get_segment(session, segment) for segment in chosen.values() if segment is not None
    ]
    if not all(edit.is_open_to(segment, usable) for segment in picked):
        return None
    like = Campaign(status=CampaignStatus.DRAFT, purpose_id=purpose_id, **chosen)
    return reach_of(session, like)


def refuse_locked(session: Session, draft: Draft, present: Campaign | None = None) -> None:
    """Raise InvalidInput if the operator newly chose a segment their role may not use."""
    usable = askable(session, current_operator().role)
    wrong = {}
    for name in CHOSEN:
        chosen = getattr(draft, name)
        if chosen is None or (present is not None and chosen == getattr(present, name)):
            continue
        if not edit.is_open_to(edit.get_segment(session, chosen), usable):
            wrong[name] = _("This segment uses a field your role does not include.")
    if wrong:
        raise InvalidInput(N_("Please correct the marked fields."), wrong)
