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
    found = session.get(Import, import_id)
    if found is None:
        raise NotFound(N_("There is no such import."))
    return found


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
    made = Import(
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
    tx.session.add(made)
    tx.session.flush()
    made.size, made.sha256 = store_file(tx, made.id, file)
    seen = inspect_file(file, made.size, most=tx.settings.import_megabytes * MEGABYTE)
    _shape(made, seen)
    plan = suggest(seen, fields, file_name=made.file_name, language=language)
    made.plan = plan.stored()
    tx.session.flush()
    return made


def _shape(made: Import, seen: FileInspection) -> None:
    made.form = asdict(seen.form)
    made.columns = list(seen.columns)
    made.rows_expected = seen.expected


def _name(told: str) -> str:
    last = told.replace("\\", "/").rpartition("/")[2]
    return "".join(char for char in last if char.isprintable())[:200] or "import.csv"


def form_of(found: Import) -> Form:
    """Return the format the import's file is read in."""
    return Form(TableKind(found.form["kind"]), Shape(**found.form["shape"]))


def read_otherwise(
    tx: Transaction, import_id: int, file: IO[bytes], shape: Shape, fields: Sequence[CatalogueField]
) -> Import:
    """Read the file in another format and suggest its columns anew."""
    found = _described(tx, import_id)
    seen = inspect_file(file, found.size, Form(form_of(found).kind, shape))
    _shape(found, seen)
    before = Plan.from_stored(found.plan)
    plan = suggest(seen, fields, file_name=found.file_name, language=before.language)
    found.plan = plan.stored()
    return found


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
    found = _described(tx, import_id)
    found.plan = plan.stored()
    found.purpose_id = purpose_id
    found.source, found.basis = declared.source, declared.basis
    found.statement, found.declared_by = declared.statement, operator_id
    return found


def _described(tx: Transaction, import_id: int) -> Import:
    found = lock_import(tx, import_id)
    found.status = next_status(found.status, ImportAction.DESCRIBE)
    found.checked, found.rows_total, found.problem = None, None, ""
    found.holder, found.lease_until = "", None
    for table in (ImportBatch, ImportRow, ImportKey, ImportDouble, ImportLines):
        tx.session.execute(sa.delete(table).where(table.import_id == import_id))
    return found


def start_check(tx: Transaction, import_id: int) -> None:
    """Start the check: it counts outcomes, samples rows and changes nothing else."""
    found = lock_import(tx, import_id)
    status = next_status(found.status, ImportAction.CHECK)
    if "email" not in found.plan.get("columns", {}).values() or found.purpose_id is None:
        raise InvalidInput(N_("Say first what the columns mean."))
    found.status = status
    enqueue_import(tx, import_id)


def start_run(tx: Transaction, import_id: int, *, operator_id: int, at: datetime) -> None:
    """Apply what was checked. Raises Refused if anything has changed since."""
    found = lock_import(tx, import_id)
    found.status = next_status(found.status, ImportAction.RUN)
    found.started_by, found.started_at = operator_id, at
    enqueue_import(tx, import_id)


def pause(tx: Transaction, import_id: int) -> None:
    """Stop applying rows for now; rows already applied stay."""
    found = lock_import(tx, import_id)
    found.status = next_status(found.status, ImportAction.PAUSE)
    found.lease_until = None


def resume(tx: Transaction, import_id: int) -> None:
    """Continue a paused import."""
    found = lock_import(tx, import_id)
    found.status = next_status(found.status, ImportAction.RESUME)
    enqueue_import(tx, import_id)


def cancel(tx: Transaction, import_id: int, *, at: datetime) -> None:
    """End the import and delete its file and stored rows; people already added stay."""
    found = lock_import(tx, import_id)
    found.status = next_status(found.status, ImportAction.CANCEL)
    found.ended_at, found.lease_until = at, None
    forget(tx, found, at=at)


def lock_import(tx: Transaction, import_id: int) -> Import:
    """Return the import, locked until the commit. Raises NotFound.

    Waits for batches that are being committed; later batches see what this transaction did.
    """
    found = tx.session.get(Import, import_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(N_("There is no such import."))
    return found


def declaration_digest(found: Import) -> bytes:
    """Return the SHA-256 of everything a check depends on: file, format, plan and declaration."""
    told = {
        "file": found.sha256.hex(),
        "form": found.form,
        "plan": found.plan,
        "purpose": found.purpose_id,
        "declared": [found.source, found.basis, found.statement],
    }
    return hashlib.sha256(canonical(told).encode()).digest()


def facts_of(found: Import) -> dict[str, Any]:
    """Return the facts each consent event of the import carries; none is personal."""
    return {
        "import": found.id,
        "file_sha256": found.sha256.hex(),
        "declared_source": found.source,
        "basis": found.basis,
    }
