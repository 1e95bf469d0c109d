"""Hosted sign-up form, check-your-inbox page, embeddable form and QR code."""

from __future__ import annotations

import io
from dataclasses import asdict

import segno
from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from listmgr.cards.outreach.signup_prefill import prefill
from listmgr.config import Settings
from listmgr.consent.signup import SignupContent, receive
from listmgr.context import services
from listmgr.kit.clock import now
from listmgr.subscribers.address import fingerprint
from listmgr.web.language import language
from listmgr.web.public.blueprint import bp
from listmgr.web.public.signup_form import (
    Offer,
    find_offer,
)
from listmgr.web.public.signup_input import (
    TRAP,
    SignupInput,
    age,
    check,
    make_stamp,
    read_form,
    too_fast,
)
from listmgr.web.rate_limit import (
    count,
    seconds_left,
)
from listmgr.web.security import network_key, network_of, visitor_ip

HOUR = 3600
EMBEDDED_AT_ONCE = 3


@bp.get("/s/<slug>")
def form_page(slug: str) -> str:
    """Show the form, every box unticked (L-09); a card's link prefills the other fields."""
    return _page(_offer(slug), _from_card(request.args.get("card", "")))


@bp.post("/s/<slug>")
def sign_up(slug: str) -> ResponseReturnValue:
    """Store the sign-up; the answer is the same for everybody (T-10)."""
    if request.form.get(TRAP):
        return _thanks(slug)
    offer = _offer(slug)
    entered = read_form(offer)
    lately = _count_of_network()
    if lately > services().settings.signups_per_hour:
        return _ask_to_wait(offer, entered)
    check(entered, offer, services().settings)
    _check_pace(offer, entered, lately)
    if entered.problems or entered.suggestion:
        return _page(offer, entered), 422
    _write_down(offer, entered)
    return _thanks(slug)


@bp.get("/s/<slug>/thanks")
def check_inbox(slug: str) -> str:
    """Show the page everybody sees after sending the form."""
    return render_template("pages/look.html", offer=_offer(slug))


@bp.get("/s/<slug>/embed")
def embed(slug: str) -> str:
    """Show the form's code for another site, with instructions."""
    offer = _offer(slug)
    return render_template("pages/embed.html", offer=offer, code=_code(offer))


@bp.get("/s/<slug>/embed.txt")
def embed_code(slug: str) -> Response:
    """Return only the form's code for another site."""
    return Response(_code(_offer(slug)), mimetype="text/plain")


@bp.get("/s/<slug>/qr.svg")
def qr_code(slug: str) -> Response:
    """Return the form's URL as a QR code, for a stand or a poster."""
    link = services().settings.link(f"s/{_offer(slug).slug}")
    out = io.BytesIO()
    segno.make(link, error="m").save(
        out, kind="svg", scale=8, xmldecl=False, svgclass=None, lineclass=None
    )
    return Response(out.getvalue(), mimetype="image/svg+xml")


def _from_card(token: str) -> SignupInput:
    if not token:
        return SignupInput()
    with services().reading() as tx:
        prefilled = prefill(tx.session, tx.settings, token)
    fields = asdict(prefilled)
    return SignupInput(fields.pop("address"), typed=fields)


def _offer(slug: str) -> Offer:
    with services().rows() as rows:
        return find_offer(rows, slug, language())


def _page(offer: Offer, entered: SignupInput) -> str:
    settings, at = services().settings, now()
    # A sound stamp is kept, so that who corrects a mistake has been here long enough.
    if age(settings, entered.began, offer.form_id, at) is None:
        entered.began = make_stamp(settings, offer.form_id, at)
    hint = entered.suggestion and not entered.problems
    template = "pages/did_you_mean.html" if hint else "pages/sign_up.html"
    return render_template(template, offer=offer, entered=entered)


def _thanks(slug: str) -> ResponseReturnValue:
    return redirect(url_for("public.check_inbox", slug=slug, lang=language()), 303)


def _code(offer: Offer) -> str:
    # From another site there is no page of ours that could have been opened before (T-09).
    action = services().settings.link(f"s/{offer.slug}?lang={language()}&from=embed")
    lines = render_template("pages/embedded_form.html", offer=offer, action=action).splitlines()
    return "\n".join(filter(str.strip, lines)) + "\n"


def _is_embedded() -> bool:
    return request.args.get("from") == "embed"


def _check_pace(offer: Offer, entered: SignupInput, lately: int) -> None:
    """Ask for a second press if the form cannot have been filled in by hand (T-09).

    A form on another site has no page of ours that was opened before: the first few from each
    network are accepted, so that nobody evades the limit by claiming to be one.
    """
    if entered.problems or (_is_embedded() and lately <= EMBEDDED_AT_ONCE):
        return
    if too_fast(services().settings, entered, offer.form_id, now()):
        entered.problems["form"] = (
            _("Please press once more to send the form from here.")
            if _is_embedded()
            else _("That was very fast. Please send the form once more.")
        )


def _count_of_network() -> int:
    """Count the sign-ups from the visitor's network in this hour, including this one (T-09)."""
    network = network_key(services().settings)
    return count(services().redis, f"signups:{network}", seconds=HOUR, at=now())


def _network_fingerprint(settings: Settings) -> str:
    """Return what waiting sign-ups take turns by; empty if no address may be stored."""
    network = network_of(visitor_ip(settings))
    return fingerprint(settings.suppression_key, network).hex() if network else ""


def _ask_to_wait(offer: Offer, entered: SignupInput) -> ResponseReturnValue:
    """Tell the visitor how long to wait, since many may share a network, for example at a fair."""
    wait = seconds_left(seconds=HOUR, at=now())
    entered.problems["form"] = ngettext(
        "Very many sign-ups have come from your network. Please send the form again in"
        " %(num)s minute, or from another network.",
        "Very many sign-ups have come from your network. Please send the form again in"
        " %(num)s minutes, or from another network.",
        wait // 60 + 1,
    )
    return _page(offer, entered), 429, {"Retry-After": str(wait)}


def _write_down(offer: Offer, entered: SignupInput) -> None:
    settings = services().settings
    shown = f"s/{offer.slug}/embed" if _is_embedded() else f"s/{offer.slug}"
    content = SignupContent(
        address=entered.address,
        notice_ids=entered.notice_ids,
        language=language(),
        form_url=settings.link(shown),
        values=entered.values,
        ip=visitor_ip(settings),
        network=_network_fingerprint(settings),
        user_agent="".join(filter(str.isprintable, request.user_agent.string))[:500],
    )
    with services().unit_of_work() as tx:
        receive(tx, form_id=offer.form_id, content=content, at=now())
