"""`listmgr up`: start, supervise and stop every part of an installation on one machine."""

from __future__ import annotations

import http.client
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from gunicorn.app.wsgiapp import run as serve_pages

from listmgr.config import Settings, load_settings
from listmgr.installation.identity import check_folder, verify_database
from listmgr.kit.db import libpq_url
from listmgr.kit.errors import IdentityError, first_line
from listmgr.runtime.accounts import PROGRAMS, unprivileged, with_files_of
from listmgr.runtime.data_folder import share_out
from listmgr.runtime.forked_commands import (
    call_command,
    load_once,
    name_connections,
    name_process,
)
from listmgr.runtime.ports import free_port
from listmgr.runtime.process import RuntimeFailure
from listmgr.runtime.servers import EmbeddedServers
from listmgr.runtime.single_instance import only_one
from listmgr.runtime.supervisor import Program, Supervisor, ignore_signals, install_signal_handlers
from listmgr.schema import migrate

START_SECONDS = 60.0
LOWEST_FREE_PORT = 1024
_STAYS_ROOT = (
    "listmgr lies in a folder that only root may enter: its programs stay root. Installed"
    f" elsewhere, as in /opt/listmgr, they run as {PROGRAMS}."
)
OWNER = "LISTMGR_OWNER_DATABASE_URL"


@dataclass(frozen=True, slots=True)
class InstallOptions:
    """The options of the command line."""

    data_dir: Path
    host: str
    port: int
    workers: int

    @property
    def address(self) -> str:
        """Return the URL of the pages on this machine; the loopback if bound to all interfaces."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - it reads what was asked for
        return f"http://{bracketed(host)}:{self.port}"


@dataclass(frozen=True, slots=True)
class RunningInstallation:
    """A running installation."""

    settings: Settings
    env: dict[str, str]
    mailbox_url: str


def run(
    options: InstallOptions,
    work: Callable[[RunningInstallation], bool],
    say: Callable[[str], object],
) -> None:
    """Start everything, call `work` once all parts answer, and supervise until it returns False.

    `say` gets progress messages. Raises RuntimeFailure or SettingsError with what to do, and
    KeyboardInterrupt after an orderly stop by a signal.
    """
    install_signal_handlers()
    name_connections("up")
    with only_one(options.data_dir):
        _port_is_free(options.host, options.port)
        share_out(options.data_dir)
        if os.geteuid() == 0 and unprivileged(PROGRAMS) is None:
            say(_STAYS_ROOT)
        # A wrong setting is told before anything has been started.
        with with_files_of(PROGRAMS):
            load_settings(_environment(options))
        given = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "REDIS_URL", OWNER)}
        house = EmbeddedServers(
            options.data_dir,
            database=given["DATABASE_URL"],
            owner=given[OWNER] if given["DATABASE_URL"] else "",
            queue=given["REDIS_URL"],
            say=say,
        )
        with house:
            _given_servers_answer(house, given)
            migrate(house.owner_url, application_url=house.database_url)
            _look_at_the_database(options, house)
            waves, site = _plan(options, house)
            supervisor = Supervisor(waves, house.servers, say)
            load_once(site.settings)
            try:
                supervisor.start()
                _wait_for(options, site, supervisor)
                with with_files_of(PROGRAMS):
                    stays = work(site)
                if stays:
                    supervisor.watch()
            finally:
                ignore_signals()
                supervisor.stop()


def _look_at_the_database(options: InstallOptions, house: EmbeddedServers) -> None:
    """Check, before anything uses it, that the database is this installation's."""
    try:
        with with_files_of(PROGRAMS):
            settings = load_settings(_environment(options) | {"DATABASE_URL": house.database_url})
            verify_database(settings)
            if house.is_embedded:
                check_folder(settings)
    except IdentityError as error:
        raise RuntimeFailure(str(error)) from None


def _environment(options: InstallOptions) -> dict[str, str]:
    """Return the environment with what the command line adds."""
    env = dict(os.environ)
    env["LISTMGR_DATA_DIR"] = str(options.data_dir)
    env.setdefault("LISTMGR_BASE_URL", options.address)
    # Those who run all day have no need of the owner's password.
    env.pop(OWNER, None)
    if unprivileged(PROGRAMS) is not None:
        # Root's is closed to them, and libpq would stumble over that.
        env["HOME"] = str(options.data_dir)
    return env


def _port_is_free(host: str, port: int) -> None:
    try:
        ((family, kind, _, _, where), *_) = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        raise RuntimeFailure(
            f"Port {port} of {host} cannot be used ({error.strerror}). Give another: --port, --host"
        ) from None


