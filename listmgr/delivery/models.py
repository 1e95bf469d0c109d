"""Tables of leases over ranges of subscribers, and one durable row for each delivery."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PERSONAL, PLAIN, Base


class LeaseState(enum.StrEnum):
    """Whether a range still has to be processed."""

    OPEN = "open"
    LEASED = "leased"
    DONE = "done"


class CampaignLease(Base):
    """A range of subscriber ids `lo <= id < hi`, its progress and counters."""

    __tablename__ = "campaign_leases"
    __table_args__ = (
        sa.Index(
            "ix_campaign_leases_waiting",
            "campaign_id",
            "lo",
            postgresql_where=sa.text("state <> 'done'"),
        ),
        sa.Index(
            "ix_campaign_leases_unnoted",
            "campaign_id",
            "lo",
            postgresql_where=sa.text("state = 'done' AND NOT noted"),
        ),
    )

    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaigns.id"), primary_key=True, info=PLAIN
    )
    lo: Mapped[int] = mapped_column(primary_key=True, info=PLAIN)
    hi: Mapped[int] = mapped_column(info=PLAIN)
    # Everything below has been gated and written down; the next window begins here.
    position: Mapped[int] = mapped_column(info=PLAIN)
    state: Mapped[LeaseState] = mapped_column(server_default="open", info=PLAIN)
    attempt: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    # Fences a worker that was thought dead: only the holder of this number may write.
    holder: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    lease_until: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # Whether the consents know that they were used; not any more when a late answer comes.
    noted: Mapped[bool] = mapped_column(server_default=sa.text("false"), info=PLAIN)
    # Consents that were confirmed at launch; the counters below count rows in each state.
    audience: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    sent: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    failed: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    deferred: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    uncertain: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    skipped: Mapped[dict[str, Any]] = mapped_column(
        server_default=sa.text("'{}'::jsonb"), info=PLAIN
    )
    # "sent Google": how many; what each attempt came to, by the recipient's provider.
    providers: Mapped[dict[str, Any]] = mapped_column(
        server_default=sa.text("'{}'::jsonb"), info=PLAIN
    )


class DeliveryStatus(enum.StrEnum):
    """State of one message to one subscriber."""

    SENDING = "sending"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


class PutOffReason(enum.StrEnum):
    """Why a mail waits without any server having been asked about it."""

    # The operator's limit for the provider or domain.
    RATE_LIMIT = "rate_limit"
    # The provider or domain asked us to come back later.
    BACKING_OFF = "backing_off"


class FailureKind(NamedTuple):
    """What deliveries that did not go through have in common."""

    status: DeliveryStatus
    code: str = ""
    scope: str = ""

    @property
    def key(self) -> str:
        """How addresses of pages name it."""
        return ":".join(self)

    @classmethod
    def parse(cls, key: str) -> FailureKind | None:
        """Return what a key names, or None if it names nothing."""
        status, _, rest = key.partition(":")
        code, _, scope = rest.partition(":")
        if status not in {*DeliveryStatus}:
            return None
        return cls(DeliveryStatus(status), code, scope)


class Delivery(Base):
    """One message to one subscriber, based on one consent. Partitioned by campaign.

    No foreign keys: their triggers cost more than the row; the insert selects from the consents.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        # Led by the subscriber: the key's own index also finds a person's deliveries.
        sa.PrimaryKeyConstraint("subscriber_id", "campaign_id"),
        # Not over `status`: an index that names it would cost every outcome its HOT update.
        sa.Index(
            "ix_deliveries_due",
            "next_attempt_at",
            postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_deliveries_failure",
            "failure",
            "failure_code",
            "failure_scope",
            "subscriber_id",
            postgresql_where=sa.text("failure IS NOT NULL"),
        ),
        {"postgresql_partition_by": "LIST (campaign_id)"},
    )

    campaign_id: Mapped[int] = mapped_column(info=PLAIN)
    subscriber_id: Mapped[int] = mapped_column(info=PLAIN)
    # A mail without a consent cannot be written down, so it cannot be sent.
    consent_id: Mapped[int] = mapped_column(info=PLAIN)
    status: Mapped[DeliveryStatus] = mapped_column(server_default="sending", info=PLAIN)
    attempts: Mapped[int] = mapped_column(sa.SmallInteger(), server_default="1", info=PLAIN)
    begun_at: Mapped[datetime] = mapped_column(info=PLAIN)
    ended_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    next_attempt_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # Mail servers like to repeat the address in what they answer.
    reply: Mapped[str | None] = mapped_column(info=PERSONAL)
    # Why the gate held somebody back who was to be tried again: one of the gate's reasons.
    skip_reason: Mapped[str | None] = mapped_column(info=PLAIN)
    # Of what did not go through: a copy of `status`, and NULL of what did. So the index over it is
    # small, and costs nothing where all is well.
    failure: Mapped[DeliveryStatus | None] = mapped_column(info=PLAIN)
    # The enhanced status code of the reply (RFC 3463), or else its basic code (RFC 5321); a reason
    # of the gate; a `PutOffReason`; empty if no server has answered.
    failure_code: Mapped[str | None] = mapped_column(info=PLAIN)
    # The provider or domain of a `PutOffReason`, otherwise empty.
    failure_scope: Mapped[str | None] = mapped_column(info=PLAIN)
    # Since when the recipient's server has not taken it; our own limits do not count.
    refused_since: Mapped[datetime | None] = mapped_column(info=PLAIN)


class CampaignDomain(Base):
    """A domain or provider in back-off that has taken no mail of a campaign since."""

    __tablename__ = "campaign_domains"

    campaign_id: Mapped[int] = mapped_column(
        sa.ForeignKey("campaigns.id"), primary_key=True, info=PLAIN
    )
    # The name limits and back-offs use: a provider's, or else the domain.
    scope: Mapped[str] = mapped_column(primary_key=True, info=PLAIN)
    refused_since: Mapped[datetime] = mapped_column(info=PLAIN)


def partition_name(campaign_id: int) -> str:
    """Return the table of one campaign's deliveries; hot statements write to it directly."""
    return f"deliveries_{int(campaign_id)}"
