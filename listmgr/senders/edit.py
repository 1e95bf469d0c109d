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
    PacingTold,
    checked_domains,
    checked_pacing,
)
from listmgr.senders.models import BUILT_IN, Sender, SenderDomain
from listmgr.senders.quiet_hours import (
    QuietTold,
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
class AccountTold:
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


def create_sender(tx: Transaction, told: AccountTold, *, at: datetime) -> Sender:
    """Create a sender without limits. Raises InvalidInput."""
    typed = Validator()
    values = _checked(told, typed)
    typed.done()
    made = Sender(created_at=at, password=_sealed(tx, told), **values)
    tx.session.add(made)
    tx.session.flush()
    return made


def edit_sender(tx: Transaction, sender_id: int, told: AccountTold) -> Sender:
    """Change its connection and the addresses it serves. Raises InvalidInput."""
    found = lock_sender(tx, sender_id)
    typed = Validator()
    values = _checked(told, typed)
    if not told.password and found.password and _leads_elsewhere(found, values):
        # Else whoever may edit could have the password sent to a host of their own.
        typed.wrong |= {"password": N_("Type the password again: it goes to another server now.")}
    typed.done()
    for name, value in values.items():
        setattr(found, name, value)
    if told.password or not told.username.strip():
        found.password = _sealed(tx, told)
    return found


def pace_sender(
    tx: Transaction,
    sender_id: int,
    told: PacingTold,
    quiet: QuietTold,
    domains: list[tuple[str, dict[str, str]]],
    *,
    providers: frozenset[str] = frozenset(),
) -> Sender:
    """Change its limits, warm-up plan and quiet hours. Raises InvalidInput.

    `providers` are the names that stand for many domains.
    """
    found = ensure_built_in(tx) if sender_id == BUILT_IN else lock_sender(tx, sender_id)
    typed = Validator()
    values = checked_pacing(typed, told) | checked_quiet(typed, quiet)
    limits = checked_domains(typed, domains, providers=providers)
    typed.done()
    for name, value in values.items():
        setattr(found, name, value)
    found.domains = [SenderDomain(scope=scope, **limit) for scope, limit in limits.items()]
    found.revision += 1
    tx.session.flush()
    return found


def disable_sender(tx: Transaction, sender_id: int, *, at: datetime) -> Sender:
    """Stop sending by it; campaigns that use it stop and say so."""
    if sender_id == BUILT_IN:
        raise Refused(N_("The account of the settings cannot be disabled."))
    found = lock_sender(tx, sender_id)
    found.disabled_at = found.disabled_at or at
    return found


def enable_sender(tx: Transaction, sender_id: int) -> Sender:
    """Allow sending by it again."""
    found = lock_sender(tx, sender_id)
    found.disabled_at = None
    return found


def ensure_built_in(tx: Transaction) -> Sender:
    """Return the row of the configured account, created when a limit is first set."""
    tx.session.execute(
        sa.text("INSERT INTO senders (id, name) VALUES (:id, :name) ON CONFLICT DO NOTHING"),
        {"id": BUILT_IN, "name": BUILT_IN_NAME},
    )
    return lock_sender(tx, BUILT_IN)


def lock_sender(tx: Transaction, sender_id: int) -> Sender:
    """Return the sender, locked until the commit. Raises NotFound."""
    found = tx.session.get(Sender, sender_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(N_("There is no such sender."))
    return found


def _sealed(tx: Transaction, told: AccountTold) -> str:
    return seal(tx.settings.secret_keys, SEAL, told.password) if told.password else ""


def _leads_elsewhere(found: Sender, values: dict[str, object]) -> bool:
    weaker = PORTS.keys() - {"none"}
    return (
        found.host != values["host"]
        or found.port != values["port"]
        or (found.security in weaker and values["security"] == "none")
    )


def _checked(told: AccountTold, typed: Validator) -> dict[str, object]:
    security = told.security if told.security in PORTS else "starttls"
    if security == "none" and told.password and not _is_here(told.host.strip()):
        typed.wrong["security"] = N_(
            "A password must not go unencrypted over a network. Choose TLS."
        )
    return {
        "name": typed.line("name", told.name, missing=N_("Give the sender a name."), limit=100),
        "host": _host(typed, told.host),
        "port": _port(typed, told.port, PORTS[security]),
        "security": security,
        "username": typed.line("username", told.username),
        "envelope": _address(typed, "envelope", told.envelope),
        "bounce_domain": _domain(typed, "bounce_domain", told.bounce_domain),
        "serves": _served(typed, told.serves),
        "processor": typed.line(
            "processor",
            told.processor,
            missing=N_("Write who runs this server; your own company's name if it is yours."),
        ),
        "processor_country": typed.line("processor_country", told.processor_country),
        "processor_contract": typed.line("processor_contract", told.processor_contract),
    }


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(typed: Validator, told: str) -> str:
    host = typed.line("host", told, missing=N_("Write the name of the mail server.")).lower()
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if host and not _HOST.match(host):
            typed.wrong["host"] = N_(
                "Write a name such as mail.example.org, without port or smtp://."
            )
    return host


def _port(typed: Validator, told: str, usual: int) -> int:
    told = told.strip()
    if not told:
        return usual
    if told.isascii() and told.isdecimal() and len(told) < 6 and 0 < int(told) < 65_536:
        return int(told)
    typed.wrong["port"] = N_("Write a number from 1 to 65535.")
    return usual


def _address(typed: Validator, name: str, told: str) -> str:
    try:
        found = parse_address(told).envelope
    except AddressError:
        found = ""
    if not found or not found.isascii():
        typed.wrong[name] = N_("Write an e-mail address: bounces@example.org.")
        return ""
    return found


def _domain(typed: Validator, name: str, told: str) -> str:
    told = told.strip().lower()
    return _address(typed, name, f"x@{told}").rpartition("@")[2] if told else ""


def _served(typed: Validator, told: str) -> list[str]:
    """Parse From addresses and domains, separated by lines or commas."""
    found = []
    for word in re.findall(r"[^\s,;]+", typed.text("serves", told).lower()):
        try:
            parsed = parse_address(word if "@" in word.lstrip("@") else f"x@{word.lstrip('@')}")
        except AddressError:
            typed.wrong["serves"] = N_("Write addresses or domains, one a line: example.org.")
            continue
        address = parsed.display.lower()
        found.append(address if "@" in word.lstrip("@") else address.rpartition("@")[2])
    return sorted(set(found))
