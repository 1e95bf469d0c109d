"""Tables of operators, sessions, API keys and the audit log."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PERSONAL, PLAIN, Base


class Role(enum.StrEnum):
    """What an operator may do; `operators/roles.py` lists each role's permissions."""

    MARKETER = "marketer"
    SALES = "sales"
    HEAD_OF_SALES = "head_of_sales"
    SERVICE = "service"
    PRIVACY = "privacy"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Operator(Base):
    """A member of staff who signs in to the studio."""

    __tablename__ = "operators"

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    email: Mapped[str] = mapped_column(unique=True, info=PERSONAL)
    name: Mapped[str] = mapped_column(info=PERSONAL)
    password_hash: Mapped[str] = mapped_column(info=PERSONAL)
    role: Mapped[Role] = mapped_column(info=PLAIN)
    language: Mapped[str] = mapped_column(server_default="en", info=PLAIN)
    # Raised to end every session and one-time sign-in of this operator at once.
    session_version: Mapped[int] = mapped_column(server_default="1", info=PLAIN)
    # Raised with each one-time sign-in that is made: the newest alone works.
    link_version: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    last_seen_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    disabled_at: Mapped[datetime | None] = mapped_column(info=PLAIN)


class OperatorSession(Base):
    """A signed-in browser. Only a hash of the cookie's secret is stored."""

    __tablename__ = "operator_sessions"
    __table_args__ = (sa.Index("ix_operator_sessions_operator_id", "operator_id"),)

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    operator_id: Mapped[int] = mapped_column(
        sa.ForeignKey("operators.id", ondelete="CASCADE"), info=PLAIN
    )
    # The operator's session_version at the sign-in: an act that ends all sessions at the same
    # moment ends this one too.
    version: Mapped[int] = mapped_column(info=PLAIN)
    token_hash: Mapped[bytes] = mapped_column(unique=True, info=PLAIN)
    started_at: Mapped[datetime] = mapped_column(info=PLAIN)
    last_seen_at: Mapped[datetime] = mapped_column(info=PLAIN)


class AuditEntry(Base):
    """Append-only (trigger): which operator did or viewed what, by id, without personal data."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        sa.Index("ix_audit_entries_subject", "subject", "subject_id"),
        sa.Index("ix_audit_entries_operator", "operator_id", "id"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    at: Mapped[datetime] = mapped_column(info=PLAIN)
    operator_id: Mapped[int | None] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    action: Mapped[str] = mapped_column(info=PLAIN)
    subject: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    subject_id: Mapped[int | None] = mapped_column(info=PLAIN)
    details: Mapped[dict[str, Any]] = mapped_column(
        server_default=sa.text("'{}'::jsonb"), info=PLAIN
    )


class ApiKey(Base):
    """A program's key to the API in an operator's name. Only its hash is stored."""

    __tablename__ = "api_keys"
    __table_args__ = (sa.Index("ix_api_keys_operator_id", "operator_id"),)

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    operator_id: Mapped[int] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    name: Mapped[str] = mapped_column(info=PLAIN)
    # The first letters, by which the owner knows which one it is.
    beginning: Mapped[str] = mapped_column(info=PLAIN)
    token_hash: Mapped[bytes] = mapped_column(unique=True, info=PLAIN)
    scopes: Mapped[list[str]] = mapped_column(info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(info=PLAIN)
    last_used_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    revoked_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
