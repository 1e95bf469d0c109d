"""Adopt this host's keys when the installation's previous ones are lost."""

from __future__ import annotations

from typing import Any

import psycopg
import sqlalchemy as sa

from listmgr.config import Settings
from listmgr.installation.hold import hold
from listmgr.installation.identity import fingerprints, read_installation
from listmgr.installation.identity_file import IdentityFile
from listmgr.kit.installation_state import HoldReason
from listmgr.subscribers.address import fingerprint

BATCH = 5000
_PEOPLE = "SELECT id, address_key, fingerprint FROM subscribers WHERE id > %s ORDER BY id LIMIT %s"
_ANEW = (
    "UPDATE subscribers s SET fingerprint = n.anew"
    " FROM unnest(%s::bigint[], %s::bytea[]) n (id, anew) WHERE s.id = n.id"
)
# A block stays with who is known here; of the others nobody can tell any more whose it is.
_BLOCKS = (
    "INSERT INTO suppressions (fingerprint, reason, note, created_at)"
    " SELECT n.anew, x.reason, x.note, x.created_at"
    " FROM unnest(%s::bytea[], %s::bytea[]) n (before, anew)"
    " JOIN suppressions x ON x.fingerprint = n.before AND x.lifted_at IS NULL"
    " ON CONFLICT DO NOTHING"
)


def adopt(settings: Settings) -> bool:
    """Make the keys in use the installation's; return False if the database stores none yet.

    Mailing is put on hold, since blocks of people who are not subscribers are lost with their key.
    """
    engine = sa.create_engine(settings.database_url, poolclass=sa.NullPool)
    with engine.connect() as opened:
        connection: psycopg.Connection[Any] = opened.connection.driver_connection  # type: ignore[assignment]
        row = read_installation(connection, lock=True)
        if row is None:
            return False
        keys = fingerprints(settings, row.id)
        if keys.suppression_key != row.suppression_key:
            _fingerprints_anew(connection, settings.suppression_key)
        ours = set(keys.secret_keys) & set(row.secret_keys)
        same = (keys.suppression_key, keys.anchor_key) == (row.suppression_key, row.anchor_key)
        if not (ours and same):
            connection.execute(
                "UPDATE installation SET secret_keys = %s, suppression_key = %s, anchor_key = %s",
                (keys.secret_keys, keys.suppression_key, keys.anchor_key),
            )
            hold(connection, HoldReason.NEW_KEYS, (0, 0), lies=row.lies)
        connection.commit()
    witness = IdentityFile(settings.data_dir)
    seen = witness.read()
    if seen is not None and seen.id != row.id:
        witness.forget()
    return True


def _fingerprints_anew(connection: psycopg.Connection[Any], key: bytes) -> None:
    last = 0
    while people := connection.execute(_PEOPLE, (last, BATCH)).fetchall():
        anew = [fingerprint(key, address_key) for _, address_key, _ in people]
        connection.execute(_BLOCKS, ([before for _, _, before in people], anew))
        connection.execute(_ANEW, ([number for number, _, _ in people], anew))
        last = people[-1][0]
