"""Validate and write header values."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from listmgr.kit.i18n import (
    N_,
    lazy_message,
)

WIDTH = 76
_WORD_OVERHEAD = len("=?utf-8?b??=")
# C0, DEL, C1 (with NEL), the two Unicode line ends, and halves of characters (T-17).
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PLAIN = re.compile(r"[!-~]{1,60}(?: [!-~]{1,75})*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*")
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,39}")
_BOUNCE_TOKEN = re.compile(r"[a-z2-7]{1,62}")
_LIST_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?")
_LAPTOP = frozenset({"localhost", "127.0.0.1", "::1"})


class HeaderRefused(ValueError):
    """A value would break out of its header line, or is invalid for that header."""


def clean(value: str, *, what: str) -> str:
    """Return the value without surrounding spaces. Raises HeaderRefused for line ends and control
    characters.
    """
    unsafe = _UNSAFE.search(value)
    if unsafe:
        sentence = N_(
            "%(what)s contains a line break or control character (U+%(code)s at "
            "position %(position)s). Remove it."
        )
        code, position = f"{ord(unsafe[0]):04X}", str(unsafe.start() + 1)
        raise HeaderRefused(lazy_message(sentence, what=what, code=code, position=position))
    return value.strip()


def is_domain(value: str) -> bool:
    """Whether it may follow an @ in a header: letters, digits, dots and hyphens."""
    return bool(_DOMAIN.fullmatch(value))


def scrub(value: str) -> str:
    """Replace line ends and control characters by spaces, so that a stranger's input stays one
    line.
    """
    return value if value.isascii() and value.isprintable() else _UNSAFE.sub(" ", value)


def header(name: str, value: str) -> str:
    """Return an unstructured header, folded (RFC 5322) and encoded (RFC 2047), without line end."""
    if not _NAME.fullmatch(name):
        raise HeaderRefused(lazy_message(N_("“%(name)s” is not a header name."), name=scrub(name)))
    return f"{name}:{unstructured(clean(value, what=name), used=len(name) + 1)}"


def unstructured(value: str, *, used: int) -> str:
    """Return what follows the colon, with its space; `used` columns of the line are taken."""
    if not value:
        return ""
    if _PLAIN.fullmatch(value) and "=?" not in value:
        return _fold(value.split(" "), used)
    return _fold(list(_encoded_words(value, WIDTH - used - 1)), used)


def mailbox(name: str, display: str, address: str) -> str:
    """Return a header with one mailbox: `From: Display <local@a-label.example>`, ASCII only."""
    local, _, domain = clean(address, what=name).rpartition("@")
    if not (_LOCAL.fullmatch(local) and _DOMAIN.fullmatch(domain)):
        sentence = N_("%(name)s needs an address like news@example.org.")
        raise HeaderRefused(lazy_message(sentence, name=name))
    return f"{name}:{_named(clean(display, what=name), f'<{local}@{domain}>', len(name) + 1)}"


def list_id(phrase: str, label: str, domain: str) -> str:
    """Return the value `Phrase <label.domain>` of List-Id, at most 255 characters (RFC 2919,
    M-04).
    """
    label = label.lower()
    if not (_LIST_LABEL.fullmatch(label) and _DOMAIN.fullmatch(domain)):
        raise HeaderRefused(N_("The label of a list is made of a-z, 0-9, - and _."))
    value = f"{clean(phrase, what='List-Id')} <{label}.{domain.lower()}>".strip()
    if len(value) > 255:
        raise HeaderRefused(N_("The name of the list is too long for List-Id (255 characters)."))
    return value


def list_id_header(value: str) -> str:
    """Return the List-Id line for a value of `list_id`."""
    phrase, bracket, rest = clean(value, what="List-Id").rpartition("<")
    if not bracket or not _DOMAIN.fullmatch(rest.removesuffix(">").replace("_", "-")):
        raise HeaderRefused(N_("List-Id looks like: Name of the list <label.example.org>."))
    return f"List-Id:{_named(phrase.strip(), f'<{rest}', len('List-Id:'))}"


def unsubscribe_base(url: str) -> str:
    """Return the URL a token is appended to; HTTPS except on localhost (RFC 8058, M-01)."""
    parts = urlsplit(clean(url, what="List-Unsubscribe"))
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LAPTOP)
    if not safe or not re.fullmatch(r"[!-;=?-~]+", url) or len(url) > 500:
        raise HeaderRefused(N_("The unsubscribe link must begin with https://; set BASE_URL so."))
    return url


def envelope_sender(token: str, domain: str) -> str:
    """Return `b+<token>@domain`: bounces lead to their delivery, and it contains no address
    (M-08).
    """
    if not _BOUNCE_TOKEN.fullmatch(token) or not _DOMAIN.fullmatch(domain):
        raise HeaderRefused(N_("A bounce token is lower-case base32, at most 62 characters."))
    return f"b+{token}@{domain}"


def envelope_token(address: str, domain: str) -> str | None:
    """Return the token in an address of `envelope_sender`, or None; it is not verified here."""
    local, _, host = address.strip().strip("<>").lower().rpartition("@")
    token = local.removeprefix("b+")
    if host != domain.lower() or token == local or not _BOUNCE_TOKEN.fullmatch(token):
        return None
    return token


def _named(display: str, bracketed: str, used: int) -> str:
    room = WIDTH - used - 1
    quoted = '"' + re.sub(r'(["\\])', r"\\\1", display) + '"'
    if not display:
        words = []
    elif _ATOMS.fullmatch(display) and _PLAIN.fullmatch(display) and "=?" not in display:
        words = display.split(" ")
    elif display.isascii() and len(quoted) <= room and "=?" not in display:
        words = [quoted]
    else:
        words = list(_encoded_words(display, room))
    return _fold([*words, bracketed], used)


def _fold(words: list[str], used: int) -> str:
    """Join words with spaces, starting a new line where one is full."""
    out: list[str] = []
    for word in words:
        if used + 1 + len(word) > WIDTH and out:
            out.append("\r\n")
            used = 0
        out.append(f" {word}")
        used += 1 + len(word)
    return "".join(out)


def _encoded_words(value: str, room: int) -> Iterator[str]:
    """Yield encoded words of whole characters; the first fits `room` columns, the others a line."""
    limit = (room - _WORD_OVERHEAD) // 4 * 3
    chunk = b""
    for character in value:
        octets = character.encode()
        if len(chunk) + len(octets) > limit:
            yield _encoded_word(chunk)
            chunk, limit = b"", 45
        chunk += octets
    yield _encoded_word(chunk)


def _encoded_word(octets: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(octets).decode()}?="
