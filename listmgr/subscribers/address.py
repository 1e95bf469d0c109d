"""One mail address in its forms: as typed, displayed, sent to, and as an identity (T-22)."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from email_validator import EmailNotValidError, EmailSyntaxError, validate_email

from listmgr.kit.hmac_sha256 import keyed
from listmgr.kit.i18n import N_

MAX_TYPED = 400
MAX_LOCAL_OCTETS = 64
# What needs no further look: the local parts nearly everybody has.
_PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*\Z")
_GOOGLE = frozenset({"gmail.com", "googlemail.com"})
_ROLES = frozenset(
    {"abuse", "admin", "billing", "hostmaster", "info", "kontakt", "mail", "noc", "office"}
    | {"postmaster", "sales", "security", "service", "support", "webmaster"}
)
_TYPOS = {
    "gmial.com": "gmail.com",
    "gmai.com": "gmail.com",
    "gmail.de": "gmail.com",
    "hotmial.com": "hotmail.com",
    "outlok.com": "outlook.com",
    "web.com": "web.de",
    "gmx.ed": "gmx.de",
    "t-onlin.de": "t-online.de",
    "yaho.com": "yahoo.com",
}


class AddressError(ValueError):
    """An invalid address: `reason` is a stable key, the message is for people."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Address(NamedTuple):
    """A validated address.

    `display` has a Unicode domain, `envelope` an A-label domain. `key` is the identity; it keeps
    dots and plus tags, which people use on purpose.
    """

    typed: str
    display: str
    envelope: str
    key: str
    domain: str
    smtputf8: bool

    @property
    def mailbox_key(self) -> str:
        """The mailbox behind the key, for rate limits only: without a tag and without Google's
        dots.

        On a server without tags, addresses with a plus share the limits of the part before it (RFC
        5233), which costs little.
        """
        local, _, domain = self.key.rpartition("@")
        local = local.partition("+")[0] or local
        if domain in _GOOGLE:
            return local.replace(".", "") + "@gmail.com"
        return f"{local}@{domain}"


def parse_address(typed: str) -> Address:
    """Validate what somebody typed. Raises AddressError.

    Surrounding spaces and the dot after a domain are removed; nothing else is corrected (T-23).
    """
    text = typed.strip(" \t\r\n")
    if not text:
        raise AddressError("empty", N_("Please enter an e-mail address."))
    if len(text) > MAX_TYPED:
        raise AddressError("too_long", N_("This is too long for an e-mail address."))
    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError("no_at", N_("An e-mail address has an @ sign: name@example.org."))
    domain = domain.removesuffix(".")
    if _PLAIN_LOCAL.match(local) and len(local) <= 64:
        shown, ascii_domain = _domain(domain)
        if len(local) + 1 + len(ascii_domain) > 254:
            raise AddressError("too_long", N_("This is too long for an e-mail address."))
        return _address(typed, local, shown, ascii_domain)
    return _unusual(typed, f"{local}@{domain}")


def _unusual(typed: str, text: str) -> Address:
    try:
        checked = validate_email(text, check_deliverability=False, allow_quoted_local=False)
    except EmailNotValidError:
        raise AddressError("invalid", _what_is_wrong(text)) from None
    shown = unicodedata.normalize("NFC", checked.domain)
    return _address(typed, checked.local_part, shown, (checked.ascii_domain or shown).lower())


@lru_cache(maxsize=1 << 15)
def _domain(domain: str) -> tuple[str, str]:
    """Return the domain as displayed and as A-label; cached, since the rows of an import share few
    domains.
    """
    try:
        checked = validate_email(f"a@{domain}", check_deliverability=False)
    except EmailSyntaxError:
        raise AddressError("domain", _what_is_wrong(f"a@{domain}")) from None
    return checked.domain, checked.ascii_domain.lower()


def _what_is_wrong(text: str) -> str:
    """Return a translatable message about the fault; the library's messages are English only."""
    if "<" in text or ">" in text:
        return N_("Only the address itself is wanted, without a name and brackets.")
    if any(mark in text for mark in ",;") or text.count("@") > 1:
        return N_("Only one e-mail address is wanted, with one @ sign.")
    if any(char.isspace() for char in text):
        return N_("An e-mail address has no space in it.")
    try:
        validate_email("a@" + text.rpartition("@")[2], check_deliverability=False)
    except EmailNotValidError:
        return N_("What stands after the @ sign is no valid domain: name@example.org.")
    return N_("What stands before the @ sign is no valid name of a mailbox.")


def _address(typed: str, local: str, shown: str, domain: str) -> Address:
    # RFC 5321, 4.5.3.1.1 counts octets, also of what RFC 6531 allows.
    if len(local.encode()) > MAX_LOCAL_OCTETS:
        raise AddressError("too_long", N_("This is too long for an e-mail address."))
    plain = local.isascii()
    folded = local.lower() if plain else _folded(local)
    return Address(
        typed, f"{local}@{shown}", f"{local}@{domain}", f"{folded}@{domain}", domain, not plain
    )


def _folded(local: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).casefold())


def fingerprint(key: bytes, address_key: str) -> bytes:
    """Return the HMAC-SHA-256 (32 bytes) of an address key, under a key that is not in the
    database.
    """
    return keyed(key)(address_key.encode())


def mask(display: str) -> str:
    """Shorten an address so that only its owner recognizes it: a…@e….org."""
    local, _, domain = display.rpartition("@")
    name, dot, rest = domain.partition(".")
    return f"{local[:1]}…@{name[:1]}…{dot}{rest.rpartition('.')[2]}"


def is_role(address: Address) -> bool:
    """Whether the address names a function rather than a person (RFC 2142 and common German
    names).
    """
    return address.key.partition("@")[0] in _ROLES


def typo_hint(domain: str) -> str | None:
    """Return the domain that was probably meant, as a hint; nothing is corrected."""
    return _TYPOS.get(domain.lower())
