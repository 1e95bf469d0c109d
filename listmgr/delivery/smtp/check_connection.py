"""Check a sender: connect, verify TLS, sign in, and report what the server offers."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass

from listmgr.config import MailSettings
from listmgr.delivery.smtp.connection import (
    ServerUnavailable,
    SmtpConnection,
)


@dataclass(frozen=True, slots=True)
class Trial:
    """Result of a check. `fault` says what to do; nothing was sent."""

    fault: str = ""
    milliseconds: int = 0
    tls: str = ""
    certificate: str = ""
    signed_in: bool = False
    extensions: tuple[tuple[str, str], ...] = ()


def try_account(account: MailSettings) -> Trial:
    """Connect, say EHLO, encrypt and sign in as a campaign would, then disconnect."""
    begun = time.monotonic()
    try:
        session = SmtpConnection(account)
    except ServerUnavailable as error:
        return Trial(str(error), milliseconds=_since(begun))
    took = _since(begun)
    try:
        tls, certificate = _encryption(session)
        offered = tuple(sorted(session.extensions.items()))
    finally:
        session.close()
    return Trial("", took, tls, certificate, bool(account.username), offered)


def _since(begun: float) -> int:
    return round(1000 * (time.monotonic() - begun))


def _encryption(session: SmtpConnection) -> tuple[str, str]:
    """Return the TLS version and the expiry of the certificate."""
    if not isinstance(session.sock, ssl.SSLSocket):
        return "", ""
    certificate = session.sock.getpeercert() or {}
    return session.sock.version() or "TLS", str(certificate.get("notAfter", ""))
