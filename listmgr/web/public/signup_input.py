"""What a visitor typed into a sign-up form: read, kept so that a mistake loses nothing, checked."""

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
class Entered:
    """The fields of a form, and what is wrong with each, in words."""

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


def read_form(offer: Offer) -> Entered:
    """The fields of this request, in bounds; what they hold is looked at by `check`."""
    sent = request.form
    return Entered(
        address=sent.get("address", "")[:400],
        typed={ask.field.key: sent.get(ask.field.key, "")[:MOST_TYPED] for ask in offer.asks},
        notice_ids=tuple(sorted(numbers(sent.getlist("notice")))),
        began=sent.get("began", "")[:1000],
    )


def numbers(values: Iterable[str]) -> set[int]:
    """The values that are ids; whatever else was sent is left out."""
    return {int(value) for value in values if value.isdecimal() and len(value) < 18}


def check(entered: Entered, offer: Offer, settings: Settings) -> None:
    """Write down what is wrong, or what was probably meant. Asks the DNS."""
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


def _check_domain(entered: Entered, address: Address, settings: Settings) -> None:
    domain = address.domain
    meant = typo_hint(domain)
    if meant is not None and request.form.get("meant") != domain:
        entered.mistyped = domain
        entered.suggestion = f"{address.display.rpartition('@')[0]}@{meant}"
    elif takes_no_mail(domain, settings.dns_servers):
        entered.problems["address"] = _(
            "%(domain)s does not take any mail. Please check what stands after the @.",
            domain=address.display.rpartition("@")[2],
        )


def _check_fields(entered: Entered, offer: Offer) -> None:
    """Each value as it is kept (T-17); the same for everybody, whoever they are (T-10)."""
    for ask in offer.asks:
        key = ask.field.key
        try:
            entered.values[key] = ask.field.parse(entered.typed.get(key, ""))
        except InvalidInput as error:
            entered.problems[key] = translate_error(error)
            continue
        if ask.required and not entered.values[key]:
            entered.problems[key] = _("Please fill this in.")


def _check_choice(entered: Entered, offer: Offer) -> None:
    known = set(entered.notice_ids) & offer.acceptable
    if not entered.notice_ids:
        entered.problems["notice"] = _("Please choose at least one option.")
    elif not known:
        entered.problems["notice"] = _(
            "The wording has changed since you opened the page. Please read it and choose again."
        )
    entered.notice_ids = tuple(sorted(known))


def make_stamp(settings: Settings, form_id: int, at: datetime) -> str:
    """When a form was opened, signed, to the millisecond."""
    return make_token(
        settings.secret_keys, TokenPurpose.FORM, form_id, round(at.timestamp() * 1000)
    )


def age(settings: Settings, stamp: str, form_id: int, at: datetime) -> timedelta | None:
    """How long ago the form was opened; None for a stamp that is not ours, or too old."""
    try:
        parts = open_token(settings.secret_keys, TokenPurpose.FORM, stamp)
    except TokenError:
        return None
    if len(parts) != 2 or parts[0] != form_id:
        return None
    passed = at - datetime.fromtimestamp(int(parts[1]) / 1000, tz=at.tzinfo)
    # Of another host's clock, perhaps: then nothing is known, and a new stamp is made.
    return passed if timedelta() <= passed < STAMP_LIVES else None


def too_fast(settings: Settings, entered: Entered, form_id: int, at: datetime) -> bool:
    """Programs fill a form at once; without a sound stamp it costs a second press (T-09)."""
    least = settings.signup_min_seconds
    if least <= 0:
        return False
    passed = age(settings, entered.began, form_id, at)
    return passed is None or passed < timedelta(seconds=least)
