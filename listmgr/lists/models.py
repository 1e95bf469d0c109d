"""Tables of mailing lists, purposes, notices (the wording people agree to) and sign-up forms."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from listmgr.kit.db import PLAIN, Base
from listmgr.senders.quiet_hours import QuietColumns


class MailingList(QuietColumns, Base):
    """A list with its sender and imprint. Archiving stops all its mail."""

    __tablename__ = "mailing_lists"

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    slug: Mapped[str] = mapped_column(unique=True, info=PLAIN)
    name: Mapped[str] = mapped_column(info=PLAIN)
    description: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    language: Mapped[str] = mapped_column(server_default="de", info=PLAIN)
    sender_name: Mapped[str] = mapped_column(info=PLAIN)
    sender_address: Mapped[str] = mapped_column(info=PLAIN)
    controller: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    imprint: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    privacy_url: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    archived_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # By which account its mail leaves; NULL: the one that serves its sender's address.
    sender_id: Mapped[int | None] = mapped_column(sa.ForeignKey("senders.id"), info=PLAIN)

    purposes: Mapped[list[Purpose]] = relationship(
        back_populates="mailing_list", order_by="Purpose.id"
    )


class Purpose(Base):
    """What a list's mail is about; each purpose has its own checkbox (L-09)."""

    __tablename__ = "purposes"
    __table_args__ = (
        sa.UniqueConstraint("list_id", "slug"),
        sa.UniqueConstraint("id", "list_id"),
        sa.Index("ix_purposes_list_id", "list_id"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    list_id: Mapped[int] = mapped_column(sa.ForeignKey("mailing_lists.id"), info=PLAIN)
    slug: Mapped[str] = mapped_column(info=PLAIN)
    name_de: Mapped[str] = mapped_column(info=PLAIN)
    name_en: Mapped[str] = mapped_column(info=PLAIN)
    # Consents to an older notice than this must be asked again before the next mail.
    least_notice_version: Mapped[int] = mapped_column(server_default="1", info=PLAIN)

    mailing_list: Mapped[MailingList] = relationship(back_populates="purposes")
    notices: Mapped[list[Notice]] = relationship(
        back_populates="purpose", order_by="Notice.version"
    )

    def name(self, language: str) -> str:
        """Return the name in a language, else in English."""
        return self.name_de if language == "de" else self.name_en


class Notice(Base):
    """The exact wording a person agrees to: one version, purpose and language; never edited."""

    __tablename__ = "notices"
    __table_args__ = (sa.UniqueConstraint("purpose_id", "language", "version"),)

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    purpose_id: Mapped[int] = mapped_column(sa.ForeignKey("purposes.id"), info=PLAIN)
    version: Mapped[int] = mapped_column(info=PLAIN)
    language: Mapped[str] = mapped_column(info=PLAIN)
    words: Mapped[str] = mapped_column(info=PLAIN)
    sha256: Mapped[bytes] = mapped_column(info=PLAIN)
    privacy_version: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    demands_renewal: Mapped[bool] = mapped_column(server_default=sa.false(), info=PLAIN)
    published_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)

    purpose: Mapped[Purpose] = relationship(back_populates="notices")


class SignupForm(Base):
    """A hosted sign-up page for one or more purposes."""

    __tablename__ = "signup_forms"

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    slug: Mapped[str] = mapped_column(unique=True, info=PLAIN)
    title_de: Mapped[str] = mapped_column(info=PLAIN)
    title_en: Mapped[str] = mapped_column(info=PLAIN)
    intro_de: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    intro_en: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    closed_at: Mapped[datetime | None] = mapped_column(info=PLAIN)

    purposes: Mapped[list[Purpose]] = relationship(
        secondary="signup_form_purposes", order_by="Purpose.id"
    )
    asks: Mapped[list[SignupFormField]] = relationship(
        order_by="SignupFormField.position", cascade="all, delete-orphan"
    )


class SignupFormPurpose(Base):
    """A purpose a form offers."""

    __tablename__ = "signup_form_purposes"

    form_id: Mapped[int] = mapped_column(
        sa.ForeignKey("signup_forms.id", ondelete="CASCADE"), primary_key=True, info=PLAIN
    )
    purpose_id: Mapped[int] = mapped_column(
        sa.ForeignKey("purposes.id"), primary_key=True, info=PLAIN
    )


class SignupFormField(Base):
    """A field a form asks for, by key and position."""

    __tablename__ = "signup_form_fields"

    form_id: Mapped[int] = mapped_column(
        sa.ForeignKey("signup_forms.id", ondelete="CASCADE"), primary_key=True, info=PLAIN
    )
    # A core field has no row to point at, so no foreign key holds this.
    key: Mapped[str] = mapped_column(primary_key=True, info=PLAIN)
    position: Mapped[int] = mapped_column(info=PLAIN)
    required: Mapped[bool] = mapped_column(server_default=sa.false(), info=PLAIN)
