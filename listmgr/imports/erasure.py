"""Remove erased people from stored import files; delete the file where that is not possible."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext

import sqlalchemy as sa

from listmgr.imports.control import form_of
from listmgr.imports.duplicates import KEY
from listmgr.imports.file_store import kept
from listmgr.imports.lifecycle import ENDED, ImportAction, next_status
from listmgr.imports.models import Import, ImportErasure, ImportKey
from listmgr.imports.readers.csv_rows import Broken
from listmgr.imports.readers.tables import tables
from listmgr.imports.sweep import SEARCH, forget
from listmgr.kit.clock import now
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.address import fingerprint

ERASED_IN_FILE = N_(
    "Someone in the file was erased, so it had to be deleted. Upload it again without them."
)


def forget_keys(tx: Transaction, address_keys: Iterable[str]) -> None:
    """Delete the fingerprints stored for these people while a file is checked."""
    keys = [
        fingerprint(tx.settings.suppression_key, address_key)[:KEY] for address_key in address_keys
    ]
    tx.session.execute(sa.delete(ImportKey).where(ImportKey.key.in_(keys)))


def forget_rows(tx: Transaction, address_keys: Iterable[str]) -> None:
    """Delete stored rows that contain one of these addresses in any cell."""
    tx.session.execute(
        sa.text(
            "DELETE FROM import_rows r WHERE EXISTS (SELECT FROM unnest(r.cells) cell,"
            " unnest(CAST(:needles AS text[])) needle WHERE position(needle IN lower(cell)) > 0)"
        ),
        {"needles": _spellings(address_keys)},
    )


def forget_files(tx: Transaction, address_keys: Iterable[str]) -> None:
    """Queue a search of every stored file for these people. It runs after the commit and may take
    minutes.
    """
    spellings = _spellings(address_keys)
    stored = tx.session.scalars(sa.select(Import.id).where(Import.purged_at.is_(None))).all()
    if not stored or not spellings:
        return
    rows = [{"import_id": import_id, "addresses": spellings} for import_id in stored]
    tx.session.execute(sa.insert(ImportErasure), rows)
    tx.after_commit(SEARCH)


def search_next_file(tx: Transaction) -> bool:
    """Search one file for erased people; return whether there was a file to search.

    A file that loses a row no longer matches its check, so the whole file is deleted and its import
    ends. People already added stay; to import the others, upload a file without the erased person.
    """
    import_id = tx.session.scalar(
        sa.select(ImportErasure.import_id).order_by(ImportErasure.id).limit(1)
    )
    if import_id is None:
        return False
    record = tx.session.get_one(Import, import_id, with_for_update=True)
    # With the lock: none that is written meanwhile goes unsearched.
    searched = tx.session.scalars(
        sa.delete(ImportErasure)
        .where(ImportErasure.import_id == import_id)
        .returning(ImportErasure.addresses)
    ).all()
    needles = sorted({address for addresses in searched for address in addresses})
    if needles and record.purged_at is None and _holds(tx, record, needles):
        if record.status not in ENDED:
            record.status = next_status(record.status, ImportAction.CANCEL)
            record.problem, record.ended_at = ERASED_IN_FILE, now()
        forget(tx, record, at=now())
    return True


def _holds(tx: Transaction, record: Import, needles: list[str]) -> bool:
    file = kept(lambda: nullcontext(tx), record.id, record.size)
    try:
        for table in tables(file, form_of(record)):
            for row in table.rows:
                cells = row.cells if isinstance(row, Broken) else row
                text = "\n".join(cells).lower()
                if "@" in text and any(needle in text for needle in needles):
                    return True
    except InvalidInput:
        # It cannot be read to its end, so that nobody can say that they are not in it.
        return True
    return False


def _spellings(address_keys: Iterable[str]) -> list[str]:
    """Return an address in its normalized form and, for an international domain, in Unicode."""
    spellings = []
    for key in address_keys:
        local, _, domain = key.rpartition("@")
        spellings.append(key)
        if "xn--" in domain:
            spellings.append(f"{local}@{domain.encode().decode('idna')}")
    return spellings
