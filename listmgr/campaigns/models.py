"""Tables of campaigns: what was written, what a launch froze, and the files."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from listmgr.kit.db import PLAIN, Base
from listmgr.lists.models import MailingList, Purpose


class CampaignStatus(enum.StrEnum):
    """State of a campaign."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"


class PauseCause(enum.StrEnum):
    """Why a campaign is paused. Only `server_away` ends by itself."""

    OPERATOR = "operator"
    SERVER_AWAY = "server_away"
    SENDER_FAULT = "sender_fault"
    NO_SENDER = "no_sender"
    BROKEN_RULE = "broken_rule"
    INSTALLATION = "installation"


class Campaign(Base):
    """A message to everybody whose consent to one purpose is current."""

    __tablename__ = "campaigns"
    __table_args__ = (
        sa.ForeignKeyConstraint(["purpose_id", "list_id"], ["purposes.id", "purposes.list_id"]),
        sa.CheckConstraint("format IN ('markdown', 'html')", name="format"),
        sa.CheckConstraint("status = 'draft' OR content_id IS NOT NULL", name="frozen"),
        sa.CheckConstraint("(status = 'paused') = (pause_cause IS NOT NULL)", name="pause_cause"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    name: Mapped[str] = mapped_column(info=PLAIN)
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("mailing_lists.id"), info=PLAIN)
    purpose_id: Mapped[int] = mapped_column(info=PLAIN)
    status: Mapped[CampaignStatus] = mapped_column(server_default="draft", info=PLAIN)
    pause_cause: Mapped[PauseCause | None] = mapped_column(info=PLAIN)
    # What the mail server or the room said about it; nothing is decided by these words.
    pause_reason: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    subject: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    format: Mapped[str] = mapped_column(server_default="markdown", info=PLAIN)
    body: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    plain_text: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    # Optimistic lock of the editor: two writers never overwrite each other silently.
    revision: Mapped[int] = mapped_column(server_default="1", info=PLAIN)
    # Who is in the one and not in the other; a launch freezes both rules into one.
    audience_segment_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("segments.id"), info=PLAIN
    )
    exclusion_segment_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("segments.id"), info=PLAIN
    )
    frozen_rule: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), info=PLAIN)
    content_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("campaign_contents.id"), info=PLAIN
    )
    created_by: Mapped[int | None] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    launched_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    finished_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # By which account it leaves, and what keeps it waiting until when: a limit, quiet hours.
    sender_id: Mapped[int | None] = mapped_column(sa.ForeignKey("senders.id"), info=PLAIN)
    waits_until: Mapped[datetime | None] = mapped_column(info=PLAIN)
    waits_for: Mapped[str] = mapped_column(server_default="", info=PLAIN)

    mailing_list: Mapped[MailingList] = relationship(viewonly=True)
    purpose: Mapped[Purpose] = relationship(
        primaryjoin=Purpose.id == sa.orm.foreign(purpose_id), viewonly=True
    )
    content: Mapped[CampaignContent | None] = relationship(foreign_keys=[content_id])


class CampaignContent(Base):
    """What a launch froze; a trigger prevents later changes."""

    __tablename__ = "campaign_contents"

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    frozen_at: Mapped[datetime] = mapped_column(info=PLAIN)
    subject: Mapped[str] = mapped_column(info=PLAIN)
    text: Mapped[str] = mapped_column(info=PLAIN)
    html: Mapped[str] = mapped_column(info=PLAIN)
    from_name: Mapped[str] = mapped_column(info=PLAIN)
    from_address: Mapped[str] = mapped_column(info=PLAIN)
    list_header: Mapped[str] = mapped_column(info=PLAIN)
    language: Mapped[str] = mapped_column(info=PLAIN)
    sha256: Mapped[bytes] = mapped_column(info=PLAIN)


class CampaignFile(Base):
    """A file that is part of every mail of a campaign; a trigger fixes it at launch."""

    __tablename__ = "campaign_files"
    __table_args__ = (sa.UniqueConstraint("campaign_id", "name"),)

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaigns.id", ondelete="CASCADE"), info=PLAIN
    )
    name: Mapped[str] = mapped_column(info=PLAIN)
    media_type: Mapped[str] = mapped_column(info=PLAIN)
    size: Mapped[int] = mapped_column(info=PLAIN)
    # Read only where a mail is made of it.
    data: Mapped[bytes] = mapped_column(info=PLAIN, deferred=True)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
