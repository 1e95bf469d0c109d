"""Read and validate a submitted sign-up form without losing any input."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from flask import request
from flask_babel import gettext as _

from listmgr.config import Settings
from listmgr.kit.errors import InvalidInput
from listmgr.kit.tokens import TokenError, TokenPurpose, make_token, open_token
from listmgr.subscribers.address import Address, AddressError, parse_address, typo_hint
from listmgr.subscribers.mx_lookup import takes_no_mail
from listmgr.web.public.signup_form import Offer
from listmgr.web.translation import translate_error

# A field no person sees. No browser fills it in by itself, as it would one called "website".
TRAP = "comment"
MOST_TYPED = 1000
STAMP_LIVES = timedelta(days=1)


@dataclass(slots=True)
class SignupInput:
    """The submitted fields, and the message for each invalid one."""

    address: str = ""
    notice_ids: tuple[int, ...] = ()
    began: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    # What was probably meant; a hint for the person, never a correction (T-23).
    suggestion: str = ""
    mistyped: str = ""
    # What was typed into the catalogue's fields, and the same as it is kept.
    typed: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)


def read_form(offer: Offer) -> SignupInput:
    """Return the submitted fields, cut to their limits; `check` validates them."""
    sent = request.form
    return SignupInput(
        address=sent.get("address", "")[:400],
        typed={ask.field.key: sent.get(ask.field.key, "")[:MOST_TYPED] for ask in offer.asks},
        notice_ids=tuple(sorted(numbers(sent.getlist("notice")))),
        began=sent.get("began", "")[:1000],
    )


def numbers(values: Iterable[str]) -> set[int]:
    """Return the values that are ids; ignore all others."""
    return {int(value) for value in values if value.isdecimal() and len(value) < 18}


def check(entered: SignupInput, offer: Offer, settings: Settings) -> None:
    """Record what is invalid or probably mistyped. Queries the DNS."""
    try:
        address = parse_address(entered.address)
    except AddressError as error:
        entered.problems["address"] = (
            _("Please enter your e-mail address.")
            if error.reason == "empty"
            else _("We cannot write to this e-mail address. Please check it: name@example.org.")
        )
    else:
        _check_domain(entered, address, settings)
    _check_fields(entered, offer)
    _check_choice(entered, offer)


def _check_domain(entered: SignupInput, address: Address, settings: Settings) -> None:
    domain = address.domain
    meant = typo_hint(domain)
    if meant is not None and request.form.get("meant") != domain:
        entered.mistyped = domain
        entered.suggestion = f"{address.display.rpartition('@')[0]}@{meant}"
    elif takes_no_mail(domain, settings.dns_servers):
        entered.problems["address"] = _(
            "%(domain)s does not accept mail. Check the part after the @.",
            domain=address.display.rpartition("@")[2],
        )


def _check_fields(entered: SignupInput, offer: Offer) -> None:
    """Validate each field (T-17), the same for everybody (T-10)."""
    for ask in offer.asks:
        key = ask.field.key
        try:
            entered.values[key] = ask.field.parse(entered.typed.get(key, ""))
        except InvalidInput as error:
            entered.problems[key] = translate_error(error)
            continue
        if ask.required and not entered.values[key]:
            entered.problems[key] = _("Please fill this in.")


def _check_choice(entered: SignupInput, offer: Offer) -> None:
    chosen = set(entered.notice_ids) & offer.acceptable
    if not entered.notice_ids:
        entered.problems["notice"] = _("Please choose at least one option.")
    elif not chosen:
        entered.problems["notice"] = _(
            "The wording has changed since you opened the page. Please read it and choose again."
        )
    entered.notice_ids = tuple(sorted(chosen))


def make_stamp(settings: Settings, form_id: int, at: datetime) -> str:
    """Return a signed timestamp of when a form was opened, in milliseconds."""
    return make_token(
        settings.secret_keys, TokenPurpose.FORM, form_id, round(at.timestamp() * 1000)
    )


def age(settings: Settings, stamp: str, form_id: int, at: datetime) -> timedelta | None:
    """Return how long ago the form was opened; None for a forged or too old timestamp."""
    try:
        parts = open_token(settings.secret_keys, TokenPurpose.FORM, stamp)
    except TokenError:
        return None
    if len(parts) != 2 or parts[0] != form_id:
        return None
    passed = at - datetime.fromtimestamp(int(parts[1]) / 1000, tz=at.tzinfo)
    # Of another host's clock, perhaps: then nothing is known, and a new stamp is made.
    return passed if timedelta() <= passed < STAMP_LIVES else None


def too_fast(settings: Settings, entered: SignupInput, form_id: int, at: datetime) -> bool:
    """Whether a program seems to have filled in the form; an invalid timestamp counts as one
    (T-09).
    """
    least = settings.signup_min_seconds
    if least <= 0:
        return False
    passed = age(settings, entered.began, form_id, at)
    return passed is None or passed < timedelta(seconds=least)
