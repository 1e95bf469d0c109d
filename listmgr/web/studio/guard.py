"""Authorization: every route declares its permission; a route without one is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect

from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.operators.audit import write_audit_entry
from listmgr.operators.audit_actions import AuditAction
from listmgr.operators.models import Role
from listmgr.operators.roles import Right, may

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Guard:
    """What a route requires. No permission: pages used before sign-in.

    `look` is the audit action for opening the page, for pages about one person. `most` is the body
    size in bytes it accepts, if larger than a form of texts.
    """

    right: Right | None
    look: AuditAction | None = None
    most: int | None = None


csrf = CSRFProtect()
_guards: dict[Callable[..., Any], Guard] = {}


def requires(
    right: Right, *, look: AuditAction | None = None, most: int | None = None
) -> Callable[[View], View]:
    """Declare the permission a route needs; place it below the route's decorator."""

    def mark(view: View) -> View:
        _guards[view] = Guard(right, look, most)
        return view

    return mark


def open_to_all(view: View) -> View:
    """Declare a page for people who have not signed in."""
    _guards[view] = Guard(None)
    return view


def guard_of(view: Callable[..., Any] | None) -> Guard | None:
    """Return what a view declared, or None."""
    return None if view is None else _guards.get(view)


class GuardedBlueprint(Blueprint):
    """A blueprint that accepts no route without a guard."""

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        provide_automatic_options: bool | None = None,
        **options: object,
    ) -> None:
        """Refuse an undeclared route when the program starts."""
        if guard_of(view_func) is None:
            raise TypeError(f"{rule} declares neither @requires(Right.…) nor @open_to_all")
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options, **options)


def enforce() -> ResponseReturnValue | None:
    """Run before every view of the studio; a returned value replaces the page."""
    guard = guard_of(current_app.view_functions.get(request.endpoint or ""))
    if guard is None:
        abort(403)
    if guard.right is not None:
        if not current_user.is_authenticated:
            return _to_sign_in()
        if not may(current_user.role, guard.right):
            abort(403)
    if guard.most is not None:
        # Before the token is looked for, which reads the whole form.
        request.max_content_length = guard.most
    # Here and not for the whole application: mail programs' one-click POSTs carry no cookie and
    # no token (RFC 8058), and must never need one.
    csrf.protect()
    _write_down_the_look(guard)
    return None


def _to_sign_in() -> ResponseReturnValue:
    target = request.path if request.method == "GET" else None
    return redirect(url_for("studio.sign_in_page", next=target), 303)


def _write_down_the_look(guard: Guard) -> None:
    """Log pages about one person for everybody, and every page for an auditor (L-37).

    Committed before the page is made: nobody has seen what the log does not contain.
    """
    if guard.right is None:
        return
    action = guard.look or (AuditAction.PAGE_VIEWED if current_user.role is Role.AUDITOR else None)
    if action is None or request.method != "GET":
        return
    page = (request.endpoint or "").removeprefix("studio.").removesuffix("_page")
    subject = page if action is AuditAction.PAGE_VIEWED else action.subject
    numbers = [value for value in (request.view_args or {}).values() if isinstance(value, int)]
    with services().unit_of_work() as tx:
        write_audit_entry(
            tx, current_user.id, action, next(iter(numbers), None), at=now(), subject=subject
        )
