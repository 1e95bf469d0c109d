"""Every setting of the program, read once from the environment into one frozen value."""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit


class SettingsError(Exception):
    """A setting is missing or wrong; the message says which and what to write."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """How mail leaves: one SMTP submission account."""

    host: str = "127.0.0.1"
    port: int = 25
    security: str = "none"
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 20.0
    # The most connections one worker opens: with DATA each mail costs a round trip.
    connections: int = 8
    sender: str = "listmgr@localhost"
    bounce_domain: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole configuration. Secrets never show in its representation."""

    data_dir: Path
    base_url: str
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    suppression_key: bytes = field(repr=False)
    anchor_key: bytes = field(repr=False)
    mail: MailSettings = field(default_factory=MailSettings)
    confirm_days: int = 7
    ageing_months: int = 36
    ageing_warn_months: int = 24
    proof_retention_years: int = 3
    question_per_day: int = 1
    question_per_month: int = 3
    domain_per_hour: int = 200
    signup_min_seconds: float = 2.0
    signups_per_hour: int = 60
    ip_storage: str = "full"
    scanner_seconds: float = 2.0
    window_size: int = 500
    window_seconds: float = 1.0
    lease_size: int = 1000
    lease_seconds: int = 60
    send_slots: int = 4
    # How long it is kept who got a campaign; 0 keeps it for ever.
    delivery_months: int = 24
    send_rate: float = 0.0
    trusted_proxies: int = 0
    card_days: int = 60
    card_picture_days: int = 30
    card_notice_days: int = 14
    api_per_minute: int = 120
    # Whom to ask whether a domain takes mail: empty for the system's servers, ("off",) for nobody.
    dns_servers: tuple[str, ...] = ()
    timezone: str = "Europe/Berlin"
    # The largest file of people, and how many days it is kept when it has been dealt with.
    import_megabytes: int = 512
    import_keep_days: int = 30

    @property
    def host(self) -> str:
        """The host every public link carries."""
        return urlsplit(self.base_url).netloc

    def link(self, path: str) -> str:
        """An absolute link; BASE_URL is its only source, never a request (T-16)."""
        return f"{self.base_url}/{path.lstrip('/')}"


