"""Pages of senders, the SMTP accounts: create, edit, limit, check, disable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from listmgr.campaigns import control
from listmgr.context import services
from listmgr.delivery.smtp import providers
from listmgr.delivery.smtp.check_connection import (
    Trial,
    try_account,
)
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.roles import Right
from listmgr.senders import (
    edit,
    routing,
)
from listmgr.senders.edit import AccountForm
from listmgr.senders.limits import USUAL_WARM_UP, allowance
from listmgr.senders.limits_form import (
    DOMAIN_LIMITS,
    LimitsForm,
)
from listmgr.senders.models import Sender
from listmgr.senders.quiet_hours import (
    QuietHoursForm,
    local_day,
)
from listmgr.web.studio.blueprint import bp
from listmgr.web.studio.guard import requires
from listmgr.web.studio.refused_logins import refused_logins
from listmgr.web.studio.transactions import (
    form_ids,
    form_values,
    log_audit,
    read_only_transaction,
    write_transaction,
)

EMPTY_ROWS = 3
MOST_ROWS = 100


@bp.get("/senders")
@requires(Right.SEE_SENDERS)
def senders() -> str:
    """List all senders."""
    with read_only_transaction() as tx:
        every_sender = routing.senders(tx.session)
        today = {sender.id: _today(sender) for sender in every_sender}
        return render_template(
            "studio/senders/all.html",
            senders=every_sender,
            mail=services().settings.mail,
            today=today,
            refused_logins=refused_logins(tx.session),
        )


@bp.get("/senders/<key_or_none:sender_id>")
@requires(Right.SEE_SENDERS)
def sender_page(sender_id: int) -> str:
    """Show one sender."""
    return _page(sender_id, None)


@bp.post("/senders/<key_or_none:sender_id>/try")
@requires(Right.EDIT_SENDERS)
def check_sender(sender_id: int) -> str:
    """Connect now and show the result; nothing is sent."""
    with write_transaction() as tx:
        sender = routing.find_sender(tx.session, sender_id)
        log_audit(tx, AuditAction.SENDER_TESTED, sender_id)
    try:
        trial = try_account(routing.account_of(services().settings, sender))
    except routing.NoSender as error:
        trial = Trial(str(error))
    return _page(sender_id, trial)


def _page(sender_id: int, trial: Trial | None) -> str:
    with read_only_transaction() as tx:
        sender = routing.find_sender(tx.session, sender_id)
        return render_template(
            "studio/senders/one.html",
            sender=sender,
            mail=services().settings.mail,
            trial=trial,
            login_refused=sender_id in refused_logins(tx.session),
            today=_today(sender),
            step=_step(sender),
            tomorrow=allowance(sender.warm_up, sender.warm_up_began, _day(sender, 1)),
        )


def _day(sender: Sender, later: int = 0) -> date:
    return local_day(now(), sender.quiet_zone) + timedelta(days=later)


def _today(sender: Sender) -> int:
    """Return today's limit; 0 means none."""
    return sender.terms.limit_on(now()).per_day


def _step(sender: Sender) -> int:
    """Return the day of the warm-up plan, from 0."""
    return (_day(sender) - sender.warm_up_began).days if sender.warm_up_began else 0


@bp.get("/senders/new")
@requires(Right.EDIT_SENDERS)
def new_sender() -> str:
    """Show the empty form."""
    return _form(AccountForm(), {})


@bp.post("/senders/new")
@requires(Right.EDIT_SENDERS)
def create_sender() -> ResponseReturnValue:
    """Create the sender."""
    form = form_values(AccountForm)
    try:
        with write_transaction() as tx:
            sender = edit.create_sender(tx, form, at=now())
            log_audit(tx, AuditAction.SENDER_CREATED, sender.id)
    except InvalidInput as error:
        return _form(form, error.fields), 422
    flash(_("The sender has been added. Check it before a campaign uses it."))
    return redirect(url_for("studio.sender_page", sender_id=sender.id), 303)


@bp.get("/senders/<key:sender_id>/edit")
@requires(Right.EDIT_SENDERS)
def edit_sender(sender_id: int) -> str:
    """Show the form without the password."""
    with read_only_transaction() as tx:
        sender = routing.find_sender(tx.session, sender_id)
        return _form(sender, {}, sender_id)


