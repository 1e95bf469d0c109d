"""Tables of consents, their ledger and evidence, sign-ups and service mails."""

from __future__ import annotations

import enum
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from listmgr.consent.lifecycle import OPEN, ConsentStatus
from listmgr.kit.db import PERSONAL, PLAIN, Base
from listmgr.lists.models import MailingList, Purpose
from listmgr.subscribers.models import Subscriber

_OPEN_SQL = "status IN ({})".format(", ".join(f"'{s.value}'" for s in sorted(OPEN)))


class ConsentSource(enum.StrEnum):
    """Where a consent was captured."""

    FORM = "form"
    IMPORT = "import"
    CARD = "card"
    API = "api"
    STAFF = "staff"


class Consent(Base):
    """One person's consent to one purpose, from start to end. Only `status` decides whether mail
    may be sent.
    """

    __tablename__ = "consents"
    __table_args__ = (
        # A consent lives once: a new asking after an end makes a new row.
        sa.Index(
            "uq_consents_open",
            "subscriber_id",
            "purpose_id",
            unique=True,
            postgresql_where=sa.text(_OPEN_SQL),
        ),
        sa.Index(
            "ix_consents_mailable",
            "purpose_id",
            "subscriber_id",
            postgresql_where=sa.text("status = 'confirmed'"),
        ),
        sa.Index("ix_consents_list_status", "list_id", "status", "subscriber_id"),
        sa.Index("ix_consents_subscriber_id", "subscriber_id"),
        sa.Index("ix_consents_source", "source", "subscriber_id"),
        sa.Index(
            "ix_consents_expires_at",
            "expires_at",
            postgresql_where=sa.text(
                "expires_at IS NOT NULL AND status IN ('captured', 'pending')"
            ),
        ),
        sa.CheckConstraint(
            "subscriber_id IS NOT NULL OR status IN ('expired', 'erased')", name="whose"
        ),
        sa.CheckConstraint(
            "status <> 'confirmed' OR confirmed_at IS NOT NULL", name="confirmed_at"
        ),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    # What these four refer to is looked at once for all rows of a statement (`consents_added`).
    subscriber_id: Mapped[int | None] = mapped_column(info=PLAIN)
    list_id: Mapped[int] = mapped_column(info=PLAIN)
    purpose_id: Mapped[int] = mapped_column(info=PLAIN)
    status: Mapped[ConsentStatus] = mapped_column(info=PLAIN)
    # The number of ledger events so far; links are bound to a consent, never to an address.
    version: Mapped[int] = mapped_column(info=PLAIN)
    notice_id: Mapped[int] = mapped_column(info=PLAIN)
    notice_version: Mapped[int] = mapped_column(info=PLAIN)
    language: Mapped[str] = mapped_column(info=PLAIN)
    source: Mapped[ConsentSource] = mapped_column(info=PLAIN)
    captured_at: Mapped[datetime] = mapped_column(info=PLAIN)
    asked_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    confirmed_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    ended_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    expires_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # To the month: the clock of ageing (L-08) and of the proof's retention (L-06).
    last_used_at: Mapped[datetime | None] = mapped_column(info=PLAIN)

    subscriber: Mapped[Subscriber | None] = relationship(
        primaryjoin=Subscriber.id == sa.orm.foreign(subscriber_id)
    )
    mailing_list: Mapped[MailingList] = relationship(
        primaryjoin=MailingList.id == sa.orm.foreign(list_id), viewonly=True
    )
    purpose: Mapped[Purpose] = relationship(
        primaryjoin=Purpose.id == sa.orm.foreign(purpose_id), viewonly=True
    )
    events: Mapped[list[ConsentEvent]] = relationship(
        primaryjoin=lambda: Consent.id == sa.orm.foreign(ConsentEvent.consent_id),
        back_populates="consent",
        order_by="ConsentEvent.seq",
    )


class ConsentMove(Base):
    """Number of consents that changed from one status to another in a week; `came_from` "" is a
    start.

    Written by triggers, one row a statement, and summed later (`consent_statistics.fold`): the
    overview sums a few rows, and no transaction waits for a counter.
    """

    __tablename__ = "consent_moves"

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    list_id: Mapped[int] = mapped_column(info=PLAIN)
    purpose_id: Mapped[int] = mapped_column(info=PLAIN)
    notice_version: Mapped[int] = mapped_column(info=PLAIN)
    came_from: Mapped[str] = mapped_column(info=PLAIN)
    went_to: Mapped[str] = mapped_column(info=PLAIN)
    # Its Monday, in UTC.
    week: Mapped[date] = mapped_column(sa.Date(), info=PLAIN)
    n: Mapped[int] = mapped_column(info=PLAIN)


class ConsentEvent(Base):
    """One link of a consent's hash chain. Append-only by trigger; contains nothing personal."""

    __tablename__ = "consent_events"
    __table_args__ = (sa.UniqueConstraint("consent_id", "seq"),)

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    # That there is such a consent is looked at with the chain (`consent_events_chain_all`).
    consent_id: Mapped[int] = mapped_column(info=PLAIN)
    seq: Mapped[int] = mapped_column(info=PLAIN)
    # The word as it was hashed; `ConsentAction(action)` also reads earlier ones.
    action: Mapped[str] = mapped_column(sa.String(32), info=PLAIN)
    status: Mapped[ConsentStatus] = mapped_column(info=PLAIN)
    at: Mapped[datetime] = mapped_column(info=PLAIN)
    # "subscriber", "system" or "operator:<id>".
    actor: Mapped[str] = mapped_column(info=PLAIN)
    # Canonical JSON kept as text: the hash is over these very bytes.
    facts: Mapped[str] = mapped_column(info=PLAIN)
    commitment: Mapped[bytes] = mapped_column(info=PLAIN)
    previous: Mapped[bytes] = mapped_column(info=PLAIN)
    hash: Mapped[bytes] = mapped_column(info=PLAIN)

    consent: Mapped[Consent] = relationship(
        primaryjoin=lambda: Consent.id == sa.orm.foreign(ConsentEvent.consent_id),
        back_populates="events",
    )
    evidence: Mapped[ConsentEvidence | None] = relationship(back_populates="event")


class ConsentEvidence(Base):
    """The personal part of an event: address as typed, IP, user agent, the mail. Erasable."""

    __tablename__ = "consent_evidence"

    event_id: Mapped[int] = mapped_column(
        sa.ForeignKey("consent_events.id"), primary_key=True, info=PLAIN
    )
    salt: Mapped[bytes] = mapped_column(info=PLAIN)
    content: Mapped[str] = mapped_column(info=PERSONAL)

    event: Mapped[ConsentEvent] = relationship(back_populates="evidence")


class LedgerAnchor(Base):
    """A Merkle root over new events, sealed by an HMAC whose key is outside the database."""

    __tablename__ = "ledger_anchors"

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    at: Mapped[datetime] = mapped_column(info=PLAIN)
    first_event_id: Mapped[int] = mapped_column(unique=True, info=PLAIN)
    last_event_id: Mapped[int] = mapped_column(unique=True, info=PLAIN)
    events: Mapped[int] = mapped_column(info=PLAIN)
    root: Mapped[bytes] = mapped_column(info=PLAIN)
    seal: Mapped[bytes] = mapped_column(info=PLAIN)


class Signup(Base):
    """A visitor's input before it is checked against known people (T-10). Deleted once
    processed.
    """

    __tablename__ = "signups"
    __table_args__ = (sa.Index("ix_signups_received_at", "received_at"),)

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    form_id: Mapped[int] = mapped_column(
        sa.ForeignKey("signup_forms.id", ondelete="CASCADE"), info=PLAIN
    )
    received_at: Mapped[datetime] = mapped_column(info=PLAIN)
    content: Mapped[dict[str, Any]] = mapped_column(info=PERSONAL)


class ServiceMailStatus(enum.StrEnum):
    """State of a service mail."""

    # Over a limit: it is queued when there is room.
    WAITING = "waiting"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


class ServiceMailKind(enum.StrEnum):
    """Kinds of mails that may go to somebody who has not confirmed anything."""

    CONFIRM_SUBSCRIPTION = "confirm_subscription"
    ALREADY_SUBSCRIBED = "already_subscribed"
    # To the old mailbox: somebody asked to have its mail sent elsewhere (T-11).
    ADDRESS_CHANGE = "address_change"
    # The key to the page of one's own data goes to the mailbox alone (L-31).
    MY_DATA = "my_data"

    @classmethod
    def _missing_(cls, value: object) -> ServiceMailKind | None:
        return _EARLIER_KINDS.get(str(value))


# Until migration 0083; the ledger's events keep these words.
_EARLIER_KINDS = {
    "confirm": ServiceMailKind.CONFIRM_SUBSCRIPTION,
    "already": ServiceMailKind.ALREADY_SUBSCRIBED,
    "moving": ServiceMailKind.ADDRESS_CHANGE,
}


class ServiceMail(Base):
    """A service mail, the only kind of mail that may rest on a pending consent."""

    __tablename__ = "service_mails"
    __table_args__ = (
        sa.Index("ix_service_mails_recipient", "recipient", "queued_at"),
        sa.Index("ix_service_mails_domain", "domain", "queued_at"),
        sa.Index("ix_service_mails_queued_at", "queued_at"),
        sa.Index(
            "ix_service_mails_network",
            "network",
            "queued_at",
            postgresql_where=sa.text("network IS NOT NULL"),
        ),
        sa.Index(
            "ix_service_mails_open",
            "status",
            "created_at",
            postgresql_where=sa.text("status IN ('queued', 'sending')"),
        ),
        sa.Index("ix_service_mails_unsent", "status", postgresql_where=sa.text("status <> 'sent'")),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    kind: Mapped[ServiceMailKind] = mapped_column(info=PLAIN)
    # The consents one mail asks for share one mail: several boxes, one mail, one click.
    consent_ids: Mapped[list[int]] = mapped_column(
        sa.dialects.postgresql.ARRAY(sa.BigInteger()), info=PLAIN
    )
    status: Mapped[ServiceMailStatus] = mapped_column(info=PLAIN)
    token_hash: Mapped[bytes | None] = mapped_column(unique=True, info=PLAIN)
    # Keyed fingerprints (provider-aware address; domain): limits outlive the subscriber.
    recipient: Mapped[bytes] = mapped_column(info=PERSONAL)
    domain: Mapped[bytes] = mapped_column(info=PERSONAL)
    # Keyed too, of the network that asked, for a day: those who wait for room take turns by it.
    network: Mapped[bytes | None] = mapped_column(info=PERSONAL)
    # Who asked for it, as the ledger names them.
    actor: Mapped[str] = mapped_column(server_default="subscriber", info=PLAIN)
    created_at: Mapped[datetime] = mapped_column(info=PLAIN)
    # Since when it may be sent and counts towards the limits; empty while it waits for room.
    queued_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    sent_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    attempts: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    # Whose mail server was away at the last attempt: nothing more is tried by it for a moment.
    away_sender_id: Mapped[int | None] = mapped_column(info=PLAIN)
    # Whether it answered, and refused the login: somebody has to see to it.
    login_refused: Mapped[bool] = mapped_column(server_default=sa.false(), info=PLAIN)
    # Mail servers like to repeat the address in what they answer.
    last_error: Mapped[str] = mapped_column(server_default="", info=PERSONAL)


class SignupAnswers(Base):
    """Field values of a sign-up until it is confirmed: only then do they belong to the person."""

    __tablename__ = "signup_answers"
    __table_args__ = (
        sa.Index("ix_signup_answers_subscriber_id", "subscriber_id"),
        sa.Index("ix_signup_answers_received_at", "received_at"),
    )

    service_mail_id: Mapped[int] = mapped_column(
        sa.ForeignKey("service_mails.id", ondelete="CASCADE"), primary_key=True, info=PLAIN
    )
    subscriber_id: Mapped[int] = mapped_column(
        sa.ForeignKey("subscribers.id", ondelete="CASCADE"), info=PLAIN
    )
    received_at: Mapped[datetime] = mapped_column(info=PLAIN)
    content: Mapped[dict[str, Any]] = mapped_column(info=PERSONAL)