def default_data_dir(env: Mapping[str, str]) -> Path:
    """Where the embedded servers and secrets live when nothing is said."""
    if "LISTMGR_DATA_DIR" in env:
        return Path(env["LISTMGR_DATA_DIR"]).expanduser().absolute()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/listmgr")
    home = env.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "listmgr"


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Read LISTMGR_*, DATABASE_URL and REDIS_URL.

    Raises SettingsError naming the setting. Secrets that are not set are made once and kept in
    the data directory, so that links in mails already sent stay valid after a restart.
    """
    env = os.environ if env is None else env
    data_dir = default_data_dir(env)
    base_url = env.get("LISTMGR_BASE_URL", "http://127.0.0.1:8080").rstrip("/")
    if urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).netloc:
        raise SettingsError(
            f"LISTMGR_BASE_URL is {base_url!r}; write for example https://news.example.org"
        )
    numbers = _numbers(env)
    if not 1 <= int(numbers.get("confirm_days", 7)) <= 14:
        raise SettingsError("LISTMGR_CONFIRM_DAYS must be between 1 and 14")
    if not 1 <= int(numbers.get("card_notice_days", 14)) <= 30:
        raise SettingsError("LISTMGR_CARD_NOTICE_DAYS must be between 1 and 30")
    return Settings(
        data_dir=data_dir,
        base_url=base_url,
        database_url=database_url(env.get("DATABASE_URL", "")),
        redis_url=redis_url(env.get("REDIS_URL", "")),
        secret_keys=tuple(_secret(env, data_dir, "SECRET_KEY").split(",")),
        suppression_key=_secret(env, data_dir, "SUPPRESSION_KEY").encode(),
        anchor_key=_secret(env, data_dir, "ANCHOR_KEY").encode(),
        mail=_mail(env, base_url),
        ip_storage=_choice(env, "IP_STORAGE", ("full", "truncated", "off")),
        dns_servers=_dns_servers(env.get("LISTMGR_DNS_SERVERS", "")),
        timezone=env.get("LISTMGR_TIMEZONE", "Europe/Berlin"),
        **numbers,  # type: ignore[arg-type]
    )


def database_url(url: str) -> str:
    """Accept the spellings people have in their environment; the driver is psycopg 3."""
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url[len(prefix) :]
    return url


def redis_url(url: str) -> str:
    """redis-py knows no valkey scheme; the protocol is the same."""
    if url.startswith("valkey://"):
        return "redis://" + url[len("valkey://") :]
    if url.startswith("valkeys://"):
        return "rediss://" + url[len("valkeys://") :]
    return url


_INTEGERS = (
    "confirm_days",
    "ageing_months",
    "ageing_warn_months",
    "proof_retention_years",
    "question_per_day",
    "question_per_month",
    "domain_per_hour",
    "signups_per_hour",
    "window_size",
    "lease_size",
    "lease_seconds",
    "send_slots",
    "delivery_months",
    "trusted_proxies",
    "card_days",
    "card_picture_days",
    "card_notice_days",
    "api_per_minute",
    "import_megabytes",
    "import_keep_days",
)
_FLOATS = ("signup_min_seconds", "scanner_seconds", "window_seconds", "send_rate")


def _numbers(env: Mapping[str, str]) -> dict[str, int | float]:
    found: dict[str, int | float] = {}
    for name in _INTEGERS + _FLOATS:
        raw = env.get(f"LISTMGR_{name.upper()}")
        if raw is None:
            continue
        try:
            found[name] = int(raw) if name in _INTEGERS else float(raw)
        except ValueError:
            raise SettingsError(f"LISTMGR_{name.upper()} is {raw!r}; write a number") from None
        if found[name] < 0:
            raise SettingsError(f"LISTMGR_{name.upper()} must not be negative")
    return found


def _dns_servers(raw: str) -> tuple[str, ...]:
    found = tuple(part for part in raw.replace(",", " ").split() if part)
    for server in found if found != ("off",) else ():
        try:
            dns_server(server)
        except ValueError:
            raise SettingsError(
                f"LISTMGR_DNS_SERVERS holds {server!r}; write for example 9.9.9.9,[2620:fe::fe]:53,"
                " or off"
            ) from None
    return found


def dns_server(written: str) -> tuple[str, int]:
    """The address and port of `9.9.9.9`, `9.9.9.9:5353` or `[2620:fe::fe]:53`; ValueError."""
    parts = urlsplit(f"//{written}")
    host = str(ipaddress.ip_address(parts.hostname or ""))
    return host, 53 if parts.port is None else parts.port


def _choice(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    value = env.get(f"LISTMGR_{name}", allowed[0])
    if value not in allowed:
        raise SettingsError(f"LISTMGR_{name} is {value!r}; write one of {', '.join(allowed)}")
    return value


def _mail(env: Mapping[str, str], base_url: str) -> MailSettings:
    raw = env.get("LISTMGR_SMTP_URL", "smtp://127.0.0.1:25")
    url = urlsplit(raw)
    security = {"smtp": "none", "smtp+starttls": "starttls", "smtps": "tls"}.get(url.scheme)
    if security is None or not url.hostname:
        raise SettingsError(
            "LISTMGR_SMTP_URL: write smtp+starttls://user:password@mail.example.org:587"
        )
    host = urlsplit(base_url).hostname or "localhost"
    connections = env.get("LISTMGR_SMTP_CONNECTIONS", "8")
    if not (connections.isdecimal() and 1 <= int(connections) <= 1000):
        raise SettingsError(f"LISTMGR_SMTP_CONNECTIONS is {connections!r}; write 1 to 1000")
    return MailSettings(
        host=url.hostname,
        port=url.port or {"none": 25, "starttls": 587, "tls": 465}[security],
        security=security,
        username=url.username or "",
        password=url.password or "",
        timeout=float(env.get("LISTMGR_SMTP_TIMEOUT", "20")),
        connections=int(connections),
        sender=env.get("LISTMGR_MAIL_SENDER", f"listmgr@{host}"),
        bounce_domain=env.get("LISTMGR_BOUNCE_DOMAIN", ""),
    )


def _secret(env: Mapping[str, str], data_dir: Path, name: str) -> str:
    given = env.get(f"LISTMGR_{name}")
    if given:
        return given
    path = data_dir / "secrets" / name.lower()
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    value = secrets.token_urlsafe(48)
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(value)
    except FileExistsError:  # Two processes start at once: the first one's secret counts.
        return path.read_text().strip()
    return value
