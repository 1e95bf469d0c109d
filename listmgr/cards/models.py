"""Tables of business cards: uploads, cards, captures and first replies."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from listmgr.kit.db import PERSONAL, PLAIN, Base


class Occasion(Base):
    """Where cards are taken: a trade fair, a talk, a visit. Its counts outlive the cards."""

    __tablename__ = "occasions"

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    name: Mapped[str] = mapped_column(info=PLAIN)
    # Folded: “Buchmesse” and “buchmesse ” are one.
    key: Mapped[str] = mapped_column(unique=True, info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(info=PLAIN)
    # What deleted cards had come to; numbers alone, nobody behind them.
    gone_captured: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    gone_asked: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    gone_confirmed: Mapped[int] = mapped_column(server_default="0", info=PLAIN)


class CardCount(Base):
    """Stored counts of an occasion's cards by stage, for occasions with many cards.

    The row without an occasion counts the cards without one.
    """

    __tablename__ = "card_counts"

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    occasion_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("occasions.id", ondelete="CASCADE"), info=PLAIN
    )
    captured: Mapped[int] = mapped_column(info=PLAIN)
    asked: Mapped[int] = mapped_column(info=PLAIN)
    confirmed: Mapped[int] = mapped_column(info=PLAIN)
    counted_at: Mapped[datetime] = mapped_column(info=PLAIN)


class CardSource(enum.StrEnum):
    """How a card was captured."""

    PHOTO = "photo"
    FILE = "file"
    TEXT = "text"
    TYPED = "typed"
    API = "api"


class UploadStatus(enum.StrEnum):
    """State of an upload."""

    WAITING = "waiting"
    READ = "read"
    FAILED = "failed"


class CardUpload(Base):
    """An uploaded picture, file or text. It is deleted once it was read and reviewed."""

    __tablename__ = "card_uploads"
    __table_args__ = (
        # A phone that does not know whether its card arrived sends it again: it is one card.
        sa.UniqueConstraint("operator_id", "idempotency_key"),
        sa.Index("ix_card_uploads_waiting", "id", postgresql_where=sa.text("status = 'waiting'")),
        sa.Index(
            "ix_card_uploads_content",
            "created_at",
            postgresql_where=sa.text("content IS NOT NULL"),
        ),
        sa.Index(
            "ix_card_uploads_card_id",
            "card_id",
            postgresql_where=sa.text("card_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    operator_id: Mapped[int] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    source: Mapped[CardSource] = mapped_column(info=PLAIN)
    status: Mapped[UploadStatus] = mapped_column(server_default="waiting", info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(info=PLAIN)
    taken_at: Mapped[datetime] = mapped_column(info=PLAIN)
    occasion_id: Mapped[int | None] = mapped_column(sa.ForeignKey("occasions.id"), info=PLAIN)
    said: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    notice_by_hand: Mapped[bool] = mapped_column(server_default=sa.false(), info=PLAIN)
    name: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    content: Mapped[bytes | None] = mapped_column(deferred=True, info=PERSONAL)
    # Pictures only, as the page may show them; empty for what is not shown.
    content_type: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    keep_reason: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    # Cards of a picture that have been read so far, out of those found.
    read: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    # Cards put into the inbox so far: the position moves with the rows.
    done: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    detected: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    attempts: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    problem: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    # What could not be read and the texts of codes that hold no card, for the reviewer.
    remarks: Mapped[list[str]] = mapped_column(
        server_default=sa.text("'{}'::text[]"), info=PERSONAL
    )
    idempotency_key: Mapped[str | None] = mapped_column(info=PLAIN)
    # Of what came under the key, by the suppression key: another request is no repetition.
    request_print: Mapped[bytes | None] = mapped_column(info=PERSONAL)
    # The card of words that were typed or told, which may have been there before.
    card_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("cards.id", ondelete="SET NULL", use_alter=True), info=PLAIN
    )


class CardStatus(enum.StrEnum):
    """What operators did with a card. What the person did is stored in their consent only."""

    CAPTURED = "captured"
    KEPT = "kept"
    # The person had objected: the row holds nothing of the card, only that it was recognised.
    OBJECTED = "objected"


class NoticeWay(enum.StrEnum):
    """How the person was informed about the data stored and their source (Art. 13, 14 GDPR)."""

    BY_HAND = "by hand"
    REPLY = "reply"


_OBJECTED_HOLDS_NOTHING = (
    "status <> 'objected' OR (address_key IS NULL AND address = '' AND guessed = '{}'::jsonb"
    " AND first_name = '' AND last_name = '' AND company = '' AND phone = ''"
    " AND job_title = '' AND website = '' AND postal = '' AND note = '')"
)


class Card(Base):
    """A card an operator took, unique by operator and address. It never permits a campaign mail.

    Two operators who took the same person's card have one each, and neither sees the other's.
    """

    __tablename__ = "cards"
    __table_args__ = (
        sa.Index(
            "uq_cards_address_key",
            "address_key",
            "operator_id",
            unique=True,
            # By octets, as for subscribers: it serves equality and beginnings alike.
            postgresql_ops={"address_key": "text_pattern_ops"},
            postgresql_where=sa.text("address_key IS NOT NULL"),
        ),
        sa.Index("ix_cards_status", "status", "id"),
        sa.Index("ix_cards_operator", "operator_id", "status", "id"),
        sa.Index("ix_cards_delete_at", "delete_at"),
        sa.Index(
            "ix_cards_notice_due",
            "notice_due_at",
            postgresql_where=sa.text("notice_given_at IS NULL AND status <> 'objected'"),
        ),
        sa.Index("ix_cards_upload_id", "upload_id"),
        sa.Index(
            "ix_cards_restricted", "id", postgresql_where=sa.text("restricted_at IS NOT NULL")
        ),
        sa.CheckConstraint(_OBJECTED_HOLDS_NOTHING, name="objected_holds_nothing"),
        sa.CheckConstraint("status <> 'objected' OR objected_at IS NOT NULL", name="objected_at"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    operator_id: Mapped[int] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    status: Mapped[CardStatus] = mapped_column(server_default="captured", info=PLAIN)
    upload_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("card_uploads.id", ondelete="SET NULL"), info=PLAIN
    )
    # What was read and how sure we are of it; let go when a person has looked at it.
    guessed: Mapped[dict[str, Any]] = mapped_column(
        server_default=sa.text("'{}'::jsonb"), info=PERSONAL
    )
    problems: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'::text[]"), info=PLAIN)
    address: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    address_key: Mapped[str | None] = mapped_column(info=PERSONAL)
    first_name: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    last_name: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    company: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    job_title: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    phone: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    website: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    postal: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    note: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    language: Mapped[str] = mapped_column(server_default="de", info=PERSONAL)
    captured_at: Mapped[datetime] = mapped_column(info=PLAIN)
    kept_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    delete_at: Mapped[datetime] = mapped_column(info=PLAIN)
    notice_due_at: Mapped[datetime] = mapped_column(info=PLAIN)
    notice_given_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    notice_way: Mapped[NoticeWay | None] = mapped_column(info=PLAIN)
    notice_by: Mapped[int | None] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    objected_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # Article 18, of whom a card alone is known; a subscriber's own restriction holds as well.
    restricted_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # The consent begun on an operator's statement; one a card (L-25).
    consent_id: Mapped[int | None] = mapped_column(sa.ForeignKey("consents.id"), info=PLAIN)

    captures: Mapped[list[CardCapture]] = relationship(
        order_by="CardCapture.id", passive_deletes=True
    )
    replies: Mapped[list[CardReply]] = relationship(order_by="CardReply.id", passive_deletes=True)

    @property
    def name(self) -> str:
        """First and last name; empty if the card has none."""
        return f"{self.first_name} {self.last_name}".strip()


class CardCapture(Base):
    """When, where and by whom a card was taken and what was said (L-25); one for each occasion."""

    __tablename__ = "card_captures"
    __table_args__ = (
        sa.Index("ix_card_captures_card_id", "card_id"),
        sa.Index("ix_card_captures_occasion_id", "occasion_id"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    card_id: Mapped[int] = mapped_column(sa.ForeignKey("cards.id", ondelete="CASCADE"), info=PLAIN)
    operator_id: Mapped[int] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    source: Mapped[CardSource] = mapped_column(info=PLAIN)
    taken_at: Mapped[datetime] = mapped_column(info=PLAIN)
    occasion_id: Mapped[int | None] = mapped_column(sa.ForeignKey("occasions.id"), info=PLAIN)
    said: Mapped[str] = mapped_column(server_default="", info=PERSONAL)


class ReplyStatus(enum.StrEnum):
    """State of a first reply."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


