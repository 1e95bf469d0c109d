"""System accounts of an installation's parts, if root starts it.

The programs, PostgreSQL and Valkey each have one, created at the first start: none can read or kill
another, and none is `nobody`, which others use too. Without root, everything runs under the user's
account.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from listmgr.runtime.errors import RuntimeFailure

PROGRAMS, POSTGRES, VALKEY = "listmgr", "listmgr-postgres", "listmgr-valkey"
_TRIES = 50
# What useradd answers when the list of accounts is locked, and when the account is there by now.
_LOCKED, _EXISTS = 1, 9
_libc = ctypes.CDLL(None)


@cache
def unprivileged(name: str = POSTGRES) -> pwd.struct_passwd | None:
    """Return the account a part runs under if we are root: PostgreSQL refuses to be root.

    None if the part runs under our own account: without root, and for programs in a folder closed
    to their account. Raises RuntimeFailure if the account cannot be created.
    """
    if os.geteuid() != 0:
        return None
    account = _account(name)
    return account if name != PROGRAMS or _can_run(account) else None


def groups_of(name: str) -> list[int]:
    """Return an account's supplementary groups: servers may enter the programs' data directory."""
    return [] if name == PROGRAMS else [_account(PROGRAMS).pw_gid]


def can_enter(name: str, folder: Path) -> bool:
    """Whether an account may enter a folder and every folder above it."""
    account, groups = _account(name), groups_of(name)

    def passes(info: os.stat_result) -> bool:
        if info.st_uid == account.pw_uid:
            return bool(info.st_mode & stat.S_IXUSR)
        if info.st_gid in (account.pw_gid, *groups):
            return bool(info.st_mode & stat.S_IXGRP)
        return bool(info.st_mode & stat.S_IXOTH)

    return all(passes(each.stat()) for each in (folder, *folder.parents))


def become(name: str) -> None:
    """Switch to a part's account, in a newly forked child."""
    account = unprivileged(name)
    if account is not None:
        os.setgroups(groups_of(name))
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        os.chdir("/")


@contextmanager
def with_files_of(name: str) -> Iterator[None]:
    """Make the files this thread creates belong to a part's account (setfsuid(2)).

    Nothing else changes: root still ends its children, and is root to PostgreSQL.
    """
    account = unprivileged(name)
    if account is None:
        yield
        return
    _libc.setfsgid(account.pw_gid)
    _libc.setfsuid(account.pw_uid)
    try:
        yield
    finally:
        _libc.setfsuid(0)
        _libc.setfsgid(0)


def _can_run(account: pwd.struct_passwd) -> bool:
    try:
        tried = subprocess.run(
            [sys.executable, "-c", "import flask, listmgr.cli"],
            cwd="/",
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            capture_output=True,
            check=False,
        )
    except PermissionError:
        return False
    return tried.returncode == 0


@cache
def _account(name: str) -> pwd.struct_passwd:
    for _ in range(_TRIES):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            _add(name)
    raise RuntimeFailure(f"The account {name} cannot be made: the list of accounts is locked.")


def _add(name: str) -> None:
    """Create a system account without login; a concurrent start may do the same."""
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise RuntimeFailure(
            f"Started as root, listmgr needs the accounts {PROGRAMS}, {POSTGRES} and {VALKEY}, and"
            " there is no useradd to make them. Make them, or start it as an ordinary user."
        )
    options = ["--system", "--user-group", "--no-create-home", "--home-dir=/nonexistent"]
    result = subprocess.run(  # noqa: S603 - the system's own program
        [useradd, *options, "--shell=/usr/sbin/nologin", name],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode == _LOCKED:
        time.sleep(0.1)
    elif result.returncode not in (0, _EXISTS):
        raise RuntimeFailure(f"The account {name} cannot be made: {result.stderr.strip()}")