def _given_servers_answer(house: EmbeddedServers, given: Mapping[str, str]) -> None:
    """Check the user's own servers; messages never show their URLs, which contain passwords."""
    try:
        if given["DATABASE_URL"]:
            psycopg.connect(libpq_url(house.database_url), connect_timeout=5).close()
        if given["REDIS_URL"]:
            with redis.Redis.from_url(house.redis_url, retry=None) as connection:
                connection.ping()
    except psycopg.Error as error:
        raise RuntimeFailure(f"DATABASE_URL: {first_line(error)}") from None
    except (redis.RedisError, ValueError) as error:
        raise RuntimeFailure(f"REDIS_URL: {first_line(error)}") from None


def _plan(
    options: InstallOptions, house: EmbeddedServers
) -> tuple[list[list[Program]], RunningInstallation]:
    """Return the processes to run; their environment carries their settings."""
    env = _environment(options)
    env |= {"DATABASE_URL": house.database_url, "REDIS_URL": house.redis_url}
    logs = options.data_dir / "logs"
    logs.mkdir(mode=0o750, exist_ok=True)

    def ours(name: str, *argv: str) -> Program:
        called = partial(_command, argv, options.data_dir)
        return Program(name, called, env, logs / f"{name}.log")

    mailbox, mailbox_url = [], ""
    if not env.get("LISTMGR_SMTP_URL"):
        smtp, pages = free_port(), free_port(max(options.port + 1, LOWEST_FREE_PORT))
        mailbox_url = f"http://127.0.0.1:{pages}"
        env["LISTMGR_SMTP_URL"] = f"smtp://127.0.0.1:{smtp}"
        # Mail goes to this machine's mailbox: whether a domain takes any does not matter.
        env.setdefault("LISTMGR_DNS_SERVERS", "off")
        mailbox.append(ours("mailbox", "mailbox", f"--smtp-port={smtp}", f"--http-port={pages}"))
    site = RunningInstallation(load_settings(env), env, mailbox_url)
    web = Program("web", partial(_serve, options, _bind(options)), env, logs / "web.log")
    web.answers = partial(_answers, f"{options.address}/health/live", site.settings.host)
    workers = [
        ours(f"worker-{number}", "worker", "--queues=send")
        for number in range(1, options.workers + 1)
    ]
    workers += [
        ours(f"worker-{queue}", "worker", f"--queues={queue}") for queue in ("mail", "work")
    ]
    # The mailbox ends last: what is under way when we are told to end still reaches it.
    return [mailbox, [web, *workers, ours("scheduler", "scheduler")]], site


def _command(argv: Sequence[str], data_dir: Path) -> None:
    """In a fork: run one of our commands under its name as a program."""
    name_process(f"listmgr {' '.join(argv)} ({data_dir})")
    call_command(argv)


def _serve(options: InstallOptions, bind: str) -> None:
    """In a fork: run gunicorn as its own command would."""
    sys.argv = [
        "gunicorn",
        "listmgr.app:create_app()",
        "--config=python:listmgr.runtime.gunicorn_config",
        f"--bind={bind}",
        # What it takes for its own account it has read as our parent, which may have been root.
        f"--user={os.geteuid()}",
        f"--group={os.getegid()}",
        # It is part of the name people see.
        f"--name=listmgr web ({options.data_dir})",
    ]
    serve_pages("gunicorn")


def _bind(options: InstallOptions) -> str:
    """Return where the web server listens. A privileged port is opened here, as root."""
    if unprivileged(PROGRAMS) is None or options.port >= LOWEST_FREE_PORT:
        return f"{bracketed(options.host)}:{options.port}"
    family = socket.getaddrinfo(options.host, options.port, type=socket.SOCK_STREAM)[0][0]
    listener = socket.create_server((options.host, options.port), family=family)
    listener.set_inheritable(True)
    return f"fd://{listener.detach()}"


def bracketed(host: str) -> str:
    """Return a host as in a URL: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host


def _wait_for(options: InstallOptions, site: RunningInstallation, supervisor: Supervisor) -> None:
    """Wait until the web server, PostgreSQL, Valkey and the mailbox answer."""
    pages = {f"{options.address}/health/ready": site.settings.host}
    if site.mailbox_url:
        pages[site.mailbox_url] = urlsplit(site.mailbox_url).netloc
    end = time.monotonic() + START_SECONDS
    for page, host in pages.items():
        while not _answers(page, host):
            if time.monotonic() > end:
                raise RuntimeFailure(f"{page} does not answer; see {options.data_dir / 'logs'}.")
            supervisor.look()
            time.sleep(0.05)


def _answers(page: str, host: str) -> bool:
    """Whether our own page answers, requested by its public host name."""
    asked = urllib.request.Request(page, headers={"Host": host})  # noqa: S310 - http, our own
    try:
        with urllib.request.urlopen(asked, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, http.client.HTTPException):
        return False
