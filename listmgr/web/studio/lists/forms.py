"""Pages of sign-up forms: create, edit, close; link, HTML and QR code."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.kit.rows import rows_of
from listmgr.lists import signup_forms as acts
from listmgr.lists.form_fields import (
    MOST_ASKED,
    Ask,
    askable,
    asked_fields,
)
from listmgr.lists.purposes import open_purposes
from listmgr.lists.signup_forms import FormWords
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.transactions import (
    form_ids,
    form_values,
    log_audit,
    parse_id,
    read_only_transaction,
    write_transaction,
)


@bp.get("/forms")
@requires(Right.SEE_LISTS)
def forms() -> str:
    """List all forms."""
    with read_only_transaction() as tx:
        return render_template("studio/forms/all.html", forms=acts.forms(tx.session))


@bp.get("/forms/<key:form_id>")
@requires(Right.SEE_LISTS)
def form_page(form_id: int) -> str:
    """Show one form and the ways to publish it."""
    with read_only_transaction() as tx:
        form = acts.find_form(tx.session, form_id)
        link = services().settings.link(f"s/{form.slug}")
        asks = asked_fields(rows_of(tx.session), form.id)
        return render_template("studio/forms/one.html", form=form, link=link, asks=asks)


@bp.get("/forms/new")
@requires(Right.EDIT_LISTS)
def new_form() -> str:
    """Show the empty form."""
    return _form(FormWords(), [], [Ask("first_name"), Ask("last_name")])


@bp.post("/forms/new")
@requires(Right.EDIT_LISTS)
def create_form() -> ResponseReturnValue:
    """Create the form."""
    description, chosen, asks = form_values(FormWords), form_ids("purposes"), _asks()
    slug = request.form.get("slug", "")
    try:
        with write_transaction() as tx:
            form = acts.create_form(
                tx, description, slug=slug, purpose_ids=chosen, asks=asks, at=now()
            )
            log_audit(tx, AuditAction.FORM_CREATED, form.id)
    except InvalidInput as error:
        return _form(description, chosen, asks, error.fields), 422
    return redirect(url_for("studio.form_page", form_id=form.id), 303)


@bp.get("/forms/<key:form_id>/edit")
@requires(Right.EDIT_LISTS)
def edit_form(form_id: int) -> str:
    """Show the form's settings."""
    with read_only_transaction() as tx:
        form = acts.find_form(tx.session, form_id)
        chosen = [purpose.id for purpose in form.purposes]
        asks = [Ask(ask.key, ask.required) for ask in form.asks]
    return _form(form, chosen, asks, form_id=form_id)


@bp.post("/forms/<key:form_id>/edit")
@requires(Right.EDIT_LISTS)
def save_form(form_id: int) -> ResponseReturnValue:
    """Change the form."""
    description, chosen, asks = form_values(FormWords), form_ids("purposes"), _asks()
    try:
        with write_transaction() as tx:
            acts.edit_form(tx, form_id, description, purpose_ids=chosen, asks=asks)
            log_audit(tx, AuditAction.FORM_EDITED, form_id)
    except InvalidInput as error:
        return _form(description, chosen, asks, error.fields, form_id=form_id), 422
    flash(_("Saved."))
    return redirect(url_for("studio.form_page", form_id=form_id), 303)


@bp.post("/forms/<key:form_id>/close")
@requires(Right.EDIT_LISTS)
def close_form(form_id: int) -> ResponseReturnValue:
    """Stop sign-ups; the next page offers to reopen."""
    with write_transaction() as tx:
        acts.close_form(tx, form_id, at=now())
        log_audit(tx, AuditAction.FORM_CLOSED, form_id)
    return redirect(url_for("studio.form_page", form_id=form_id), 303)


@bp.post("/forms/<key:form_id>/reopen")
@requires(Right.EDIT_LISTS)
def reopen_form(form_id: int) -> ResponseReturnValue:
    """Accept sign-ups again."""
    with write_transaction() as tx:
        acts.reopen_form(tx, form_id)
        log_audit(tx, AuditAction.FORM_REOPENED, form_id)
    return redirect(url_for("studio.form_page", form_id=form_id), 303)


def _asks() -> list[Ask]:
    """Return the fields in the order of their positions; those without one come last."""
    numbered: list[tuple[int, Ask]] = []
    for name, value in request.form.items():
        prefix, _dot, key = name.partition(".")
        if prefix == "ask" and value in {"optional", "required"}:
            place = parse_id(request.form.get(f"place.{key}"))
            numbered.append((place or MOST_ASKED + 1, Ask(key, value == "required")))
    return [ask for _place, ask in sorted(numbered, key=lambda pair: pair[0])]


def _form(
    values: object,
    chosen: list[int],
    asks: list[Ask],
    errors: dict[str, str] | None = None,
    *,
    form_id: int | None = None,
) -> str:
    places = {ask.key: place for place, ask in enumerate(asks, start=1)}
    with read_only_transaction() as tx:
        # What is asked comes first, in its order; the rest waits below.
        fields = sorted(askable(tx.session), key=lambda ask: places.get(ask.key, len(places) + 1))
        return render_template(
            "studio/forms/edit.html",
            values=values,
            chosen=chosen,
            errors=errors or {},
            form_id=form_id,
            fields=fields,
            places=places,
            required={ask.key for ask in asks if ask.required},
            purposes=open_purposes(tx.session),
        )