@bp.post("/senders/<key:sender_id>/edit")
@requires(Right.EDIT_SENDERS)
def save_sender(sender_id: int) -> ResponseReturnValue:
    """Change the sender."""
    form = form_values(AccountForm)
    try:
        with write_transaction() as tx:
            edit.edit_sender(tx, sender_id, form)
            log_audit(tx, AuditAction.SENDER_EDITED, sender_id, password=bool(form.password))
    except InvalidInput as error:
        return _form(form, error.fields, sender_id), 422
    flash(_("Saved."))
    return redirect(url_for("studio.sender_page", sender_id=sender_id), 303)


def _form(values: object, errors: dict[str, str], sender_id: int | None = None) -> str:
    served = getattr(values, "serves", "")
    return render_template(
        "studio/senders/edit.html",
        values=values,
        serves=served if isinstance(served, str) else "\n".join(served),
        errors=errors,
        sender_id=sender_id,
    )


@bp.get("/senders/<key_or_none:sender_id>/pace")
@requires(Right.EDIT_SENDERS)
def sender_limits(sender_id: int) -> str:
    """Show limits, warm-up plan and quiet hours."""
    with read_only_transaction() as tx:
        sender = routing.find_sender(tx.session, sender_id)
        rows = [(row.scope, asdict(row.limit)) for row in sender.domains]
        return _pace_form(sender, sender, rows, {})


@bp.post("/senders/<key_or_none:sender_id>/pace")
@requires(Right.EDIT_SENDERS)
def save_sender_limits(sender_id: int) -> ResponseReturnValue:
    """Change them; waiting campaigns check again at once."""
    form, rows = form_values(LimitsForm), _rows()
    try:
        with write_transaction() as tx:
            edit.pace_sender(tx, sender_id, form, quiet_told(), rows, providers=providers.NAMES)
            control.wake(tx)
            log_audit(tx, AuditAction.SENDER_LIMITS_CHANGED, sender_id)
    except InvalidInput as error:
        with read_only_transaction() as tx:
            sender = routing.find_sender(tx.session, sender_id)
            return _pace_form(sender, request.form, rows, error.fields), 422
    flash(_("Saved. Waiting campaigns check again now."))
    return redirect(url_for("studio.sender_page", sender_id=sender_id), 303)


def quiet_told() -> QuietHoursForm:
    """Return the quiet hours in a form."""
    form, days = request.form, tuple(form_ids("quiet_days"))
    return QuietHoursForm(
        form.get("quiet_from", ""), form.get("quiet_to", ""), days, form.get("quiet_zone", "")
    )


def _rows() -> list[tuple[str, dict[str, str]]]:
    names = request.form.getlist("scope")[:MOST_ROWS]
    columns = {key: request.form.getlist(f"domain_{key}") for key in DOMAIN_LIMITS}
    return [
        (name, {key: (values + [""] * MOST_ROWS)[at] for key, values in columns.items()})
        for at, name in enumerate(names)
    ]


def _pace_form(
    sender: Sender, values: object, rows: Sequence[object], errors: dict[str, str]
) -> str:
    return render_template(
        "studio/senders/pace.html",
        sender=sender,
        values=values,
        rows=[*rows, *[("", {})] * EMPTY_ROWS],
        errors=errors,
        days=_quiet_days(values),
        plan=_plan(values),
        usual=", ".join(map(str, USUAL_WARM_UP)),
        today=_day(sender),
        providers=sorted(providers.NAMES),
    )


def _quiet_days(values: object) -> list[int]:
    return list(values.quiet_days) if isinstance(values, Sender) else form_ids("quiet_days")


def _plan(values: object) -> str:
    if isinstance(values, Sender):
        return ", ".join(map(str, values.warm_up))
    return request.form.get("warm_up", "")


@bp.post("/senders/<key:sender_id>/disable")
@requires(Right.EDIT_SENDERS)
def disable_sender(sender_id: int) -> ResponseReturnValue:
    """Stop sending by it; the next page offers to enable it."""
    with write_transaction() as tx:
        edit.disable_sender(tx, sender_id, at=now())
        log_audit(tx, AuditAction.SENDER_DISABLED, sender_id)
    return redirect(url_for("studio.sender_page", sender_id=sender_id), 303)


@bp.post("/senders/<key:sender_id>/enable")
@requires(Right.EDIT_SENDERS)
def enable_sender(sender_id: int) -> ResponseReturnValue:
    """Allow sending by it again."""
    with write_transaction() as tx:
        edit.enable_sender(tx, sender_id)
        log_audit(tx, AuditAction.SENDER_ENABLED, sender_id)
    return redirect(url_for("studio.sender_page", sender_id=sender_id), 303)
