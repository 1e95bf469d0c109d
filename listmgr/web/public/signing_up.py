"""The hosted sign-up page of a form, its QR code, and the look-into-your-mailbox page."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import redis
import segno
import sqlalchemy as sa
from flask import Response, abort, g, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from listmgr.consent.signup import SignupContent, receive
from listmgr.kit.clock import now
from listmgr.kit.tokens import Door, TokenError, make_token, open_token
from listmgr.lists.models import MailingList, Notice, Purpose, SignupForm, SignupFormPurpose
from listmgr.subscribers.address import AddressError, parse_address
from listmgr.web.context import services
from listmgr.web.language import language, words
from listmgr.web.public import bp
from listmgr.web.security import network_of, visitor_ip

HOUR = 3600
DAY = 24 * HOUR


@dataclass(slots=True)
class Entered:
    """What the visitor typed, kept so that a mistake loses nothing."""

    address: str = ""
    first_name: str = ""
    last_name: str = ""
    notice_ids: tuple[int, ...] = ()
    errors: dict[str, str] = field(default_factory=dict)


@bp.get("/s/<slug>")
def form_page(slug: str) -> str:
    """The form, every box unticked (L-09)."""
    with services().unit_of_work() as tx:
        return _page(tx.session, _form(tx.session, slug), Entered())


@bp.post("/s/<slug>")
def sign_up(slug: str) -> Any:
    """Write the sign-up down and answer the same for everybody (T-10)."""
    with services().unit_of_work() as tx:
        form = _form(tx.session, slug)
        offered = {notice.id for _, _, notice in _offers(tx.session, form)}
        entered = _entered(offered)
        if entered.errors:
            return _page(tx.session, form, entered), 422
        if not _is_trap() and _within_limit():
            content = _content(form, entered)
            receive(tx, form_id=form.id, content=content, at=now())
    return redirect(url_for("public.look_into_mailbox", slug=slug, lang=language()), 303)


@bp.get("/s/<slug>/thanks")
def look_into_mailbox(slug: str) -> str:
    """Where everybody goes who has sent the form."""
    with services().unit_of_work() as tx:
        _form(tx.session, slug)
    return render_template(
        "pages/message.html", w=words(), title=words()["look_title"], text=words()["look_text"]
    )


@bp.get("/s/<slug>/qr.svg")
def qr_code(slug: str) -> Response:
    """The form's address as a picture, for a stand or a poster."""
    settings = services().settings
    with services().unit_of_work() as tx:
        form = _form(tx.session, slug)
        out = io.BytesIO()
        segno.make(settings.link(f"s/{form.slug}"), error="m").save(
            out, kind="svg", scale=8, xmldecl=False, svgclass=None, lineclass=None
        )
    return Response(out.getvalue(), mimetype="image/svg+xml")


def _form(session: Session, slug: str) -> SignupForm:
    form = session.scalars(
        sa.select(SignupForm).where(SignupForm.slug == slug, SignupForm.closed_at.is_(None))
    ).one_or_none()
    if form is None:
        abort(404)
    return form


def _offers(session: Session, form: SignupForm) -> list[tuple[MailingList, Purpose, Notice]]:
    """The newest notice of each purpose of the form in the reader's language."""
    newest = (
        sa.select(Notice)
        .where(Notice.purpose_id == Purpose.id)
        .order_by((Notice.language == language()).desc(), Notice.version.desc(), Notice.id.desc())
        .limit(1)
        .correlate(Purpose)
        .lateral()
    )
    notice = sa.orm.aliased(Notice, newest)
    rows = session.execute(
        sa.select(MailingList, Purpose, notice)
        .select_from(SignupFormPurpose)
        .join(Purpose, Purpose.id == SignupFormPurpose.purpose_id)
        .join(MailingList, MailingList.id == Purpose.list_id)
        .join(newest, sa.true())
        .where(SignupFormPurpose.form_id == form.id, MailingList.archived_at.is_(None))
        .order_by(Purpose.id)
    )
    return [(found, purpose, shown) for found, purpose, shown in rows]


def _page(session: Session, form: SignupForm, entered: Entered) -> str:
    g.language = language()
    settings = services().settings
    return render_template(
        "pages/sign_up.html",
        w=words(),
        form=form,
        title=form.title_de if language() == "de" else form.title_en,
        intro=form.intro_de if language() == "de" else form.intro_en,
        offers=_offers(session, form),
        entered=entered,
        began=make_token(settings.secret_keys, Door.FORM, form.id),
    )


def _entered(offered: set[int]) -> Entered:
    sent = request.form
    entered = Entered(
        address=sent.get("address", "")[:400],
        first_name=_name(sent.get("first_name", "")),
        last_name=_name(sent.get("last_name", "")),
        notice_ids=tuple(
            int(value) for value in sent.getlist("notice") if value.isdecimal() and len(value) < 18
        ),
    )
    entered.notice_ids = tuple(sorted(set(entered.notice_ids) & offered))
    try:
        parse_address(entered.address)
    except AddressError:
        entered.errors["address"] = words()["bad_address"]
    if not entered.notice_ids:
        entered.errors["notice"] = words()["choose"]
    if not entered.errors and not _took_its_time():
        entered.errors["form"] = words()["too_fast"]
    return entered


def _name(typed: str) -> str:
    """A name without control characters, which have no business in one (T-17)."""
    return "".join(sign for sign in typed if sign.isprintable()).strip()[:100]


def _took_its_time() -> bool:
    """Programs fill a form at once; a missing or old stamp only costs a second press (T-09)."""
    settings = services().settings
    if settings.signup_min_seconds <= 0:
        return True
    token = request.form.get("began", "")
    try:
        open_token(settings.secret_keys, Door.FORM, token, max_age=DAY)
    except TokenError:
        return False
    try:
        open_token(settings.secret_keys, Door.FORM, token, max_age=0)
    except TokenError:
        return True
    return settings.signup_min_seconds < 1


def _is_trap() -> bool:
    """A field no person sees was filled in."""
    return bool(request.form.get("website"))


def _within_limit() -> bool:
    """So many sign-ups from one network in an hour; without Valkey the database's limits stay."""
    settings = services().settings
    key = f"signups:{network_of(request.remote_addr or '')}"
    try:
        count = services().redis.incr(key)
        if count == 1:
            services().redis.expire(key, HOUR)
    except redis.RedisError:
        return True
    return int(str(count)) <= settings.signups_per_hour


def _content(form: SignupForm, entered: Entered) -> SignupContent:
    settings = services().settings
    return SignupContent(
        address=entered.address,
        notice_ids=entered.notice_ids,
        language=language(),
        form_url=settings.link(f"s/{form.slug}"),
        first_name=entered.first_name,
        last_name=entered.last_name,
        ip=visitor_ip(settings),
        user_agent=request.user_agent.string[:500],
    )
