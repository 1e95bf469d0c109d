"""All settings, read once from the environment into one frozen value.

A field of `Settings` or `MailSettings` declared by `setting` is read from the environment variable
`LISTMGR_` + its name in capitals: type, bounds and default are declared in one place.
"""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import logging
import math
import os
import re
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from listmgr.languages import LANGUAGES

PREFIX = "LISTMGR_"
MIN_KEY_LENGTH = 32
_log = logging.getLogger(__name__)
_T = TypeVar("_T", int, float, str)


class SettingsError(Exception):
    """A setting is missing or invalid; the message says which and what to write."""


def setting(
    default: _T,
    low: float | None = None,
    high: float | None = None,
    *,
    choices: tuple[str, ...] = (),
    env: str = "",
) -> _T:
    """Declare a field that is read from the environment; both bounds are allowed values.

    `env` is the variable's name without the prefix, if it differs from the field's.
    """
    spec = {"default": default, "low": low, "high": high, "choices": choices, "env": env}
    return field(default=default, metadata={"setting": spec})


@dataclass(frozen=True, slots=True)
class MailSettings:
    """One SMTP submission account."""

    host: str = "127.0.0.1"
    port: int = 25
    security: str = "none"
    username: str = ""
    password: str = field(default="", repr=False)
    # Seconds to wait for the mail server.
    timeout: float = setting(20.0, 1, 600, env="SMTP_TIMEOUT")
    # The most connections one worker opens: with DATA each mail costs a round trip.
    connections: int = setting(8, 1, 1000, env="SMTP_CONNECTIONS")
    sender: str = "listmgr@localhost"
    bounce_domain: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The complete configuration. Secrets never appear in its representation."""

    data_dir: Path
    base_url: str
    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_keys: tuple[str, ...] = field(repr=False)
    suppression_key: bytes = field(repr=False)
    anchor_key: bytes = field(repr=False)
    mail: MailSettings = field(default_factory=MailSettings)
    confirm_days: int = setting(7, 1, 14)
    ageing_months: int = setting(36, 1, 600)
    ageing_warn_months: int = setting(24, 1, 600)
    proof_retention_years: int = setting(3, 1, 100)
    mailbox_per_day: int = setting(1, 1, 1000)
    mailbox_per_month: int = setting(3, 1, 10_000)
    domain_per_hour: int = setting(200, 1, 1_000_000)
    confirmations_per_hour: int = setting(2000, 1, 10_000_000)
    signup_min_seconds: float = setting(2.0, 0, 60)
    signups_per_hour: int = setting(60, 1, 1_000_000)
    ip_storage: str = setting("full", choices=("full", "truncated", "off"))
    scanner_seconds: float = setting(2.0, 0, 60)
    window_size: int = setting(500, 1, 10_000)
    window_seconds: float = setting(1.0, 0.05, 10)
    lease_size: int = setting(1000, 1, 1_000_000)
    lease_seconds: int = setting(60, 1, 3600)
    send_slots: int = setting(4, 1, 1000)
    # How long it is kept who got a campaign; 0 keeps it for ever.
    delivery_months: int = setting(24, 0, 1200)
    # How long servers may refuse somebody before that has failed (RFC 5321, 4.5.4.1: 4 to 5 days).
    give_up_days: float = setting(4.0, 0.1, 30)
    send_rate: float = setting(0.0, 0, 1_000_000)
    trusted_proxies: int = setting(0, 0, 10)
    # Processes that serve pages; 0 makes as many as there are cores.
    web_processes: int = setting(0, 0, 256)
    card_days: int = setting(60, 1, 3650)
    card_picture_days: int = setting(30, 1, 3650)
    card_notice_days: int = setting(14, 1, 30)
    api_per_minute: int = setting(120, 1, 1_000_000)
    # Whom to ask whether a domain takes mail: empty for the system's servers, ("off",) for nobody.
    dns_servers: tuple[str, ...] = ()
    timezone: str = "Europe/Berlin"
    # Of cards, people and mails that tell none of ours.
    default_language: str = setting("de", choices=tuple(LANGUAGES))
    # The largest file of people, and how many days it is kept when it has been dealt with.
    import_megabytes: int = setting(512, 1, 1_000_000)
    import_keep_days: int = setting(30, 0, 3650)
    # Of the role that owns the tables, for `listmgr migrate` alone; empty: DATABASE_URL owns them.
    owner_database_url: str = field(default="", repr=False)

    @property
    def host(self) -> str:
        """The host of every public link."""
        return urlsplit(self.base_url).netloc

    def link(self, path: str) -> str:
        """Return an absolute URL; BASE_URL is its only source, never a request (T-16)."""
        return f"{self.base_url}/{path.lstrip('/')}"


# What is no single field, or is read before the settings are.
_OTHER_NAMES = (
    "ANCHOR_KEY",
    "BASE_URL",
    "BOUNCE_DOMAIN",
    "DATA_DIR",
    "DNS_SERVERS",
    "MAIL_SENDER",
    "OWNER_DATABASE_URL",
    "SECRET_KEY",
    "SMTP_URL",
    "SUPPRESSION_KEY",
    "TIMEZONE",
)


def setting_names() -> frozenset[str]:
    """Return the names of all environment variables, with the prefix."""
    fields = [*_declared(Settings), *_declared(MailSettings)]
    return frozenset(PREFIX + name for name in (*(_env_name(f) for f in fields), *_OTHER_NAMES))


def default_data_dir(env: Mapping[str, str]) -> Path:
    """Return the default directory of embedded servers and secrets."""
    if "LISTMGR_DATA_DIR" in env:
        return Path(env["LISTMGR_DATA_DIR"]).expanduser().absolute()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/listmgr")
    home = env.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "listmgr"


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Read and validate LISTMGR_*, DATABASE_URL and REDIS_URL.

    Raises SettingsError naming the setting; an unknown name only causes a warning. Missing secrets
    are created once and stored in the data directory, so that links in mails already sent stay
    valid after a restart.
    """
    env = os.environ if env is None else env
    _warn_of_unknown_names(env)
    base_url = _base_url(env.get("LISTMGR_BASE_URL", "http://127.0.0.1:8080"))
    values = _values(Settings, env)
    if values["ageing_warn_months"] > values["ageing_months"]:
        raise SettingsError(
            "LISTMGR_AGEING_WARN_MONTHS must not be larger than LISTMGR_AGEING_MONTHS"
        )
    mail = _mail(env, base_url)
    # Secrets come last: a wrong setting leaves no file behind.
    data_dir = default_data_dir(env)
    return Settings(
        data_dir=data_dir,
        base_url=base_url,
        database_url=database_url(env.get("DATABASE_URL", "")),
        redis_url=redis_url(env.get("REDIS_URL", "")),
        mail=mail,
        dns_servers=_dns_servers(env.get("LISTMGR_DNS_SERVERS", "")),
        timezone=_timezone(env.get("LISTMGR_TIMEZONE", "Europe/Berlin")),
        secret_keys=_keys(env, data_dir, "SECRET_KEY"),
        suppression_key=_key(env, data_dir, "SUPPRESSION_KEY").encode(),
        anchor_key=_key(env, data_dir, "ANCHOR_KEY").encode(),
        owner_database_url=database_url(
            env.get("LISTMGR_OWNER_DATABASE_URL", ""), "LISTMGR_OWNER_DATABASE_URL"
        ),
        **values,
    )


