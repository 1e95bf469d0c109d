"""Pages of segments: all, one, and the rule builder."""

from __future__ import annotations

import sqlalchemy as sa
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, Refused
from listmgr.lists.models import Purpose
from listmgr.lists.purposes import open_purposes
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right, may
from listmgr.search.reach import (
    Reach,
    reach,
)
from listmgr.segments import edit
from listmgr.segments.rules import Group, plainer
from listmgr.segments.sql import predicate
from listmgr.segments.validation import (
    askable,
    checked,
)
from listmgr.subscribers.models import Subscriber
from listmgr.web.language import language
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.segments.builder import (
    START,
    changed,
    fitted,
    tree_in,
)
from listmgr.web.studio.segments.labels import vocabulary
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.transactions import (
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)
from listmgr.web.translation import translate_error

SAMPLE = 5


@bp.get("/segments")
@requires(Right.SEE_SEGMENTS)
def segments() -> str:
    """List all segments; those the operator's role may not use only by name."""
    with read_only_transaction() as tx:
        usable = askable(tx.session, current_operator().role)
        words = vocabulary(tx.session, usable, language())
        rows = [
            (
                segment,
                words.short(edit.tree_of(segment)) if edit.is_open_to(segment, usable) else None,
            )
            for segment in edit.segments(tx.session)
        ]
        return render_template("studio/segments/all.html", rows=rows)


@bp.get("/segments/<key:segment_id>")
@requires(Right.SEE_SEGMENTS)
def segment_page(segment_id: int) -> str:
    """Show one segment: its rule, its reach, and where it is used."""
    with read_only_transaction() as tx:
        segment, usable = (
            edit.get_segment(tx.session, segment_id),
            askable(tx.session, current_operator().role),
        )
        tree = edit.tree_of(segment) if edit.is_open_to(segment, usable) else None
        return render_template(
            "studio/segments/one.html",
            segment=segment,
            rule=plainer(tree) if tree else None,
            words=vocabulary(tx.session, usable, language()),
            sample=_sample(tx.session, tree),
            uses=edit.uses(tx.session, segment_id),
            **_reached(tx.session, tree, request.args.get("purpose")),
        )


def _sample(session: Session, tree: Group | None) -> list[Subscriber]:
    """Return some people for roles that may see people (L-37)."""
    if tree is None or not may(current_operator().role, Right.SEE_SUBSCRIBERS):
        return []
    condition = predicate(tree)
    newest = (
        sa.text(
            "SELECT s.id FROM (SELECT * FROM subscribers ORDER BY id DESC LIMIT 5000) s"
            f" WHERE {condition.sql} ORDER BY s.id DESC LIMIT {SAMPLE}"
        ),
        dict(condition.binds),
    )
    ids = list(session.scalars(*newest))
    people = sa.select(Subscriber).where(Subscriber.id.in_(ids)).order_by(Subscriber.id.desc())
    return list(session.scalars(people))


def _reached(session: Session, tree: Group | None, asked: str | None) -> dict[str, object]:
    """Count the matching people with a consent to one purpose; None for an empty rule."""
    purposes = open_purposes(session)
    chosen = _chosen(purposes, parse_id(asked))
    count: Reach | None = None
    if chosen is not None and tree is not None:
        count = reach(session, services().settings, chosen.id, predicate(tree))
    return {"purposes": purposes, "chosen": chosen, "reached": count}


def _chosen(purposes: list[Purpose], asked: int | None) -> Purpose | None:
    return next(
        (purpose for purpose in purposes if purpose.id == asked), purposes[0] if purposes else None
    )


@bp.get("/segments/new")
@requires(Right.EDIT_SEGMENTS)
def new_segment() -> str:
    """Show an empty segment with a first rule."""
    return _editor(Group("all", (START,)), {"name": ""})


