"""Tables of imports: the file in pieces, progress, and rows that were not applied."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.imports.lifecycle import ImportStatus
from listmgr.kit.db import PERSONAL, PLAIN, Base


class Phase(enum.StrEnum):
    """The two passes over a file: the check and the run."""

    CHECK = "check"
    RUN = "run"


class Import(Base):
    """One uploaded file: who uploaded it, the declaration, the mapping and the state."""

    __tablename__ = "imports"
    __table_args__ = (
        sa.Index(
            "ix_imports_working",
            "id",
            postgresql_where=sa.text("status IN ('checking', 'running')"),
        ),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    status: Mapped[ImportStatus] = mapped_column(info=PLAIN)
    file_name: Mapped[str] = mapped_column(info=PLAIN)
    size: Mapped[int] = mapped_column(info=PLAIN)
    sha256: Mapped[bytes] = mapped_column(info=PLAIN)
    uploaded_by: Mapped[int | None] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    uploaded_at: Mapped[datetime] = mapped_column(info=PLAIN)
    # How the file is read, and what each of its columns means.
    form: Mapped[dict[str, Any]] = mapped_column(info=PLAIN)
    columns: Mapped[list[str]] = mapped_column(info=PLAIN)
    plan: Mapped[dict[str, Any]] = mapped_column(server_default=sa.text("'{}'::jsonb"), info=PLAIN)
    purpose_id: Mapped[int | None] = mapped_column(sa.ForeignKey("purposes.id"), info=PLAIN)
    # What the operator declares: where the people come from, on which legal basis, in whose words.
    source: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    basis: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    statement: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    declared_by: Mapped[int | None] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    # SHA-256 over file, plan and declaration as they were looked through: a run needs the same.
    checked: Mapped[bytes | None] = mapped_column(info=PLAIN)
    rows_expected: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    rows_total: Mapped[int | None] = mapped_column(info=PLAIN)
    problem: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    started_by: Mapped[int | None] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    started_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    ended_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    purged_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    holder: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    lease_until: Mapped[datetime | None] = mapped_column(info=PLAIN)


def _of_import() -> Mapped[int]:
    return mapped_column(
        sa.ForeignKey("imports.id", ondelete="CASCADE"), primary_key=True, info=PLAIN
    )


class ImportPiece(Base):
    """A piece of the file, stored here because workers may run on other hosts than the web
    server.
    """

    __tablename__ = "import_pieces"

    import_id: Mapped[int] = _of_import()
    number: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    content: Mapped[bytes] = mapped_column(info=PERSONAL)


class ImportErasure(Base):
    """An erased person a stored file must be searched for after the commit.

    The row, with the address in it, is deleted once the file was searched.
    """

    __tablename__ = "import_erasures"
    __table_args__ = (sa.Index("ix_import_erasures_import_id", "import_id"),)

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    # No foreign key: its check would wait for the lock of an import that is at work.
    import_id: Mapped[int] = mapped_column(info=PLAIN)
    # Addresses in each spelling people write.
    addresses: Mapped[list[str]] = mapped_column(info=PERSONAL)


class ImportBatch(Base):
    """A finished batch, inserted by the transaction that applied it, so that none is applied
    twice.
    """

    __tablename__ = "import_batches"

    import_id: Mapped[int] = _of_import()
    phase: Mapped[Phase] = mapped_column(primary_key=True, info=PLAIN)
    number: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    rows: Mapped[int] = mapped_column(info=PLAIN)
    verdicts: Mapped[dict[str, Any]] = mapped_column(info=PLAIN)


class ImportRow(Base):
    """A row that was not applied, or a sample of another outcome. `cells` follow `columns`."""

    __tablename__ = "import_rows"
    __table_args__ = (
        # The first rows of each verdict are shown.
        sa.Index("ix_import_rows_verdict", "import_id", "phase", "verdict", "number"),
    )

    import_id: Mapped[int] = _of_import()
    phase: Mapped[Phase] = mapped_column(primary_key=True, info=PLAIN)
    number: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    verdict: Mapped[str] = mapped_column(info=PLAIN)
    reason: Mapped[str] = mapped_column(info=PLAIN)
    cells: Mapped[list[str]] = mapped_column(info=PERSONAL)


class ImportLines(Base):
    """A batch as the check parsed it, kept until the run applies it."""

    __tablename__ = "import_lines"

    import_id: Mapped[int] = _of_import()
    number: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    # The number of its first row over the whole file, and how many rows it has.
    first: Mapped[int] = mapped_column(info=PLAIN)
    rows: Mapped[int] = mapped_column(info=PLAIN)
    # What else than file and plan decided how it was read, as a keyed digest.
    recipe: Mapped[bytes] = mapped_column(info=PLAIN)
    content: Mapped[bytes] = mapped_column(info=PERSONAL)


class ImportKey(Base):
    """Half a keyed fingerprint of the person in a row, kept while the file is checked."""

    __tablename__ = "import_keys"

    # No foreign key: it would be half of what a key costs, and imports are never deleted.
    import_id: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    number: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    key: Mapped[bytes] = mapped_column(info=PERSONAL)
    # Whether the row says that the person opted out.
    stops: Mapped[bool] = mapped_column(info=PLAIN)


class ImportDouble(Base):
    """A duplicate row, kept until its batch was checked again without it."""

    __tablename__ = "import_doubles"

    import_id: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    number: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    # Whether another row says that the person opted out.
    stopped: Mapped[bool] = mapped_column(info=PLAIN)
