"""The commands: run everything, one part of it, or look after it."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import click
import redis
import sqlalchemy as sa
from rq import Queue, SimpleWorker, Worker
from sqlalchemy.orm import Session

from listmgr.app import create_app
from listmgr.config import Settings, SettingsError, default_data_dir, load_settings
from listmgr.consent.proof import ProofError, printable, proof, verify
from listmgr.demo.data import load_demo
from listmgr.demo.story import Line, play, table
from listmgr.kit.clock import now
from listmgr.kit.errors import DomainError
from listmgr.kit.queue import QUEUES, ring
from listmgr.kit.transaction import Transaction, transaction
from listmgr.operators.sign_in import first_run_token
from listmgr.runtime.mailbox import serve
from listmgr.runtime.ports import free_port
from listmgr.runtime.process import RuntimeFailure
from listmgr.runtime.up import Site, Wanted, run
from listmgr.scheduler import claim_due
from listmgr.schema import migrate


@click.group()
@click.version_option(package_name="listmgr")
def main() -> None:
    """listmgr: no mail leaves without a current, provable consent."""


def _settings() -> Settings:
    try:
        settings = load_settings()
    except SettingsError as error:
        raise click.ClickException(str(error)) from None
    if not settings.database_url or not settings.redis_url:
        raise click.ClickException(
            "DATABASE_URL and REDIS_URL are not set. Set both, or use `listmgr up`, which brings "
            "its own PostgreSQL and Valkey."
        )
    return settings


_PORT = click.option("--port", default=8080, show_default=True, help="Where the pages are.")
_HOST = click.option("--host", default="127.0.0.1", show_default=True, help="Which interface.")
_DATA = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything is kept.",
)


@main.command("up")
@_PORT
@_HOST
@_DATA
@click.option("--workers", default=1, show_default=True, help="Processes that send campaigns.")
def up_command(port: int, host: str, data_dir: Path | None, workers: int) -> None:
    """Run everything on this machine: database, queue, web, workers, scheduler."""

    def greet(site: Site) -> bool:
        _say_where(site, "")
        return True

    _run(Wanted(data_dir or default_data_dir(os.environ), host, port, workers), greet)


@main.command("demo")
@_PORT
@_HOST
@_DATA
@click.option("--workers", default=1, show_default=True, help="Processes that send campaigns.")
@click.option("--check", is_flag=True, help="Play the whole story by itself, report, and end.")
def demo_command(port: int, host: str, data_dir: Path | None, workers: int, check: bool) -> None:
    """Run everything, with an invented organisation and its subscribers in it."""
    told: list[Line] = []

    def show(site: Site) -> bool:
        sign_in = load_demo(site.env)
        if check:
            told.extend(play(site.env, site.mailbox_url))
            return False
        _say_where(site, sign_in)
        return True

    with ExitStack() as stack:
        folder = data_dir or default_data_dir(os.environ) / "demo"
        if check and data_dir is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="listmgr-demo-")))
            folder.chmod(0o755)
            port = free_port()
        _run(Wanted(folder, host, port, workers), show)
    if check:
        click.echo(table(told))
        if not all(line.ok for line in told):
            raise click.ClickException("The demo did not go as it must; see the lines marked NO.")


def _run(wanted: Wanted, work: Callable[[Site], bool]) -> None:
    click.echo("listmgr is starting …")
    try:
        run(wanted, work)
    except (RuntimeFailure, SettingsError) as error:
        raise click.ClickException(str(error)) from None


def _say_where(site: Site, sign_in: str) -> None:
    """What a newcomer wants to know, and nothing else."""
    settings = site.settings
    if not sign_in:
        engine = sa.create_engine(settings.database_url)
        with transaction(lambda: Session(engine), settings, lambda _jobs: None) as tx:
            token = first_run_token(tx, at=now())
        engine.dispose()
        sign_in = settings.link(f"studio/first-run/{token}") if token else settings.link("studio/")
    lines = [("Studio", sign_in), ("Site", settings.base_url)]
    if site.mailbox_url:
        lines.append(("Mailbox", f"{site.mailbox_url}  (every mail arrives here, none leaves)"))
    lines += [("Data", str(settings.data_dir)), ("Stop", "Ctrl-C")]
    click.echo("\n".join(f"  {name:<8} {value}" for name, value in lines))


@main.command("mailbox", hidden=True)
@click.option("--smtp-port", type=int, required=True)
@click.option("--http-port", type=int, required=True)
def mailbox_command(smtp_port: int, http_port: int) -> None:
    """The development mailbox alone."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve(default_data_dir(os.environ) / "mailbox", smtp_port, http_port)


