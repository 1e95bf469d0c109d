"""Store import files in the database in pieces, since workers may run on other hosts."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import IO

import sqlalchemy as sa

from listmgr.imports.models import ImportDouble, ImportKey, ImportLines, ImportPiece
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction, UnitOfWork

PIECE = 1 << 20
MEGABYTE = 1 << 20


def store_file(tx: Transaction, import_id: int, file: IO[bytes]) -> tuple[int, bytes]:
    """Store a file; return its size and SHA-256. Raises InvalidInput above the size limit."""
    most = tx.settings.import_megabytes * MEGABYTE
    size, digest = 0, hashlib.sha256()
    for number, piece in enumerate(_pieces(file)):
        size += len(piece)
        if size > most:
            raise InvalidInput(N_("The file is larger than the settings allow. Please split it."))
        digest.update(piece)
        tx.session.execute(
            sa.insert(ImportPiece).values(import_id=import_id, number=number, content=piece)
        )
    return size, digest.digest()


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


class _Pieces(io.RawIOBase):
    """Seekable raw file over the stored pieces; holds one piece in memory."""

    def __init__(self, uow: UnitOfWork, import_id: int, size: int) -> None:
        self._uow, self._import_id, self._size = uow, import_id, size
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {0: 0, 1: self._at, 2: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        number, start = divmod(self._at, PIECE)
        octets = self._piece(number)[start : start + len(view)] if self._at < self._size else b""
        view[: len(octets)] = octets
        self._at += len(octets)
        return len(octets)

    def _piece(self, number: int) -> bytes:
        if self._held[0] != number:
            with self._uow() as tx:
                piece = tx.session.get(ImportPiece, (self._import_id, number))
            self._held = (number, b"" if piece is None else piece.content)
        return self._held[1]


def kept(uow: UnitOfWork, import_id: int, size: int) -> IO[bytes]:
    """Open a stored file for reading; pieces are fetched as they are needed."""
    return io.BufferedReader(_Pieces(uow, import_id, size), 1 << 18)


def digest_of(file: IO[bytes]) -> bytes:
    """Return the SHA-256 of a file, read from its beginning."""
    digest = hashlib.sha256()
    for piece in _pieces(file):
        digest.update(piece)
    return digest.digest()


def purge(tx: Transaction, import_id: int) -> None:
    """Delete a file and everything derived from it; the import's own record stays."""
    for table in (ImportPiece, ImportLines, ImportKey, ImportDouble):
        tx.session.execute(sa.delete(table).where(table.import_id == import_id))
