"""Columns of an export: the fields a role sees, and columns computed by listmgr."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.kit.i18n import N_
from listmgr.lists.models import MailingList, Purpose
from listmgr.operators.models import Role
from listmgr.subscribers.field_catalogue import visible_fields


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in the file, its label, and its SQL over `s` and the joins."""

    key: str
    label: str
    sql: str
    join: str = ""
    # Labels of ours are translated when shown; those of fields are in the reader's language.
    ours: bool = False


_ISO = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
OWN = (
    Column("id", N_("Number"), "s.id", ours=True),
    Column("tags", N_("Tags"), "s.tags", ours=True),
    Column("basis_note", N_("Note on the legal basis"), "s.basis_note", ours=True),
    Column("created_at", N_("Known since"), _ISO.format("s.created_at"), ours=True),
)


def offered(session: Session, role: Role, language: str) -> list[Column]:
    """Return the columns a role may export, in file order."""
    fields = [
        Column(field.key, field.label(language), f"nullif({field.sql}, '')")
        for field in visible_fields(session, role)
    ]
    return [*fields, *OWN]


def chosen(session: Session, role: Role, keys: Sequence[str], *, consents: bool) -> list[Column]:
    """Return the columns of a file: the chosen ones the role still sees, then those of consents."""
    ticked = [column for column in offered(session, role, "en") if column.key in set(keys)]
    return ticked + (consent_columns(session) if consents else [])


def consent_columns(session: Session) -> list[Column]:
    """Return three columns for each purpose: status of the newest consent, since when, proof."""
    purposes = session.execute(
        sa.select(Purpose.id, Purpose.slug, MailingList.slug)
        .join(MailingList, MailingList.id == Purpose.list_id)
        .order_by(Purpose.id)
    )
    return [column for row in purposes for column in _of_purpose(int(row[0]), f"{row[2]}/{row[1]}")]


def _of_purpose(purpose_id: int, name: str) -> list[Column]:
    alias = f"c{purpose_id}"
    join = (
        " LEFT JOIN LATERAL (SELECT c.id, c.status, c.confirmed_at, c.ended_at FROM consents c"
        f" WHERE c.subscriber_id = s.id AND c.purpose_id = {purpose_id}"
        f" ORDER BY c.id DESC LIMIT 1) {alias} ON true"
    )
    return [
        Column(f"{name}: station", "", f"{alias}.status", join),
        Column(f"{name}: confirmed", "", _ISO.format(f"{alias}.confirmed_at"), join),
        Column(f"{name}: ended", "", _ISO.format(f"{alias}.ended_at"), join),
        Column(f"{name}: proof", "", f"{alias}.id", join),
    ]


def select(columns: Sequence[Column]) -> str:
    """Return the statement for the people in `:ids`; it leaves out restricted people (Article
    18).
    """
    joins = "".join(dict.fromkeys(column.join for column in columns))
    listed = ", ".join(column.sql for column in columns)
    return (
        f"SELECT {listed} FROM subscribers s{joins}"
        " WHERE s.id = ANY(:ids) AND s.restricted_at IS NULL ORDER BY s.id"
    )
