"""Jobs of business cards: read, clean up, delete."""

from __future__ import annotations

from listmgr.cards import (
    funnel,
    process_upload,
    retention,
)
from listmgr.cards.outreach import reply_sender
from listmgr.context import services
from listmgr.kit.clock import now


def read_card_upload(upload_id: int) -> None:
    """Read an upload and add its cards to the inbox."""
    process_upload.read_upload(services().unit_of_work, upload_id, now=now)


def sweep_cards() -> None:
    """Queue card uploads and replies whose job was lost."""
    with services().unit_of_work() as tx:
        process_upload.sweep_uploads(tx, at=now())
        reply_sender.sweep_replies(tx, at=now())


def tidy_cards() -> None:
    """Delete unanswered cards and old pictures; refresh the counts."""
    for tidy in (retention.delete_due, retention.drop_newly_objected, retention.purge_uploads):
        count = 1
        while count:
            with services().unit_of_work() as tx:
                count = tidy(tx, at=now())
    with services().unit_of_work() as tx:
        funnel.count_again(tx, at=now())
