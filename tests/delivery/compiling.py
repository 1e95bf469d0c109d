"""Compiles and renders mails for tests, and reads them as mail programs do."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from hypothesis import settings

from listmgr.delivery.message.compiled import (
    CompiledMessage,
    MessageContent,
)
from listmgr.delivery.message.compiler import compile_message

DATE = "Mon, 23 Nov 2026 12:00:00 +0000"


BASE = {
    "subject": "News",
    "text": "Hello\n",
    "html": "<p>Hello</p>",
    "from_address": "news@example.org",
    "from_name": "Müller & Töchter",
    "message_id_domain": "example.org",
    "unsubscribe_base": "https://example.org/u/",
    "preferences_base": "https://example.org/p/",
    "list_id": "Our news <news.example.org>",
}


ANN = {
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Lee & Co",
    "email": "ann@example.org",
    "language": "en",
}


# Two cores are shared with others; how long an example took says nothing.
UNHURRIED = settings(deadline=None)


CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)]


def compiled(**content: object) -> CompiledMessage:
    return compile_message(MessageContent(**BASE | content))


def render(message: CompiledMessage, person: dict[str, str] = ANN, **options: str) -> bytes:
    given_ = {"to": "ann@example.org", "token": "to.k-e_n", "message_id": "7.ab", "date": DATE}
    return message.render([person[name] for name in message.fields], **given_ | options)


def read(octets: bytes) -> EmailMessage:
    parsed = message_from_bytes(octets, policy=default)
    assert isinstance(parsed, EmailMessage)
    assert [part.defects for part in parsed.walk() if part.defects] == []
    return parsed


def body(parsed: EmailMessage, subtype: str) -> str:
    part = parsed.get_body((subtype,))
    return part.get_content().replace("\r\n", "\n") if part else ""


def check_wire(octets: bytes, *, unbreakable: tuple[bytes, ...] = (b"List-Unsubscribe: ",)) -> None:
    """CRLF and nothing else ends a line; no line is long; none begins with a dot (M-12, M-14)."""
    assert octets.endswith(b"\r\n")
    for line in octets.split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line
        assert not line.startswith(b".")
        assert len(line) <= (998 if line.startswith(unbreakable) else 78)
