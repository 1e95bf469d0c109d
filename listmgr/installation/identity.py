"""Verify on every new connection that database and keys are those of this installation.

In doubt no mail is sent: running campaigns are paused and mailing waits for an administrator
(decision 0056). Uses only psycopg, since it runs before SQLAlchemy has a connection to give.
"""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass, replace
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.rows import namedtuple_row

from listmgr.config import Settings
from listmgr.installation.hold import hold
from listmgr.installation.identity_file import (
    IdentityFile,
    InstallationRecord,
    folder_now,
    is_copy,
)
from listmgr.kit.errors import IdentityError
from listmgr.kit.installation_state import HoldReason
from listmgr.subscribers.address import fingerprint as address_fingerprint


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Fingerprints that distinguish keys without revealing them."""

    secret_keys: list[str]
    suppression_key: str
    anchor_key: str


def fingerprints(settings: Settings, installation_id: str) -> Fingerprints:
    """Return the fingerprints of the keys in use, specific to this installation."""

    def of(name: str, key: bytes) -> str:
        label = f"listmgr {name} key of {installation_id}"
        return hmac.digest(key, label.encode(), "sha256").hex()

    return Fingerprints(
        [of("secret", key.encode()) for key in settings.secret_keys],
        of("suppression", settings.suppression_key),
        of("anchor", settings.anchor_key),
    )


def guard(engine: sa.Engine, settings: Settings) -> sa.Engine:
    """Make the engine verify every connection it opens; return the engine."""

    def look(connection: Any, _record: object) -> None:  # noqa: ANN401 - SQLAlchemy's own type
        try:
            verify(connection, settings)
        except Exception:
            # SQLAlchemy would leave it open.
            connection.close()
            raise

    sa.event.listen(engine, "connect", look)
    return engine


def verify_database(settings: Settings) -> None:
    """Verify the configured database. Raises IdentityError or sqlalchemy.exc.DBAPIError."""
    engine = guard(sa.create_engine(settings.database_url, poolclass=sa.NullPool), settings)
    with engine.connect():
        pass


def check_folder(settings: Settings) -> None:
    """Put mailing on hold if the data directory, with the database in it, is a copy.

    A copy is identical except for its location.
    """
    witness = IdentityFile(settings.data_dir)
    seen, lies = witness.read(), folder_now(settings.data_dir)
    if seen is None or seen.folder == lies:
        return
    if is_copy(seen.folder, lies):
        engine = sa.create_engine(settings.database_url, poolclass=sa.NullPool)
        with engine.connect() as opened:
            connection: Any = opened.connection.driver_connection
            row = read_installation(connection, lock=True)
            hold(connection, HoldReason.COPIED, seen.position, lies=row.lies)
            connection.commit()
    with witness.locked():
        witness.write(replace(witness.read() or seen, folder=lies))


def verify(connection: psycopg.Connection[Any], settings: Settings) -> None:
    """Verify one connection; put mailing on hold if its database is not the one that ran here.

    A database without the table, which is not migrated yet, is ignored. Raises IdentityError.
    """
    try:
        _verify(connection, settings)
    except psycopg.errors.UndefinedTable:
        return
    finally:
        connection.rollback()


def _verify(connection: psycopg.Connection[Any], settings: Settings) -> None:
    witness = IdentityFile(settings.data_dir)
    # Before the database: meanwhile another process may take both further.
    seen = witness.read()
    row = read_installation(connection) or _enrol(connection, settings, seen)
    _refuse(row, seen, settings)
    _know_new_key(connection, row, settings)
    doubt = _doubt(row, seen)
    if doubt is not None:
        row = _hold(connection, doubt, seen)
    connection.commit()
    witness.note(row.id, row.generation, row.mark)


_LOOK = (
    "SELECT i.*, concat_ws('/', {cluster},"
    " (SELECT oid FROM pg_database WHERE datname = current_database()),"
    " 'installation'::regclass::oid) AS lies FROM installation i"
)
_WITH_CLUSTER = _LOOK.format(cluster="(SELECT system_identifier FROM pg_control_system())")
_WITHOUT = _LOOK.format(cluster="NULL")


def read_installation(connection: psycopg.Connection[Any], *, lock: bool = False) -> Any:  # noqa: ANN401
    """Return the installation's row and its present location, or None."""
    more = " FOR UPDATE OF i" if lock else ""
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        try:
            with connection.transaction():
                return cursor.execute(_WITH_CLUSTER + more).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            # Some providers keep the number of the cluster to themselves.
            return cursor.execute(_WITHOUT + more).fetchone()


