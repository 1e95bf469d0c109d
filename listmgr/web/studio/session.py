"""Sessions: a cookie with the secret of a session that the server can end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from flask import Flask, Request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_login import LoginManager, current_user, login_user, logout_user
from itsdangerous import BadSignature

from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.kit.transaction import Transaction
from listmgr.operators.models import Operator, Role
from listmgr.operators.roles import Right, may
from listmgr.operators.sessions import (
    LONGEST,
    end_session,
    open_session,
    start_session,
    touch_session,
)
from listmgr.operators.sign_in import seen

SEEN_EVERY = timedelta(minutes=5)
_BY_LINK = "by_link"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An operator as pages know them; the attributes Flask-Login requires."""

    id: int
    name: str
    email: str
    role: Role
    language: str
    # The secret of the session; the cookie holds it.
    secret: str
    has_password: bool
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """Return what the cookie holds; a session that ended is over wherever its cookie is."""
        return self.secret


def cookie_name(app: Flask, name: str) -> str:
    """The name of a cookie, with https one that no other host beneath our domain can set.

    Browsers take `__Host-` only from us, over https, and for the path `/` (RFC 6265bis, 4.1.3.2).
    """
    return f"__Host-{name}" if app.config["SESSION_COOKIE_SECURE"] else name


class SessionCookies(SecureCookieSessionInterface):
    """Flask's signed cookies without an age of their own.

    The session's row stores its age by the database's clock. Another host may have signed the
    cookie, and itsdangerous refuses signatures from the future.
    """

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Read the cookie of a request, whatever its signer's clock showed.

        Pages outside the studio neither read nor set a cookie.
        """
        if not request.path.startswith("/studio"):
            return self.make_null_session(app)
        serializer = self.get_signing_serializer(app)
        cookie = request.cookies.get(self.get_cookie_name(app))
        if serializer is None or not cookie:
            return super().open_session(app, request)
        try:
            return self.session_class(serializer.loads(cookie))
        except BadSignature:
            return self.session_class()


def init_app(app: Flask) -> None:
    """Set up sessions for the studio only."""
    app.session_interface = SessionCookies()
    app.config.update(
        SESSION_COOKIE_NAME=cookie_name(app, "listmgr_session"),
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=LONGEST,
    )
    manager = LoginManager()
    # It would keep a hash of the operator's network address, and gain little.
    manager.session_protection = None
    manager.user_loader(_load)
    manager.init_app(app, add_context_processor=False)


def enter(tx: Transaction, operator: Operator, *, by_link: bool = False) -> None:
    """Start a session; discard what the cookie held before."""
    session.clear()
    session.permanent = True
    if by_link:
        session[_BY_LINK] = True
    login_user(_signed_in(operator, start_session(tx, operator, at=now())))


def renew(tx: Transaction, operator: Operator) -> None:
    """Continue after an action that ended all sessions of the operator, including this one."""
    session.pop(_BY_LINK, None)
    login_user(_signed_in(operator, start_session(tx, operator, at=now())))


def leave(tx: Transaction) -> None:
    """End this browser's session, also for anyone with a copy of its cookie."""
    end_session(tx, current_operator().secret)
    logout_user()
    session.clear()


def came_by_link() -> bool:
    """Whether this session began with a one-time link: its owner may not know a password."""
    return bool(session.get(_BY_LINK))


def current_operator() -> SignedIn:
    """Return who is signed in; only where the guard has let somebody in."""
    return cast("SignedIn", current_user)


def whose_cards() -> int | None:
    """Return whose cards the operator sees: their own, or None for the team's."""
    return None if may(current_operator().role, Right.SEE_TEAM_CARDS) else current_operator().id


def _load(secret: str) -> SignedIn | None:
    at = now()
    with services().unit_of_work() as tx:
        row = open_session(tx.session, secret, at=at)
        if row is None:
            return None
        operator, opened = row
        if _is_long_ago(operator.last_seen_at, at):
            seen(tx, operator.id, at=at)
        if _is_long_ago(opened.last_seen_at, at):
            touch_session(tx, opened.id, at=at)
        return _signed_in(operator, secret)


def _is_long_ago(seen_at: datetime | None, at: datetime) -> bool:
    return seen_at is None or at - seen_at > SEEN_EVERY


def _signed_in(operator: Operator, secret: str) -> SignedIn:
    return SignedIn(
        id=operator.id,
        name=operator.name,
        email=operator.email,
        role=operator.role,
        language=operator.language,
        secret=secret,
        has_password=bool(operator.password_hash),
    )