@bp.post("/segments/new")
@requires(Right.EDIT_SEGMENTS)
def create_segment() -> ResponseReturnValue:
    """Store the segment, or only change the rule being built."""
    tree, name, deed = tree_in(request.form), request.form.get("name", ""), _deed()
    if deed != "save":
        return _editor(changed(tree, deed), request.form)
    try:
        with write_transaction() as tx:
            who = current_operator()
            segment = edit.create(tx, name, tree, role=who.role, operator_id=who.id, at=now())
            log_audit(tx, AuditAction.SEGMENT_CREATED, segment.id)
    except InvalidInput as error:
        return _editor(tree, request.form, error.fields), 422
    return redirect(url_for("studio.segment_page", segment_id=segment.id), 303)


@bp.get("/segments/<key:segment_id>/edit")
@requires(Right.EDIT_SEGMENTS)
def edit_segment(segment_id: int) -> ResponseReturnValue:
    """Show the segment; read-only if it is locked for the role."""
    with read_only_transaction() as tx:
        segment = edit.get_segment(tx.session, segment_id)
        if not edit.is_open_to(segment, askable(tx.session, current_operator().role)):
            return redirect(url_for("studio.segment_page", segment_id=segment_id), 303)
        tree = edit.tree_of(segment)
    return _editor(
        tree, {"name": segment.name, "revision": segment.revision}, segment_id=segment_id
    )


@bp.post("/segments/<key:segment_id>/edit")
@requires(Right.EDIT_SEGMENTS)
def save_segment(segment_id: int) -> ResponseReturnValue:
    """Save it unless a colleague saved it meanwhile, or only change the rule being built."""
    tree, values, deed = tree_in(request.form), request.form, _deed()
    if deed != "save":
        return _editor(changed(tree, deed), values, segment_id=segment_id)
    revision = parse_id(values.get("revision")) or 0
    try:
        with write_transaction() as tx:
            name, role = values.get("name", ""), current_operator().role
            edit.save(tx, segment_id, name, tree, revision=revision, role=role, at=now())
            log_audit(tx, AuditAction.SEGMENT_EDITED, segment_id)
    except InvalidInput as error:
        return _editor(tree, values, error.fields, segment_id=segment_id), 422
    except edit.ChangedMeanwhile as error:
        return _editor(tree, _newer(segment_id), {"name": str(error)}, segment_id=segment_id), 409
    flash(_("Saved. Launched campaigns keep their original rule."))
    return redirect(url_for("studio.segment_page", segment_id=segment_id), 303)


@bp.post("/segments/<key:segment_id>/delete")
@requires(Right.EDIT_SEGMENTS)
def delete_segment(segment_id: int) -> ResponseReturnValue:
    """Delete it; if a campaign uses it, say which."""
    try:
        with write_transaction() as tx:
            edit.delete(tx, segment_id)
            log_audit(tx, AuditAction.SEGMENT_DELETED, segment_id)
    except Refused as error:
        flash(translate_error(error), "danger")
        return redirect(url_for("studio.segment_page", segment_id=segment_id), 303)
    flash(_("The segment has been deleted."))
    return redirect(url_for("studio.segments"), 303)


def _deed() -> str:
    return request.form.get("do", "save")


def _newer(segment_id: int) -> dict[str, object]:
    with read_only_transaction() as tx:
        segment = edit.get_segment(tx.session, segment_id)
    return dict(request.form) | {"revision": segment.revision}


def _editor(
    tree: Group,
    values: object,
    errors: dict[str, str] | None = None,
    *,
    segment_id: int | None = None,
) -> str:
    with read_only_transaction() as tx:
        usable = askable(tx.session, current_operator().role)
        try:
            whole: Group | None = checked(tree, usable)
        except InvalidInput:
            whole = None
        return render_template(
            "studio/segments/edit.html",
            tree=fitted(tree, usable),
            values=values,
            errors=errors or {},
            segment_id=segment_id,
            words=vocabulary(tx.session, usable, language()),
            **_reached(tx.session, whole, request.form.get("purpose")),
        )
