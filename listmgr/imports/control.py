"""Operators' actions on an import: upload, describe, check, run, pause, cancel."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.hash_chain import canonical
from listmgr.imports.column_mapping import suggest
from listmgr.imports.file_store import (
    MEGABYTE,
    store_file,
)
from listmgr.imports.lifecycle import ImportAction, ImportStatus, next_status
from listmgr.imports.models import (
    Import,
    ImportBatch,
    ImportDouble,
    ImportKey,
    ImportLines,
    ImportRow,
)
from listmgr.imports.plan import Plan
from listmgr.imports.readers.csv_rows import Shape
from listmgr.imports.readers.tables import (
    FileInspection,
    Form,
    TableKind,
    inspect_file,
)
from listmgr.imports.sweep import (
    enqueue_import,
    forget,
)
from listmgr.kit.errors import InvalidInput, NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.field_catalogue import CatalogueField


@dataclass(frozen=True, slots=True)
class Declaration:
    """Source and legal basis of a file, and the operator's declaration about it."""

    source: str
    basis: str
    statement: str


def get_import(session: Session, import_id: int) -> Import:
    """Return the import for reading. Raises NotFound."""
    record = session.get(Import, import_id)
    if record is None:
        raise NotFound(N_("There is no such import."))
    return record


def upload(
    tx: Transaction,
    file: IO[bytes],
    name: str,
    *,
    fields: Sequence[CatalogueField],
    language: str,
    operator_id: int,
    at: datetime,
) -> Import:
    """Store a file and inspect its beginning. Raises InvalidInput if it is no table of people."""
    record = Import(
        status=ImportStatus.UPLOADED,
        file_name=_name(name),
        size=0,
        sha256=b"",
        uploaded_by=operator_id,
        uploaded_at=at,
        form={},
        columns=[],
        plan={},
    )
    tx.session.add(record)
    tx.session.flush()
    record.size, record.sha256 = store_file(tx, record.id, file)
    seen = inspect_file(file, record.size, most=tx.settings.import_megabytes * MEGABYTE)
    _shape(record, seen)
    plan = suggest(seen, fields, file_name=record.file_name, language=language)
    record.plan = plan.stored()
    tx.session.flush()
    return record


def _shape(record: Import, seen: FileInspection) -> None:
    record.form = asdict(seen.form)
    record.columns = list(seen.columns)
    record.rows_expected = seen.expected


def _name(text: str) -> str:
    last = text.replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in last if char.isprintable())[:200] or "import.csv"


def form_of(record: Import) -> Form:
    """Return the format the import's file is read in."""
    return Form(TableKind(record.form["kind"]), Shape(**record.form["shape"]))


def read_otherwise(
    tx: Transaction, import_id: int, file: IO[bytes], shape: Shape, fields: Sequence[CatalogueField]
) -> Import:
    """Read the file in another format and suggest its columns anew."""
    record = _described(tx, import_id)
    seen = inspect_file(file, record.size, Form(form_of(record).kind, shape))
    _shape(record, seen)
    before = Plan.from_stored(record.plan)
    plan = suggest(seen, fields, file_name=record.file_name, language=before.language)
    record.plan = plan.stored()
    return record


def describe(
    tx: Transaction,
    import_id: int,
    plan: Plan,
    purpose_id: int,
    declared: Declaration,
    *,
    operator_id: int,
) -> Import:
    """Store the mapping and the declaration; this voids any earlier check."""
    record = _described(tx, import_id)
    record.plan = plan.stored()
    record.purpose_id = purpose_id
    record.source, record.basis = declared.source, declared.basis
    record.statement, record.declared_by = declared.statement, operator_id
    return record


def _described(tx: Transaction, import_id: int) -> Import:
    record = lock_import(tx, import_id)
    record.status = next_status(record.status, ImportAction.DESCRIBE)
    record.checked, record.rows_total, record.problem = None, None, ""
    record.holder, record.lease_until = "", None
    for table in (ImportBatch, ImportRow, ImportKey, ImportDouble, ImportLines):
        tx.session.execute(sa.delete(table).where(table.import_id == import_id))
    return record


def start_check(tx: Transaction, import_id: int) -> None:
    """Start the check: it counts outcomes, samples rows and changes nothing else."""
    record = lock_import(tx, import_id)
    status = next_status(record.status, ImportAction.CHECK)
    if "email" not in record.plan.get("columns", {}).values() or record.purpose_id is None:
        raise InvalidInput(N_("First map the columns."))
    record.status = status
    enqueue_import(tx, import_id)


def start_run(tx: Transaction, import_id: int, *, operator_id: int, at: datetime) -> None:
    """Apply what was checked. Raises Refused if anything has changed since."""
    record = lock_import(tx, import_id)
    record.status = next_status(record.status, ImportAction.RUN)
    record.started_by, record.started_at = operator_id, at
    enqueue_import(tx, import_id)


def pause(tx: Transaction, import_id: int) -> None:
    """Stop applying rows for now; rows already applied stay."""
    record = lock_import(tx, import_id)
    record.status = next_status(record.status, ImportAction.PAUSE)
    record.lease_until = None


def resume(tx: Transaction, import_id: int) -> None:
    """Continue a paused import."""
    record = lock_import(tx, import_id)
    record.status = next_status(record.status, ImportAction.RESUME)
    enqueue_import(tx, import_id)


def cancel(tx: Transaction, import_id: int, *, at: datetime) -> None:
    """End the import and delete its file and stored rows; people already added stay."""
    record = lock_import(tx, import_id)
    record.status = next_status(record.status, ImportAction.CANCEL)
    record.ended_at, record.lease_until = at, None
    forget(tx, record, at=at)


def lock_import(tx: Transaction, import_id: int) -> Import:
    """Return the import, locked until the commit. Raises NotFound.

    Waits for batches that are being committed; later batches see what this transaction did.
    """
    record = tx.session.get(Import, import_id, with_for_update=True, populate_existing=True)
    if record is None:
        raise NotFound(N_("There is no such import."))
    return record


def declaration_digest(record: Import) -> bytes:
    """Return the SHA-256 of everything a check depends on: file, format, plan and declaration."""
    declared = {
        "file": record.sha256.hex(),
        "form": record.form,
        "plan": record.plan,
        "purpose": record.purpose_id,
        "declared": [record.source, record.basis, record.statement],
    }
    return hashlib.sha256(canonical(declared).encode()).digest()


def facts_of(record: Import) -> dict[str, Any]:
    """Return the facts each consent event of the import carries; none is personal."""
    return {
        "import": record.id,
        "file_sha256": record.sha256.hex(),
        "declared_source": record.source,
        "basis": record.basis,
    }
