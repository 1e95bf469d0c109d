"""The data directory: private, and divided among the accounts of an installation.

As root: root owns the directory, and the programs' group may create files, which stay theirs
(sticky, like /tmp). Logs and the lock belong to root; each server has a folder of its own;
everything else, such as secrets, belongs to the programs. Root follows no link another account
created.
"""

from __future__ import annotations

import os
import secrets
import stat
from fnmatch import fnmatchcase
from pathlib import Path

from listmgr.runtime.accounts import POSTGRES, PROGRAMS, can_enter, groups_of, unprivileged
from listmgr.runtime.errors import RuntimeFailure

# What lies in a data directory: the programs', root's, and the servers', who take over their own.
_OF_PROGRAMS = ("secrets", "mailbox", "*.journal", "installation.*")
_OF_ROOT = ("demo", "lock", "logs", "*.log", "pginstall", "server-*", "valkey-server")
_OF_SERVERS = ("postgres*", "valkey*")
_FOR_GROUP = 0o1770
_OTHERS = 0o007


def prepare_data_folder(path: Path) -> None:
    """Create the data directory with private permissions; safe to repeat.

    A directory that contains other files keeps its permissions.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o750)
    info = path.stat()
    ours = _OF_PROGRAMS + _OF_ROOT + _OF_SERVERS
    if not all(_is_any(each.name, ours) for each in path.iterdir()):
        return
    if os.geteuid() != 0:
        if info.st_uid == os.geteuid():
            path.chmod(stat.S_IMODE(info.st_mode) & ~_OTHERS)
        return
    (group,) = groups_of(POSTGRES)
    os.chown(path, 0, group)
    path.chmod(_FOR_GROUP)


def share_out(path: Path) -> None:
    """As root, give the programs what an earlier version left to another account. None may run yet.

    Raises RuntimeFailure if their account cannot enter the directory.
    """
    account = unprivileged(PROGRAMS)
    if account is None:
        return
    if not can_enter(PROGRAMS, path):
        raise _closed(path, PROGRAMS)
    logs = path / "logs"
    logs.mkdir(mode=0o750, exist_ok=True)
    os.chown(logs, 0, 0, follow_symlinks=False)
    for each in path.iterdir():
        if _is_any(each.name, _OF_PROGRAMS):
            _give(each, account.pw_uid, account.pw_gid)


def _is_any(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _closed(path: Path, account: str) -> RuntimeFailure:
    return RuntimeFailure(
        f"{path} is closed to the account {account}; as root, set LISTMGR_DATA_DIR to a folder like"
        " /var/lib/listmgr."
    )


def owned_folder(path: Path, account: str = POSTGRES) -> Path:
    """Return a private folder of a server's account; files of another account change hands.

    Raises RuntimeFailure if the account cannot enter it.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    owner = unprivileged(account)
    if owner is not None:
        if not can_enter(account, path.parent):
            raise _closed(path.parent, account)
        _give(path, owner.pw_uid, owner.pw_gid)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file for its folder's owner only, atomically."""
    owner = path.parent.stat()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        if os.geteuid() == 0:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    draft.replace(path)


def _give(path: Path, uid: int, gid: int) -> None:
    """Give a file, or a folder with its content, to an account.

    Changes only what belongs to the present owner: no link is followed, and a file with a second
    name stays. Content precedes its folder, so that the next start completes an interrupted one.
    """
    owner = path.lstat()
    if owner.st_uid == uid:
        return
    if stat.S_ISDIR(owner.st_mode):
        for _, folders, files, descriptor in os.fwalk(path, topdown=False, follow_symlinks=False):
            for name in (*folders, *files):
                _chown(name, descriptor, owner.st_uid, uid, gid)
    _chown(path, None, owner.st_uid, uid, gid)


def _chown(name: str | Path, folder: int | None, before: int, uid: int, gid: int) -> None:
    info = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if info.st_uid == before and (stat.S_ISDIR(info.st_mode) or info.st_nlink == 1):
        os.chown(name, uid, gid, dir_fd=folder, follow_symlinks=False)
