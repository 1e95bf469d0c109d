"""Create, edit, disable and enable senders: connection, addresses served, limits."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from listmgr.kit.encryption import seal
from listmgr.kit.errors import NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator
from listmgr.senders.limits_form import (
    LimitsForm,
    checked_domains,
    checked_pacing,
)
from listmgr.senders.models import BUILT_IN, Sender, SenderDomain
from listmgr.senders.quiet_hours import (
    QuietHoursForm,
    checked_quiet,
)
from listmgr.senders.routing import (
    BUILT_IN_NAME,
    SEAL,
)
from listmgr.subscribers.address import AddressError, parse_address

PORTS = {"none": 25, "starttls": 587, "tls": 465}
_HOST = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*\Z"
)


@dataclass(frozen=True, slots=True)
class AccountForm:
    """An account as typed. An empty password keeps the stored one."""

    name: str = ""
    host: str = ""
    port: str = ""
    security: str = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    envelope: str = ""
    bounce_domain: str = ""
    serves: str = ""
    processor: str = ""
    processor_country: str = ""
    processor_contract: str = ""


def create_sender(tx: Transaction, form: AccountForm, *, at: datetime) -> Sender:
    """Create a sender without limits. Raises InvalidInput."""
    typed = Validator()
    values = _checked(form, typed)
    typed.done()
    sender = Sender(created_at=at, password=_sealed(tx, form), **values)
    tx.session.add(sender)
    tx.session.flush()
    return sender


def edit_sender(tx: Transaction, sender_id: int, form: AccountForm) -> Sender:
    """Change its connection and the addresses it serves. Raises InvalidInput."""
    sender = lock_sender(tx, sender_id)
    typed = Validator()
    values = _checked(form, typed)
    if not form.password and sender.password and _leads_elsewhere(sender, values):
        # Else whoever may edit could have the password sent to a host of their own.
        typed.wrong |= {
            "password": N_("Type the password again, because it will be sent to another server.")
        }
    typed.done()
    for name, value in values.items():
        setattr(sender, name, value)
    if form.password or not form.username.strip():
        sender.password = _sealed(tx, form)
    return sender


def pace_sender(
    tx: Transaction,
    sender_id: int,
    form: LimitsForm,
    quiet: QuietHoursForm,
    domains: list[tuple[str, dict[str, str]]],
    *,
    providers: frozenset[str] = frozenset(),
) -> Sender:
    """Change its limits, warm-up plan and quiet hours. Raises InvalidInput.

    `providers` are the names that stand for many domains.
    """
    sender = ensure_built_in(tx) if sender_id == BUILT_IN else lock_sender(tx, sender_id)
    typed = Validator()
    values = checked_pacing(typed, form) | checked_quiet(typed, quiet)
    limits = checked_domains(typed, domains, providers=providers)
    typed.done()
    for name, value in values.items():
        setattr(sender, name, value)
    sender.domains = [SenderDomain(scope=scope, **limit) for scope, limit in limits.items()]
    sender.revision += 1
    tx.session.flush()
    return sender


def disable_sender(tx: Transaction, sender_id: int, *, at: datetime) -> Sender:
    """Stop sending by it; campaigns that use it stop and say so."""
    if sender_id == BUILT_IN:
        raise Refused(N_("The account of the settings cannot be disabled."))
    sender = lock_sender(tx, sender_id)
    sender.disabled_at = sender.disabled_at or at
    return sender


def enable_sender(tx: Transaction, sender_id: int) -> Sender:
    """Allow sending by it again."""
    sender = lock_sender(tx, sender_id)
    sender.disabled_at = None
    return sender


def ensure_built_in(tx: Transaction) -> Sender:
    """Return the row of the configured account, created when a limit is first set."""
    tx.session.execute(
        sa.text("INSERT INTO senders (id, name) VALUES (:id, :name) ON CONFLICT DO NOTHING"),
        {"id": BUILT_IN, "name": BUILT_IN_NAME},
    )
    return lock_sender(tx, BUILT_IN)


def lock_sender(tx: Transaction, sender_id: int) -> Sender:
    """Return the sender, locked until the commit. Raises NotFound."""
    sender = tx.session.get(Sender, sender_id, with_for_update=True, populate_existing=True)
    if sender is None:
        raise NotFound(N_("There is no such sender."))
    return sender


def _sealed(tx: Transaction, form: AccountForm) -> str:
    return seal(tx.settings.secret_keys, SEAL, form.password) if form.password else ""


def _leads_elsewhere(sender: Sender, values: dict[str, object]) -> bool:
    weaker = PORTS.keys() - {"none"}
    return (
        sender.host != values["host"]
        or sender.port != values["port"]
        or (sender.security in weaker and values["security"] == "none")
    )


def _checked(form: AccountForm, typed: Validator) -> dict[str, object]:
    security = form.security if form.security in PORTS else "starttls"
    if security == "none" and form.password and not _is_here(form.host.strip()):
        typed.wrong["security"] = N_(
            "A password must not go unencrypted over a network. Choose TLS."
        )
    return {
        "name": typed.line("name", form.name, missing=N_("Give the sender a name."), limit=100),
        "host": _host(typed, form.host),
        "port": _port(typed, form.port, PORTS[security]),
        "security": security,
        "username": typed.line("username", form.username),
        "envelope": _address(typed, "envelope", form.envelope),
        "bounce_domain": _domain(typed, "bounce_domain", form.bounce_domain),
        "serves": _served(typed, form.serves),
        "processor": typed.line(
            "processor",
            form.processor,
            missing=N_("Write who runs this server; your own company's name if it is yours."),
        ),
        "processor_country": typed.line("processor_country", form.processor_country),
        "processor_contract": typed.line("processor_contract", form.processor_contract),
    }


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(typed: Validator, text: str) -> str:
    host = typed.line("host", text, missing=N_("Write the name of the mail server.")).lower()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host and not _HOST.match(host):
            typed.wrong["host"] = N_(
                "Write a name such as mail.example.org, without port or smtp://."
            )
    return host


def _port(typed: Validator, text: str, usual: int) -> int:
    text = text.strip()
    if not text:
        return usual
    if text.isascii() and text.isdecimal() and len(text) < 6 and 0 < int(text) < 65_536:
        return int(text)
    typed.wrong["port"] = N_("Write a number from 1 to 65535.")
    return usual


def _address(typed: Validator, name: str, text: str) -> str:
    try:
        envelope = parse_address(text).envelope
    except AddressError:
        envelope = ""
    if not envelope or not envelope.isascii():
        typed.wrong[name] = N_("Write an e-mail address: bounces@example.org.")
        return ""
    return envelope


def _domain(typed: Validator, name: str, text: str) -> str:
    text = text.strip().lower()
    return _address(typed, name, f"x@{text}").rpartition("@")[2] if text else ""


def _served(typed: Validator, text: str) -> list[str]:
    """Parse From addresses and domains, separated by lines or commas."""
    served = []
    for word in re.findall(r"[^\s,;]+", typed.text("serves", text).lower()):
        try:
            parsed = parse_address(word if "@" in word.lstrip("@") else f"x@{word.lstrip('@')}")
        except AddressError:
            typed.wrong["serves"] = N_("Write addresses or domains, one a line: example.org.")
            continue
        address = parsed.display.lower()
        served.append(address if "@" in word.lstrip("@") else address.rpartition("@")[2])
    return sorted(set(served))
