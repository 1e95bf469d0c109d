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
    known = askable(session, current_operator().role)
    told: dict[str, object] = {"words": vocabulary(session, known, language()), "rule": None}
    try:
        document = rule_of(session, campaign)
        tree = read_tree(document) if document is not None else None
    except BrokenRule:
        return told | {"locked": True}
    if tree is None:
        return told | {"locked": False}
    return told | {"rule": plainer(tree), "locked": is_locked(tree, known)}


def audience_offered(session: Session, values: object) -> dict[str, object]:
    """Return the segments to choose from, and the count of the present choice."""
    told = cast("Mapping[str, Any]", values)
    known = askable(session, current_operator().role)
    every = edit.segments(session)
    offered = [one for one in every if edit.is_open_to(one, known)]
    chosen = {name: parse_id(str(told.get(name) or "")) for name in CHOSEN}
    # What a colleague of another role has chosen stays chosen, and is called locked.
    offered += [one for one in every if one.id in chosen.values() and one not in offered]
    return {
        "segments": offered,
        "locked_ids": {one.id for one in offered if not edit.is_open_to(one, known)},
        "chosen": chosen,
        "reached": _reached(session, known, parse_id(str(told.get("purpose_id") or "")), chosen),
    }


def _reached(
    session: Session, known: Askable, purpose_id: int | None, chosen: Mapping[str, int | None]
) -> Reach | None:
    if purpose_id is None:
        return None
    picked = [edit.get_segment(session, one) for one in chosen.values() if one is not None]
    if not all(edit.is_open_to(one, known) for one in picked):
        return None
    like = Campaign(status=CampaignStatus.DRAFT, purpose_id=purpose_id, **chosen)
    return reach_of(session, like)


def refuse_locked(session: Session, draft: Draft, present: Campaign | None = None) -> None:
    """Raise InvalidInput if the operator newly chose a segment their role may not use."""
    known = askable(session, current_operator().role)
    wrong = {}
    for name in CHOSEN:
        chosen = getattr(draft, name)
        if chosen is None or (present is not None and chosen == getattr(present, name)):
            continue
        if not edit.is_open_to(edit.get_segment(session, chosen), known):
            wrong[name] = _("This segment asks about a field your role does not include.")
    if wrong:
        raise InvalidInput(N_("Please correct the marked fields."), wrong)
