"""As root, each part of an installation runs under an account of its own, and keeps to itself."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import flask
import pytest

from listmgr.runtime.accounts import POSTGRES, PROGRAMS, VALKEY, unprivileged
from listmgr.runtime.data_folder import owned_folder, prepare_data_folder, share_out
from listmgr.runtime.servers import EmbeddedServers
from tests.runtime.test_up import address, command, get, up, wait_for_nobody
from tests.runtime.test_up import folder as folder  # noqa: PLC0414 - a fixture

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="accounts are for root: run the tests as root"
)


def account_of(path: Path) -> str:
    return pwd.getpwuid(path.lstat().st_uid).pw_name


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def descendants(pid: int) -> list[int]:
    """The processes below one, which were there a moment ago."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [found for child in map(int, children) for found in (child, *descendants(child))]


def as_nobody(code: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run Python as nobody, as another program of the machine might."""
    return run_as("nobody", code, *argv)


def run_as(name: str, code: str, *argv: str) -> subprocess.CompletedProcess[str]:
    account = pwd.getpwnam(name)
    try:
        return subprocess.run(
            [sys.executable, "-c", code, *argv],
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
    except PermissionError as error:
        return subprocess.CompletedProcess([], 1, "", str(error))


@pytest.fixture(autouse=True)
def everybodys_python(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Python where other accounts can run it: ours may lie beneath a folder such as /root."""
    with tempfile.TemporaryDirectory(prefix="listmgr path ") as extra:
        Path(extra).chmod(0o755)
        # What redis installs beside itself before Python 3.11.3, which may not be ours.
        (Path(extra) / "async_timeout.py").write_text("from asyncio import timeout\n")
        yield from _everybodys_python(monkeypatch, extra)


def _everybodys_python(monkeypatch: pytest.MonkeyPatch, extra: str) -> Iterator[None]:
    path = [str(Path(__file__).parents[2]), str(Path(flask.__file__).parents[1]), extra]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    if os.geteuid() == 0 and as_nobody("import flask, redis, listmgr.cli").returncode:
        system = f"/usr/bin/python3.{sys.version_info.minor}"
        monkeypatch.setattr(sys, "executable", system)
        if as_nobody("import flask, redis, listmgr.cli").returncode:
            pytest.skip(f"nobody but root can run Python here: apt-get install python3 ({system})")
    unprivileged.cache_clear()
    yield
    unprivileged.cache_clear()


READ = "import pathlib, sys; print(pathlib.Path(sys.argv[1]).read_bytes())"
CONNECT = "import psycopg, sys; print(psycopg.connect(sys.argv[1]))"


def running_under(pid: int) -> Iterator[tuple[str, str]]:
    """Program and account of each process below `pid`; some end while we look."""
    for each in descendants(pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            program = Path(f"/proc/{each}/cmdline").read_text().split("\0")[0]
            yield program, account_of(Path(f"/proc/{each}"))


@needs_root
def test_s09_every_process_runs_under_the_account_of_its_part(folder: Path):
    with up(folder) as (process, said):
        assert get(f"{address(said, 'Site')}/health/ready") == "ok"
        accounts: dict[str, set[str]] = {}
        for program, account in running_under(process.pid):
            servers = ("postgres", "valkey-server")
            part = next((name for name in servers if name in program), "programs")
            accounts.setdefault(part, set()).add(account)
        assert accounts == {
            "postgres": {POSTGRES},
            "valkey-server": {VALKEY},
            "programs": {PROGRAMS},
        }
        secrets = [folder / "secrets", *(folder / "secrets").iterdir()]
        assert {account_of(path) for path in secrets} == {PROGRAMS}
        assert {mode(path) for path in secrets[1:]} == {0o600}
        assert mode(folder) & 0o007 == mode(folder / "logs") & 0o027 == 0
        assert {mode(path) for path in (folder / "logs").glob("*.log")} == {0o640}
        assert {mode(path) for path in folder.glob("*.log")} == {0o640}
        assert mode(folder / "valkey" / "valkey.conf") == 0o600
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert wait_for_nobody(folder, 2) == {}


@needs_root
def test_s09_nobody_reads_the_queues_password_nor_the_database(folder: Path):
    with EmbeddedServers(folder) as house:
        for path in ("valkey/valkey.conf", "postgres/PG_VERSION", "valkey.log"):
            assert (folder / path).exists()
            assert "PermissionError" in as_nobody(READ, str(folder / path)).stderr
        for url in (house.database_url, house.owner_url, house.superuser_url):
            told = as_nobody(CONNECT, url.replace("+psycopg", ""))
            assert "Permission denied" in told.stderr
        assert as_nobody("print('runs')").stdout == "runs\n"


@needs_root
def test_d08_what_lay_under_nobody_or_root_is_taken_over_and_nothing_beside_it(folder: Path):
    nobody = pwd.getpwnam("nobody")
    outside = folder / "outside"
    outside.write_text("root's")
    folder = folder / "data"
    inner = folder / "postgres" / "base"
    inner.mkdir(parents=True)
    (inner / "1").write_text("rows")
    (inner / "link").symlink_to(outside)
    (inner / "roots").write_text("of another account")
    (inner / "second name").hardlink_to(inner / "roots")
    (folder / "secrets").mkdir()
    (folder / "secrets" / "secret_key").write_text("x")
    for path in (folder / "postgres", inner, inner / "1", inner / "link"):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
    prepare_data_folder(folder)
    share_out(folder)
    owned_folder(folder / "postgres")
    assert {account_of(each) for each in (folder / "postgres", inner, inner / "1")} == {POSTGRES}
    assert account_of(inner / "link") == POSTGRES
    assert {account_of(each) for each in (outside, inner / "roots")} == {"root"}
    assert account_of(folder / "secrets" / "secret_key") == PROGRAMS
    assert (account_of(folder), mode(folder)) == ("root", 0o1770)


@needs_root
def test_d08_a_folder_in_which_other_things_lie_stays_as_it_is(tmp_path: Path):
    tmp_path.chmod(0o755)
    (tmp_path / "photos").mkdir()
    prepare_data_folder(tmp_path)
    assert (mode(tmp_path), account_of(tmp_path / "photos")) == (0o755, "root")


@needs_root
def test_d08_a_port_that_only_root_may_open_is_served_all_the_same(folder: Path):
    for port in range(1023, 900, -1):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                break
    process = command(folder, port, "up", "--check")
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0, told


def test_d08_the_data_directory_is_shut_to_others(tmp_path: Path):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    prepare_data_folder(folder)
    assert mode(folder) & 0o007 == 0


@needs_root
def test_d08_the_programs_account_is_the_applications_role_and_no_other(folder: Path):
    with EmbeddedServers(folder) as house:
        for url, works in ((house.database_url, True), (house.owner_url, False)):
            told = run_as(PROGRAMS, CONNECT, url.replace("+psycopg", ""))
            assert (told.returncode == 0) is works, told.stderr


@needs_root
def test_d08_programs_that_only_root_can_enter_stay_root_and_say_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    # An interpreter behind a closed door.
    (closed / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(closed / "python"))
    with up(folder) as (process, said):
        assert "its programs stay root" in said
        found = {account for _program, account in running_under(process.pid)}
        assert found == {"root", POSTGRES, VALKEY}
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
