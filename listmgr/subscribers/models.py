"""Table of subscribers: one row for each address."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from listmgr.kit.db import PERSONAL, PLAIN, Base
from listmgr.subscribers.search_terms import (
    parts_of,
    terms_of,
)


class Subscriber(Base):
    """A person as one mailbox. Consents, not this row, decide whether mail may be sent."""

    __tablename__ = "subscribers"
    __table_args__ = (
        # By octets: it serves equality and beginnings alike, under any collation.
        sa.Index(
            "uq_subscribers_address_key",
            "address_key",
            unique=True,
            postgresql_ops={"address_key": "text_pattern_ops"},
        ),
        # Everything people are searched by; why it is one index and not nine: decision 0037.
        sa.Index(
            "ix_subscribers_search",
            sa.text(parts_of()),
            sa.text(terms_of()),
            "attributes",
            "tags",
            postgresql_using="gin",
            postgresql_ops={"attributes": "jsonb_path_ops"},
            postgresql_with={"fastupdate": "on", "gin_pending_list_limit": "32768"},
        ),
        sa.Index("ix_subscribers_created_at", "created_at", "id"),
        # Few, and asked of each business card: whether its person's data are restricted.
        sa.Index(
            "ix_subscribers_restricted",
            "address_key",
            postgresql_where=sa.text("restricted_at IS NOT NULL"),
        ),
        sa.Index(
            "ix_subscribers_merged_into_id",
            "merged_into_id",
            postgresql_where=sa.text("merged_into_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(sa.Identity(always=True), primary_key=True, info=PLAIN)
    address: Mapped[str] = mapped_column(info=PERSONAL)
    envelope: Mapped[str] = mapped_column(info=PERSONAL)
    address_key: Mapped[str] = mapped_column(info=PERSONAL)
    domain: Mapped[str] = mapped_column(info=PERSONAL)
    fingerprint: Mapped[bytes] = mapped_column(info=PERSONAL)
    language: Mapped[str] = mapped_column(server_default="de", info=PERSONAL)
    first_name: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    last_name: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    company: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    # Values of custom fields by key, each as its one spelling (`field_values`).
    attributes: Mapped[dict[str, Any]] = mapped_column(
        server_default=sa.text("'{}'::jsonb"), info=PERSONAL
    )
    tags: Mapped[list[str]] = mapped_column(server_default="{}", info=PERSONAL)
    # A word of the staff on what the data rest on; it is no consent and lets no mail go (L-26).
    basis_note: Mapped[str] = mapped_column(server_default="", info=PERSONAL)
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.now(), info=PLAIN)
    restricted_at: Mapped[datetime | None] = mapped_column(info=PLAIN)
    # The record this one is read together with: the same person under another address.
    merged_into_id: Mapped[int | None] = mapped_column(
        sa.ForeignKey("subscribers.id", ondelete="SET NULL"), info=PLAIN
    )
