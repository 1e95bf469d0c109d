"""Tables of senders (SMTP accounts), their limits and the addresses they serve."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from listmgr.kit.db import PLAIN, Base
from listmgr.senders.limits import Limit, SendingPolicy
from listmgr.senders.quiet_hours import QuietColumns

# The account of LISTMGR_SMTP_URL: its row holds limits only, and stands when somebody set some.
BUILT_IN = 0


class Sender(QuietColumns, Base):
    """One SMTP account. The password is encrypted; the key is not in the database."""

    __tablename__ = "senders"
    __table_args__ = (
        sa.CheckConstraint("security IN ('none', 'starttls', 'tls')", name="security"),
        sa.CheckConstraint("id = 0 OR processor <> ''", name="processor"),
    )

    id: Mapped[int] = mapped_column(sa.Identity(), primary_key=True, info=PLAIN)
    name: Mapped[str] = mapped_column(info=PLAIN)
    host: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    port: Mapped[int] = mapped_column(server_default="587", info=PLAIN)
    security: Mapped[str] = mapped_column(server_default="starttls", info=PLAIN)
    username: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    password: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    # Whom bounces go to, and the domain they are told apart by.
    envelope: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    bounce_domain: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    # From addresses and domains it may send for; empty for the built-in one is all of them.
    serves: Mapped[list[str]] = mapped_column(server_default="{}", info=PLAIN)

    connections: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    per_second: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    per_hour: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    per_day: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    warm_up: Mapped[list[int]] = mapped_column(
        ARRAY(sa.BigInteger()), server_default="{}", info=PLAIN
    )
    warm_up_began: Mapped[date | None] = mapped_column(info=PLAIN)
    # Counts up with every change of a limit.
    revision: Mapped[int] = mapped_column(server_default="1", info=PLAIN)

    # Art. 28 GDPR: whose servers these are, where, and under which contract (L-35).
    processor: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    processor_country: Mapped[str] = mapped_column(server_default="", info=PLAIN)
    processor_contract: Mapped[str] = mapped_column(server_default="", info=PLAIN)

    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    disabled_at: Mapped[datetime | None] = mapped_column(info=PLAIN)

    domains: Mapped[list[SenderDomain]] = relationship(
        order_by="SenderDomain.scope", cascade="all, delete-orphan"
    )

    @property
    def is_built_in(self) -> bool:
        """Whether it is the configured account."""
        return self.id == BUILT_IN

    @property
    def terms(self) -> SendingPolicy:
        """Its limits, as a value."""
        return SendingPolicy(
            self.id,
            self.revision or 0,
            Limit(
                self.per_second or 0,
                self.per_hour or 0,
                self.per_day or 0,
                self.connections or 0,
            ),
            {row.scope: row.limit for row in self.domains},
            tuple(self.warm_up or ()),
            self.warm_up_began,
            self.quiet.zone,
            (self.quiet,) if self.quiet.is_set else (),
        )


class SenderDomain(Base):
    """Limits of a sender for one provider or domain."""

    __tablename__ = "sender_domains"

    sender_id: Mapped[int] = mapped_column(
        sa.ForeignKey("senders.id", ondelete="CASCADE"), primary_key=True, info=PLAIN
    )
    # The name of a provider ("Google") or a domain ("example.org").
    scope: Mapped[str] = mapped_column(primary_key=True, info=PLAIN)
    per_second: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    per_hour: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    per_day: Mapped[int] = mapped_column(server_default="0", info=PLAIN)
    at_once: Mapped[int] = mapped_column(server_default="0", info=PLAIN)

    @property
    def limit(self) -> Limit:
        """The limits, as a value."""
        return Limit(self.per_second or 0, self.per_hour or 0, self.per_day or 0, self.at_once or 0)
