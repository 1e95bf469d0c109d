"""Parse any mail, however malformed, as the development mailbox shows it."""

from __future__ import annotations

from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

# What the standard library raises over headers and bodies that no honest program writes.
_DAMAGED = (LookupError, ValueError, TypeError, AttributeError)
_SHOWN = (
    "From",
    "To",
    "Date",
    "Message-ID",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
)
_ENVELOPE = b"X-Envelope-To: "


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A mail for display: its relevant headers and both bodies as text."""

    subject: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str


def with_envelope(recipient: str, octets: bytes) -> bytes:
    """Return a mail with its envelope recipient on top, which its headers need not name."""
    return _ENVELOPE + recipient.encode("utf-8", "replace") + b"\r\n" + octets


def envelope_and_subject(octets: bytes) -> tuple[str, str, bool]:
    """Return recipient, subject, and whether a campaign sent it, for a list of mails.

    A campaign's mail has an unsubscribe header; a test mail is recognized by its id.
    """
    first, _, rest = octets.partition(b"\r\n")
    recipient = first.removeprefix(_ENVELOPE).decode("utf-8", "replace")
    head = rest.partition(b"\r\n\r\n")[0]
    mail = _parsed(head + b"\r\n\r\n")
    is_test = _header(mail, "Message-ID").lstrip("<").startswith("test.")
    is_campaign = bool(_header(mail, "List-Unsubscribe")) and not is_test
    return recipient, _header(mail, "Subject"), is_campaign


def read_mail(octets: bytes) -> ReadMail:
    """Parse a mail; undecodable parts are shown as well as possible."""
    mail = _parsed(octets)
    headers = ((name, _header(mail, name)) for name in _SHOWN)
    return ReadMail(
        subject=_header(mail, "Subject"),
        headers=tuple((name, value) for name, value in headers if value),
        text=_body(mail, "plain"),
        html=_body(mail, "html"),
    )


def _parsed(octets: bytes) -> EmailMessage:
    message = message_from_bytes(octets, policy=default)
    assert isinstance(message, EmailMessage)
    return message


def _header(mail: EmailMessage, name: str) -> str:
    try:
        return str(mail[name] or "")
    except _DAMAGED:
        return "(damaged)"


def _body(mail: EmailMessage, kind: str) -> str:
    try:
        part = mail.get_body((kind,))
        if part is None:
            return ""
        try:
            return str(part.get_content())
        except _DAMAGED:
            octets = part.get_payload(decode=True)
            return octets.decode("utf-8", "replace") if isinstance(octets, bytes) else ""
    except _DAMAGED:
        return "(damaged; see the source)"
