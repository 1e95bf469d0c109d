"""Actions of staff on one person's record: correct, restrict, merge, change address."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from listmgr.consent import (
    change_address as consent_change_address,
)
from listmgr.consent import (
    merge_subscribers,
    staff_requests,
)
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.privacy import erasure
from listmgr.privacy.data_export import file_of_subscriber
from listmgr.search import results
from listmgr.subscribers import restriction
from listmgr.subscribers.field_assignment import (
    set_values,
    value_of,
)
from listmgr.subscribers.field_catalogue import (
    CatalogueField,
    FieldKind,
    visible_fields,
)
from listmgr.subscribers.models import Subscriber
from listmgr.web.data_export_response import own_data_file
from listmgr.web.language import language
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.filters import language_name
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.transactions import (
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)


def _back(subscriber_id: int) -> ResponseReturnValue:
    return redirect(url_for("studio.subscriber_page", subscriber_id=subscriber_id), 303)


def _actor() -> str:
    return f"operator:{current_operator().id}"


@bp.get("/subscribers/<key:subscriber_id>/correct")
@requires(Right.EDIT_SUBSCRIBERS, look=AuditAction.SUBSCRIBER_VIEWED)
def correct_page(subscriber_id: int) -> str:
    """Show the fields this operator may correct (Article 16)."""
    with read_only_transaction() as tx:
        person = results.find_subscriber(tx.session, subscriber_id)
        fields = _editable(tx.session)
        values = {field.key: value_of(field, person) for field in fields}
        return _correct(person, fields, values, {})


@bp.post("/subscribers/<key:subscriber_id>/correct")
@requires(Right.EDIT_SUBSCRIBERS)
def correct(subscriber_id: int) -> ResponseReturnValue:
    """Store the corrections; the log keeps which fields changed, never their values."""
    with read_only_transaction() as tx:
        fields = _editable(tx.session)
    values = {field.key: request.form.get(field.key, "").strip() for field in fields}
    try:
        with write_transaction() as tx:
            person = restriction.locked_person(tx, subscriber_id)
            before = {field.key: value_of(field, person) for field in fields}
            set_values(tx.session, person, values)
            changed = [
                field.key for field in fields if value_of(field, person) != before[field.key]
            ]
            if changed:
                log_audit(tx, AuditAction.SUBSCRIBER_CORRECTED, subscriber_id, fields=changed)
    except InvalidInput as error:
        with read_only_transaction() as tx:
            person = results.find_subscriber(tx.session, subscriber_id)
            return _correct(person, fields, values, error.fields), 422
    flash(_("Corrected."))
    return _back(subscriber_id)


def _editable(session: Session) -> list[CatalogueField]:
    return [
        field for field in visible_fields(session, current_operator().role) if field.key != "email"
    ]


def _correct(
    person: Subscriber,
    fields: list[CatalogueField],
    values: dict[str, str],
    errors: dict[str, str],
) -> str:
    return render_template(
        "studio/subscribers/correct.html",
        person=person,
        fields=fields,
        options={field.key: options for field in fields if (options := _options(field))},
        values=values,
        errors=errors,
        spoken=language(),
    )


def _options(field: CatalogueField) -> list[tuple[str, str]]:
    """Return the labelled choices of a field; empty if it is typed."""
    if field.key == "language":
        return [(choice, language_name(choice)) for choice in field.choices]
    none = [("", "–")]
    if field.kind is FieldKind.YES_NO:
        return [*none, ("true", _("yes")), ("false", _("no"))]
    return [*none, *((choice, choice) for choice in field.choices)] if field.choices else []


@bp.post("/subscribers/<key:subscriber_id>/restrict")
@requires(Right.EDIT_SUBSCRIBERS)
def restrict(subscriber_id: int) -> ResponseReturnValue:
    """Restrict processing (Article 18): from now on nothing is sent, changed or deleted."""
    with write_transaction() as tx:
        if restriction.restrict(tx, subscriber_id, at=now()):
            log_audit(tx, AuditAction.SUBSCRIBER_RESTRICTED, subscriber_id)
    flash(_("Restricted. Nothing is sent, changed or deleted until you lift it."))
    return _back(subscriber_id)


@bp.post("/subscribers/<key:subscriber_id>/end-restriction")
@requires(Right.EDIT_SUBSCRIBERS)
def lift_restriction(subscriber_id: int) -> ResponseReturnValue:
    """End the restriction after informing the person (Article 18(3))."""
    informed_by = request.form.get("told", "")
    with write_transaction() as tx:
        if restriction.lift_restriction(tx, subscriber_id, informed_by=informed_by):
            log_audit(
                tx, AuditAction.SUBSCRIBER_RESTRICTION_LIFTED, subscriber_id, told=informed_by
            )
    flash(_("The restriction is lifted."))
    return _back(subscriber_id)


@bp.post("/subscribers/<key:subscriber_id>/joining")
@requires(Right.EDIT_SUBSCRIBERS)
def merge_page(subscriber_id: int) -> ResponseReturnValue:
    """Preview a merge; the other address must not be part of a URL."""
    with read_only_transaction() as tx:
        kept = results.find_subscriber(tx.session, subscriber_id)
        other = _other(tx.session, kept)
        return render_template(
            "studio/subscribers/join.html",
            kept=kept,
            other=other,
            plan=merge_subscribers.preview_merge(tx.session, kept.id, other.id),
            fields=visible_fields(tx.session, current_operator().role),
            value_of=value_of,
            spoken=language(),
        )


def _other(session: Session, kept: Subscriber) -> Subscriber:
    """Return the other record, by id or as typed. Raises NotFound or InvalidInput."""
    number = parse_id(request.form.get("other_id"))
    if number:
        return results.find_subscriber(session, number)
    return merge_subscribers.find_other(session, kept, request.form.get("address", ""))


@bp.post("/subscribers/<key:subscriber_id>/join")
@requires(Right.EDIT_SUBSCRIBERS)
def merge(subscriber_id: int) -> ResponseReturnValue:
    """Merge the two records."""
    other_id = parse_id(request.form.get("other_id")) or subscriber_id
    with write_transaction() as tx:
        plan = merge_subscribers.merge(tx, subscriber_id, other_id, actor=_actor(), at=now())
        ended = len(plan.ending)
        log_audit(tx, AuditAction.SUBSCRIBER_MERGED, subscriber_id, other=other_id, ended=ended)
    flash(_("Merged. Both histories are shown here now."))
    return _back(subscriber_id)


@bp.post("/subscribers/<key:subscriber_id>/part")
@requires(Right.EDIT_SUBSCRIBERS)
def undo_merge(subscriber_id: int) -> ResponseReturnValue:
    """Undo a merge."""
    with write_transaction() as tx:
        joined_to = merge_subscribers.undo_merge(tx, subscriber_id)
        if joined_to is not None:
            log_audit(tx, AuditAction.SUBSCRIBER_MERGE_UNDONE, joined_to, other=subscriber_id)
    flash(_("These are two records again. What had ended stays ended."))
    return _back(subscriber_id)


@bp.post("/subscribers/<key:subscriber_id>/address")
@requires(Right.EDIT_SUBSCRIBERS)
def change_address(subscriber_id: int) -> ResponseReturnValue:
    """Ask the new mailbox the person named; nothing changes before it confirms (L-04)."""
    how = request.form.get("how", "")
    method = staff_requests.validate_channel(how)
    typed, facts = request.form.get("address", ""), staff_requests.facts(method)
    with write_transaction() as tx:
        consent_change_address.request_change(
            tx, subscriber_id, typed, facts=facts, actor=_actor(), at=now()
        )
        log_audit(tx, AuditAction.SUBSCRIBER_ADDRESS_CHANGE_REQUESTED, subscriber_id, method=method)
    flash(_("We have asked the new mailbox. Nothing changes until it answers."))
    return _back(subscriber_id)


@bp.post("/subscribers/<key:subscriber_id>/address/cancel")
@requires(Right.EDIT_SUBSCRIBERS)
def cancel_address(subscriber_id: int) -> ResponseReturnValue:
    """Cancel the change; the link sent to the new mailbox no longer works."""
    with write_transaction() as tx:
        if consent_change_address.cancel_change(tx, subscriber_id, actor=_actor(), at=now()):
            log_audit(tx, AuditAction.SUBSCRIBER_ADDRESS_CHANGE_CANCELLED, subscriber_id)
    flash(_("Nothing changes: the mail stays where it is."))
    return _back(subscriber_id)


@bp.post("/subscribers/<key:subscriber_id>/own-data")
@requires(Right.EXPORT_SUBSCRIBERS)
def export_subscriber(subscriber_id: int) -> ResponseReturnValue:
    """Download all data of the person, who asked staff for it (Articles 15 and 20)."""
    how = request.form.get("how", "")
    method = staff_requests.validate_channel(how)
    with write_transaction() as tx:
        document = file_of_subscriber(
            tx.session, results.find_subscriber(tx.session, subscriber_id)
        )
        log_audit(tx, AuditAction.SUBSCRIBER_DATA_EXPORTED, subscriber_id, method=method)
    return own_data_file(document)


@bp.get("/subscribers/<key:subscriber_id>/erase")
@requires(Right.ERASE_SUBSCRIBERS, look=AuditAction.SUBSCRIBER_VIEWED)
def erase_page(subscriber_id: int) -> str:
    """Show what is erased and what stays, before it is final."""
    with read_only_transaction() as tx:
        return render_template(
            "studio/subscribers/erase.html",
            names=[record.address for record in erasure.records_of(tx, subscriber_id)],
            back=url_for("studio.subscriber_page", subscriber_id=subscriber_id),
            ways=staff_requests.REQUEST_CHANNELS,
        )


@bp.post("/subscribers/<key:subscriber_id>/erase")
@requires(Right.ERASE_SUBSCRIBERS)
def erase(subscriber_id: int) -> ResponseReturnValue:
    """Erase the person (Article 17); this cannot be undone, as its page has said."""
    how = request.form.get("how", "")
    method = staff_requests.validate_channel(how)
    with write_transaction() as tx:
        records = erasure.erase_person(tx, subscriber_id, actor=_actor(), at=now())
        log_audit(tx, AuditAction.SUBSCRIBER_ERASED, subscriber_id, method=method, records=records)
    flash(_("Erased. A fingerprint stays, so that no import adds the person again."))
    return redirect(url_for("studio.subscribers"), 303)
