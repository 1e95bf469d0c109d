"""Who is signed in: a cookie that names an operator and the version of their sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from flask import Flask, session
from flask_login import LoginManager, current_user, login_user, logout_user

from listmgr.kit.clock import now
from listmgr.operators.models import Operator, Role
from listmgr.operators.roles import Right, may
from listmgr.operators.sign_in import in_session, seen
from listmgr.web.context import services

STAY = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=5)
_BY_LINK = "by_link"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An operator as pages know them; the attributes Flask-Login asks for."""

    id: int
    name: str
    email: str
    role: Role
    language: str
    session_version: int
    has_password: bool
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """What the cookie holds; raising the version ends it wherever it is."""
        return f"{self.id}.{self.session_version}"


def init_app(app: Flask) -> None:
    """Sessions of the studio alone: the cookie is not even sent to public pages."""
    app.config.update(SESSION_COOKIE_PATH="/studio", PERMANENT_SESSION_LIFETIME=STAY)
    manager = LoginManager()
    # It would keep a hash of the operator's network address, and gain nothing over the version.
    manager.session_protection = None
    manager.user_loader(_load)
    manager.init_app(app, add_context_processor=False)


def enter(operator: Operator, *, by_link: bool = False) -> None:
    """Begin a session; whatever the cookie held before is thrown away."""
    session.clear()
    session.permanent = True
    if by_link:
        session[_BY_LINK] = True
    login_user(_signed_in(operator))


def renew(operator: Operator) -> None:
    """Go on after an act that has ended all sessions of the operator, this one included."""
    session.pop(_BY_LINK, None)
    login_user(_signed_in(operator))


def leave() -> None:
    """End the session of this browser."""
    logout_user()
    session.clear()


def came_by_link() -> bool:
    """Whether this session began with a one-time link: its holder may not know a password."""
    return bool(session.get(_BY_LINK))


def operator() -> SignedIn:
    """Who is signed in; only where the guard has let somebody in."""
    return cast("SignedIn", current_user)


def whose_cards() -> int | None:
    """Whose cards the operator sees: their own, or, with the right to it, the team's (None)."""
    return None if may(operator().role, Right.SEE_TEAM_CARDS) else operator().id


def _load(told: str) -> SignedIn | None:
    number, _, version = told.partition(".")
    with services().unit_of_work() as tx:
        found = in_session(tx.session, int(number), int(version))
        if found is None:
            return None
        if found.last_seen_at is None or now() - found.last_seen_at > SEEN_EVERY:
            seen(tx, found.id, at=now())
        return _signed_in(found)


def _signed_in(found: Operator) -> SignedIn:
    return SignedIn(
        id=found.id,
        name=found.name,
        email=found.email,
        role=found.role,
        language=found.language,
        session_version=found.session_version,
        has_password=bool(found.password_hash),
    )