def database_url(url: str, name: str = "DATABASE_URL") -> str:
    """Normalize common spellings; the driver is psycopg 3."""
    for prefix in ("postgres://", "postgresql://", "postgresql+psycopg://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url[len(prefix) :]
    if url:
        raise SettingsError(
            f"{name}: write postgresql://user:password@host:5432/database; listmgr works"
            " with PostgreSQL only"
        )
    return url


def redis_url(url: str) -> str:
    """Accept Valkey's schemes, which redis-py does not know; the protocol is the same."""
    scheme, separator, rest = url.partition("://")
    scheme = {"valkey": "redis", "valkeys": "rediss"}.get(scheme, scheme)
    if url and (not separator or scheme not in {"redis", "rediss", "unix"}):
        raise SettingsError(
            "REDIS_URL: write redis://:password@host:6379/0, rediss:// for TLS, or unix:// for a"
            " socket"
        )
    return scheme + separator + rest


def dns_server(written: str) -> tuple[str, int]:
    """Parse address and port: `9.9.9.9`, `9.9.9.9:5353` or `[2620:fe::fe]:53`. Raises
    ValueError.
    """
    parts = urlsplit(f"//{written}")
    host = str(ipaddress.ip_address(parts.hostname or ""))
    return host, 53 if parts.port is None else parts.port


def _declared(cls: type[Settings | MailSettings]) -> list[dataclasses.Field[Any]]:
    return [each for each in dataclasses.fields(cls) if "setting" in each.metadata]


def _env_name(declared: dataclasses.Field[Any]) -> str:
    return str(declared.metadata["setting"]["env"] or declared.name.upper())


def _values(cls: type[Settings | MailSettings], env: Mapping[str, str]) -> dict[str, Any]:
    return {each.name: _value(each, env) for each in _declared(cls)}


def _value(declared: dataclasses.Field[Any], env: Mapping[str, str]) -> int | float | str:
    default: int | float | str = declared.metadata["setting"]["default"]
    name = PREFIX + _env_name(declared)
    if name not in env:
        return default
    if isinstance(default, str):
        return _choice(name, env[name], declared.metadata["setting"]["choices"])
    return _number(name, env[name], type(default), declared.metadata["setting"])


def _choice(name: str, raw: str, choices: tuple[str, ...]) -> str:
    if raw not in choices:
        raise SettingsError(f"{name} is {raw!r}; write one of {', '.join(choices)}")
    return raw


def _number(
    name: str, raw: str, kind: type[int] | type[float], spec: Mapping[str, Any]
) -> int | float:
    try:
        number: int | float = kind(raw)
    except ValueError:
        number = math.nan
    if not spec["low"] <= number <= spec["high"]:
        sort = "a whole number" if kind is int else "a number"
        raise SettingsError(f"{name} is {raw!r}; write {sort}, {spec['low']} to {spec['high']}")
    return number


def _warn_of_unknown_names(env: Mapping[str, str]) -> None:
    """Warn once about unknown names with our prefix; never show a value."""
    names = setting_names()
    for name in sorted(env):
        if name.startswith(PREFIX) and name not in names and name not in _warned:
            _warned.add(name)
            near = difflib.get_close_matches(name, names, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            _log.warning("%s is no setting and is ignored%s", name, hint)


_warned: set[str] = set()


def _base_url(raw: str) -> str:
    url = _split("LISTMGR_BASE_URL", raw)
    sound = url.scheme in {"http", "https"} and url.hostname and "@" not in url.netloc
    if not sound or url.query or url.fragment or any(map(str.isspace, raw)):
        raise SettingsError(
            f"LISTMGR_BASE_URL is {raw!r}; write for example https://news.example.org"
        )
    return raw.rstrip("/")


def _split(name: str, raw: str) -> SplitResult:
    """Parse a URL. Raises SettingsError, without the value, if host or port is invalid."""
    try:
        url = urlsplit(raw)
        _ = url.port
    except ValueError:
        raise SettingsError(
            f"{name} is no address: its port must be a number up to 65535, and each of"
            " / ? # [ ] @ in a user name or password is written percent-encoded (@ as %40)"
        ) from None
    return url


def _timezone(raw: str) -> str:
    try:
        return ZoneInfo(raw).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"LISTMGR_TIMEZONE is {raw!r}; write for example Europe/Berlin"
        ) from None


def _dns_servers(raw: str) -> tuple[str, ...]:
    servers = tuple(raw.replace(",", " ").split())
    for server in servers if servers != ("off",) else ():
        try:
            dns_server(server)
        except ValueError:
            raise SettingsError(
                f"LISTMGR_DNS_SERVERS holds {server!r}; write for example 9.9.9.9,[2620:fe::fe]:53,"
                " or off"
            ) from None
    return servers


def _mail(env: Mapping[str, str], base_url: str) -> MailSettings:
    url = _split("LISTMGR_SMTP_URL", env.get("LISTMGR_SMTP_URL", "smtp://127.0.0.1:25"))
    security = {"smtp": "none", "smtp+starttls": "starttls", "smtps": "tls"}.get(url.scheme)
    rest = url.path.strip("/") or url.query or url.fragment
    if security is None or not url.hostname or rest:
        raise SettingsError(
            "LISTMGR_SMTP_URL: write smtp+starttls://user:password@mail.example.org:587, with"
            " each of / ? # [ ] @ % in a user name or password percent-encoded (@ as %40)"
        )
    host = urlsplit(base_url).hostname or "localhost"
    return MailSettings(
        host=url.hostname,
        port=url.port or {"none": 25, "starttls": 587, "tls": 465}[security],
        security=security,
        username=_decoded(url.username),
        password=_decoded(url.password),
        sender=_mail_sender(env.get("LISTMGR_MAIL_SENDER", f"listmgr@{host}")),
        bounce_domain=_bounce_domain(env.get("LISTMGR_BOUNCE_DOMAIN", "")),
        **_values(MailSettings, env),
    )


def _decoded(part: str | None) -> str:
    """Percent-decode a user name or password (RFC 3986, 2.1). Raises SettingsError."""
    part = part or ""
    stray = re.search("%(?![0-9A-Fa-f]{2})", part)
    try:
        decoded = "" if stray else unquote(part, errors="strict")
    except UnicodeDecodeError:
        decoded = ""
    if part and not decoded:
        raise SettingsError("LISTMGR_SMTP_URL: a % in a user name or password is written %25")
    return decoded


def _mail_sender(raw: str) -> str:
    local, at, domain = raw.rpartition("@")
    if not (local and at and domain) or not raw.isprintable() or any(c in raw for c in " <>,;"):
        raise SettingsError(
            f"LISTMGR_MAIL_SENDER is {raw!r}; write an address alone: listmgr@example.org"
        )
    return raw


def _bounce_domain(raw: str) -> str:
    if raw and not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", raw):
        raise SettingsError(
            f"LISTMGR_BOUNCE_DOMAIN is {raw!r}; write a domain: bounces.example.org"
        )
    return raw


def _key(env: Mapping[str, str], data_dir: Path, name: str) -> str:
    return _long_enough(_secret(env, data_dir, name), env, data_dir, name)


def _keys(env: Mapping[str, str], data_dir: Path, name: str) -> tuple[str, ...]:
    """Return the keys of a comma-separated secret, newest first; none may be empty or weak."""
    keys = _secret(env, data_dir, name).split(",")
    return tuple(_long_enough(key.strip(), env, data_dir, name) for key in keys)


def _long_enough(key: str, env: Mapping[str, str], data_dir: Path, name: str) -> str:
    if len(key) < MIN_KEY_LENGTH:
        source = PREFIX + name if PREFIX + name in env else str(_secret_file(data_dir, name))
        raise SettingsError(
            f"{source} holds an empty key or one of fewer than {MIN_KEY_LENGTH} characters; make"
            " one by `openssl rand -hex 32`, and look for a comma too many"
        )
    return key


def _secret_file(data_dir: Path, name: str) -> Path:
    return data_dir / "secrets" / name.lower()


def _secret(env: Mapping[str, str], data_dir: Path, name: str) -> str:
    if PREFIX + name in env:
        return env[PREFIX + name]
    path = _secret_file(data_dir, name)
    try:
        if path.exists():
            return path.read_text().strip()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return _keep_secret(path, secrets.token_urlsafe(48))
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read or written ({error.strerror}); mend that, or set"
            f" LISTMGR_DATA_DIR or {PREFIX + name}"
        ) from None


def _keep_secret(path: Path, value: str) -> str:
    """Write a secret atomically, whenever the process is killed.

    Of two processes that start together the first one's secret counts and is returned.
    """
    with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
        file.write(value)
        file.flush()
        os.fsync(file.fileno())
        try:
            os.link(file.name, path)
        except FileExistsError:
            return path.read_text().strip()
    return value