def _doubt(row: Any, seen: InstallationRecord | None) -> HoldReason | None:  # noqa: ANN401
    if row.place != row.lies:
        return HoldReason.ELSEWHERE
    if seen is not None and seen.position > (row.generation, row.mark):
        return HoldReason.OLDER
    return None


def _hold(
    connection: psycopg.Connection[Any], doubt: HoldReason, seen: InstallationRecord | None
) -> Any:  # noqa: ANN401
    row = read_installation(connection, lock=True)
    # Whoever was first has settled it for all.
    if _doubt(row, seen) is not None:
        hold(connection, doubt, seen.position if seen else (0, 0), lies=row.lies)
    return read_installation(connection)


def refuse_another(connection: psycopg.Connection[Any], settings: Settings) -> None:
    """Raise IdentityError if keys or data directory belong to another installation; write nothing.

    Raises psycopg.Error if the table does not exist yet.
    """
    row = read_installation(connection)
    if row is not None:
        _refuse(row, IdentityFile(settings.data_dir).read(), settings)


def _refuse(row: Any, seen: InstallationRecord | None, settings: Settings) -> None:  # noqa: ANN401
    ours = fingerprints(settings, row.id)
    other = []
    if not set(ours.secret_keys) & set(row.secret_keys):
        other.append("LISTMGR_SECRET_KEY")
    if ours.suppression_key != row.suppression_key:
        other.append("LISTMGR_SUPPRESSION_KEY")
    if ours.anchor_key != row.anchor_key:
        other.append("LISTMGR_ANCHOR_KEY")
    if other:
        raise _other_keys(settings, other)
    if seen is not None and seen.id != row.id:
        raise IdentityError(
            f"The data directory {settings.data_dir} belongs to another installation than this"
            " database. Give LISTMGR_DATA_DIR a folder of its own for each installation, or, if"
            " this folder shall serve this database from now on, run `listmgr installation adopt`."
        )


def _know_new_key(connection: psycopg.Connection[Any], row: Any, settings: Settings) -> None:  # noqa: ANN401
    """Store a secret key that was added before the known ones."""
    ours = fingerprints(settings, row.id)
    new = [key for key in ours.secret_keys if key not in row.secret_keys]
    if new:
        connection.execute(
            "UPDATE installation SET secret_keys = %s || secret_keys WHERE NOT secret_keys && %s",
            (new, new),
        )


def _other_keys(settings: Settings, names: list[str]) -> IdentityError:
    return IdentityError(
        f"{' and '.join(names)}: this host has other keys than the installation this database"
        " belongs to. Links in mails would not open here, and blocks would not be known. Copy"
        f" the folder `secrets` of the first host's data directory to {settings.data_dir}, or set"
        " LISTMGR_SECRET_KEY, LISTMGR_SUPPRESSION_KEY and LISTMGR_ANCHOR_KEY to the same values"
        " everywhere. Only if those keys are lost for good: `listmgr installation adopt`."
    )


def _enrol(
    connection: psycopg.Connection[Any], settings: Settings, seen: InstallationRecord | None
) -> Any:  # noqa: ANN401
    """Store the installation the first time its database is seen."""
    person = connection.execute(
        "SELECT address_key, fingerprint FROM subscribers ORDER BY id LIMIT 1"
    )
    existing = person.fetchone()
    if existing and address_fingerprint(settings.suppression_key, existing[0]) != existing[1]:
        raise _other_keys(settings, ["LISTMGR_SUPPRESSION_KEY"])
    installation_id = seen.id if seen else str(uuid.uuid4())
    keys = fingerprints(settings, installation_id)
    connection.execute(
        "INSERT INTO installation (id, secret_keys, suppression_key, anchor_key, place)"
        " VALUES (%s, %s, %s, %s, '') ON CONFLICT DO NOTHING",
        (installation_id, keys.secret_keys, keys.suppression_key, keys.anchor_key),
    )
    row = read_installation(connection, lock=True)
    if row.place == "":
        connection.execute(
            "UPDATE installation SET place = %s, generation = %s",
            (row.lies, seen.generation + 1 if seen else 1),
        )
        if seen is not None and _holds_anything(connection):
            # A dump from before the installation knew itself.
            hold(connection, HoldReason.OLDER, seen.position, lies=row.lies)
    return read_installation(connection)


def _holds_anything(connection: psycopg.Connection[Any]) -> bool:
    record = connection.execute(
        "SELECT EXISTS (SELECT FROM subscribers) OR EXISTS (SELECT FROM campaigns)"
    ).fetchone()
    return bool(record and record[0])