@main.command("migrate")
def migrate_command() -> None:
    """Bring the database to the newest schema; safe to run twice."""
    migrate(_settings().database_url)
    click.echo("The database is at the newest schema.")


@main.command("worker")
@click.option("--burst", is_flag=True, help="Stop when the queues are empty.")
@click.option("--queues", default=",".join(QUEUES), help="Which queues, in order of urgency.")
@click.option("--in-process", is_flag=True, help="Do not fork for each job.")
def worker_command(burst: bool, queues: str, in_process: bool) -> None:
    """Send mail and do the other jobs."""
    run_worker(burst=burst, queues=queues.split(","), in_process=in_process)


def run_worker(
    *, burst: bool = False, queues: list[str] | None = None, in_process: bool = False
) -> None:
    """An RQ worker in the application's context, with recovery times fit for mail."""
    settings = _settings()
    app = create_app(settings)
    connection = redis.Redis.from_url(settings.redis_url)
    kind = SimpleWorker if in_process else Worker
    with app.app_context():
        worker = kind(
            [Queue(name, connection=connection, serializer="json") for name in queues or QUEUES],
            connection=connection,
            serializer="json",
            # By RQ's defaults a job of a killed worker waits for seven minutes.
            worker_ttl=60,
            maintenance_interval=20,
            job_monitoring_interval=5,
        )
        worker.work(burst=burst, logging_level="WARNING", with_scheduler=False)


@main.command("scheduler")
def scheduler_command() -> None:
    """Ring what is due; several copies may run."""
    settings = _settings()
    engine = sa.create_engine(settings.database_url, pool_pre_ping=True)
    connection = redis.Redis.from_url(settings.redis_url)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1.0):
        try:
            with Session(engine) as session, session.begin():
                due = claim_due(session, now())
            ring(connection, [task.job for task in due])
        except sa.exc.OperationalError as error:
            click.echo(f"database away, trying again: {type(error).__name__}", err=True)


@main.group("evidence")
def evidence_group() -> None:
    """Export a consent's proof, and check one without a database."""


@evidence_group.command("export")
@click.argument("consent_id", type=int)
@click.option("--as-text", is_flag=True, help="For printing instead of JSON.")
def evidence_export(consent_id: int, as_text: bool) -> None:
    """Write the proof of a consent to standard output."""
    with _transaction(_settings()) as tx:
        try:
            found = proof(tx.session, consent_id)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
    click.echo(printable(found) if as_text else json.dumps(found, ensure_ascii=False, indent=1))


@evidence_group.command("verify")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def evidence_verify(file: Path) -> None:
    """Check an exported proof by arithmetic alone."""
    try:
        events = verify(json.loads(file.read_text()))
    except (ValueError, ProofError) as error:
        raise click.ClickException(f"Not sound: {error}") from None
    click.echo(f"Sound: {events} events, every hash and every commitment agrees.")


def _transaction(settings: Settings) -> AbstractContextManager[Transaction]:
    engine = sa.create_engine(settings.database_url)
    connection = redis.Redis.from_url(settings.redis_url)
    return transaction(lambda: Session(engine), settings, lambda jobs: ring(connection, jobs))