class CardReply(Base):
    """An individual first reply that contains the notice: a service mail, never sent to a list."""

    __tablename__ = "card_replies"
    __table_args__ = (
        sa.Index("ix_card_replies_card_id", "card_id"),
        sa.Index(
            "ix_card_replies_open",
            "id",
            postgresql_where=sa.text("status IN ('queued', 'sending')"),
        ),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    card_id: Mapped[int] = mapped_column(sa.ForeignKey("cards.id", ondelete="CASCADE"), info=PLAIN)
    operator_id: Mapped[int] = mapped_column(sa.ForeignKey("operators.id"), info=PLAIN)
    # In whose name it goes: the sender, the imprint and the privacy notice of a list.
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("mailing_lists.id"), info=PLAIN)
    status: Mapped[ReplyStatus] = mapped_column(server_default="queued", info=PLAIN)
    subject: Mapped[str] = mapped_column(info=PERSONAL)
    body: Mapped[str] = mapped_column(info=PERSONAL)
    created_at: Mapped[datetime] = mapped_column(info=PLAIN)
    tried_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    attempts: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    last_error: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    # Whose mail server did not take it, and whether that refused the login.
    away_sender_id: Mapped[int | None] = mapped_column(info=PLAIN)
    login_refused: Mapped[bool] = mapped_column(server_default=sa.false(), info=PLAIN)
