"""Open ZIP archives from strangers safely: bombs, encrypted members, unsupported content."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from typing import IO

from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_

MAGIC = b"PK\x03\x04"
TEXT_ENDINGS = (".csv", ".tsv", ".txt")
# Tables of people shrink to a tenth; what shrinks to a five-hundredth is made to fill memory.
MOST_SHRUNK = 500
HARMLESS = 10 << 20
MOST_UNPACKED = 4 << 30
MOST_WORKBOOK = 256 << 20
MOST_MEMBERS = 1000
# What a damaged archive may raise while it is read.
IS_DAMAGED = N_("The archive or workbook is damaged. Please save it anew.")
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


def open_archive(file: IO[bytes], most: int = MOST_UNPACKED) -> zipfile.ZipFile:
    """Return the archive after checking its size. Raises InvalidInput saying what to do.

    At most `most` bytes may be unpacked: the limit on uploads also holds for what an archive
    contains.
    """
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGED:
        raise InvalidInput(IS_DAMAGED) from None
    _check(archive.infolist(), min(most, MOST_WORKBOOK) if is_workbook(archive) else most)
    return archive


def is_workbook(archive: zipfile.ZipFile) -> bool:
    """Whether the archive is an Excel workbook (ECMA-376), whatever its name."""
    return "xl/workbook.xml" in archive.namelist()


def texts(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of members that are tables. Raises InvalidInput if there is none."""
    names = sorted(
        member.filename
        for member in archive.infolist()
        if member.filename.lower().endswith(TEXT_ENDINGS)
        and not member.is_dir()
        and not member.filename.startswith("__MACOSX/")
    )
    if not names:
        raise InvalidInput(
            N_("The ZIP archive holds no CSV file. Please pack one, or send it alone.")
        )
    return names


def _check(members: Sequence[zipfile.ZipInfo], most: int) -> None:
    if len(members) > MOST_MEMBERS:
        raise InvalidInput(
            N_("The archive holds more than a thousand files. Please pack only one.")
        )
    if any(member.flag_bits & 1 for member in members):
        raise InvalidInput(N_("The archive is locked with a password. Please send it without one."))
    # `zipfile` reads no more of a member than it says it holds, so what it says can be relied on.
    if sum(member.file_size for member in members) > most:
        raise InvalidInput(
            N_(
                "The archive unpacks to more than the settings allow for a file, or than can be"
                " read of a workbook. Please split it, or send a CSV file instead."
            )
        )
    for member in members:
        if member.file_size > HARMLESS and member.file_size > MOST_SHRUNK * max(
            1, member.compress_size
        ):
            raise InvalidInput(
                N_("The archive looks made to fill the disk. It has not been unpacked.")
            )
