"""Pages of fields: what is collected, why, for how long and for whom."""

from __future__ import annotations

from dataclasses import fields as names_of

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.lists.form_fields import forms_asking
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.models import Role
from listmgr.operators.roles import Right, may
from listmgr.subscribers import custom_fields
from listmgr.subscribers.custom_fields import FieldWords
from listmgr.subscribers.field_catalogue import CORE_FIELDS
from listmgr.subscribers.field_models import Field, FieldCategory, FieldKind, LegalBasis
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.session import current_operator
from listmgr.web.studio.transactions import (
    form_values,
    log_audit,
    read_only_transaction,
    write_transaction,
)
from listmgr.web.translation import translate_error

# A beginning that suits most fields; whoever defines one looks at each.
_USUAL = ("service", "privacy", "administrator")


@bp.get("/fields")
@requires(Right.SEE_FIELDS)
def fields() -> str:
    """List the fields the role may see."""
    with read_only_transaction() as tx:
        custom = [field for field in custom_fields.custom_fields(tx.session) if _may_see(field)]
    return render_template("studio/fields/all.html", core=CORE_FIELDS, custom_fields=custom)


@bp.get("/fields/<key:field_id>")
@requires(Right.SEE_FIELDS)
def field_page(field_id: int) -> str:
    """Show one field: purpose, roles, and the forms that ask for it."""
    with read_only_transaction() as tx:
        field = custom_fields.find_field(tx.session, field_id)
        if not _may_see(field):
            raise NotFound(_("There is no such field."))
        return render_template(
            "studio/fields/one.html", custom_field=field, forms=forms_asking(tx.session, field.key)
        )


@bp.get("/fields/new")
@requires(Right.EDIT_FIELDS)
def new_field() -> str:
    """Show the empty form."""
    return _form(FieldWords(category="ordinary"), _USUAL)


@bp.post("/fields/new")
@requires(Right.EDIT_FIELDS)
def create_field() -> ResponseReturnValue:
    """Create the field."""
    description, roles = form_values(FieldWords), request.form.getlist("roles")
    try:
        with write_transaction() as tx:
            field = custom_fields.create_field(
                tx, description, roles=roles, by=current_operator().role, at=now()
            )
            log_audit(tx, AuditAction.FIELD_CREATED, field.id, key=field.key)
    except InvalidInput as error:
        return _form(description, roles, error.fields), 422
    return redirect(url_for("studio.field_page", field_id=field.id), 303)


@bp.get("/fields/<key:field_id>/edit")
@requires(Right.EDIT_FIELDS)
def edit_field(field_id: int) -> str:
    """Show the field's settings."""
    with read_only_transaction() as tx:
        field = custom_fields.find_field(tx.session, field_id)
    return _form(_as_typed(field), field.roles, custom_field=field)


@bp.post("/fields/<key:field_id>/edit")
@requires(Right.EDIT_FIELDS)
def save_field(field_id: int) -> ResponseReturnValue:
    """Change the field."""
    description, roles = form_values(FieldWords), request.form.getlist("roles")
    try:
        with write_transaction() as tx:
            custom_fields.edit_field(
                tx, field_id, description, roles=roles, by=current_operator().role
            )
            log_audit(tx, AuditAction.FIELD_EDITED, field_id)
    except InvalidInput as error:
        with read_only_transaction() as tx:
            field = custom_fields.find_field(tx.session, field_id)
        return _form(description, roles, error.fields, custom_field=field), 422
    flash(_("Saved."))
    return redirect(url_for("studio.field_page", field_id=field_id), 303)


@bp.post("/fields/<key:field_id>/archive")
@requires(Right.EDIT_FIELDS)
def archive_field(field_id: int) -> ResponseReturnValue:
    """Stop collecting it; the next page offers to restore."""
    with write_transaction() as tx:
        custom_fields.archive_field(tx, field_id, at=now())
        log_audit(tx, AuditAction.FIELD_ARCHIVED, field_id)
    return redirect(url_for("studio.field_page", field_id=field_id), 303)


@bp.post("/fields/<key:field_id>/restore")
@requires(Right.EDIT_FIELDS)
def restore_field(field_id: int) -> ResponseReturnValue:
    """Use the field again."""
    with write_transaction() as tx:
        custom_fields.restore_field(tx, field_id)
        log_audit(tx, AuditAction.FIELD_RESTORED, field_id)
    return redirect(url_for("studio.field_page", field_id=field_id), 303)


@bp.post("/fields/<key:field_id>/delete")
@requires(Right.EDIT_FIELDS)
def delete_field(field_id: int) -> ResponseReturnValue:
    """Delete a field without values."""
    try:
        with write_transaction() as tx:
            key = custom_fields.delete_field(tx, field_id)
            log_audit(tx, AuditAction.FIELD_DELETED, field_id, key=key)
    except Refused as error:
        flash(translate_error(error), "danger")
        return redirect(url_for("studio.field_page", field_id=field_id), 303)
    flash(_("The field is deleted. Nobody had a value of it."))
    return redirect(url_for("studio.fields"), 303)


def _may_see(field: Field) -> bool:
    """Whether the operator sees the field: by role, or as somebody who manages or audits fields."""
    role = current_operator().role
    return role in field.roles or may(role, Right.EDIT_FIELDS) or may(role, Right.SEE_RECORD)


def _as_typed(field: Field) -> FieldWords:
    values = {column.name: getattr(field, column.name) for column in names_of(FieldWords)}
    values |= {"choices": "\n".join(field.choices), "retention_months": str(field.retention_months)}
    return FieldWords(**values)


def _form(
    values: FieldWords,
    roles: list[str] | tuple[str, ...],
    errors: dict[str, str] | None = None,
    *,
    custom_field: Field | None = None,
) -> str:
    return render_template(
        "studio/fields/edit.html",
        values=values,
        chosen=roles,
        errors=errors or {},
        custom_field=custom_field,
        kinds=list(FieldKind),
        bases=list(LegalBasis),
        categories=list(FieldCategory),
        roles=list(Role),
    )
