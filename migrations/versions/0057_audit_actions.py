"""Audit actions become `noun.past_participle` in snake case, and subjects follow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0040"
branch_labels = None
depends_on = None

# (before, after)
ACTIONS = (
    ("api_key.made", "api_key.created"),
    ("bulk.prepared", "bulk_action.prepared"),
    ("bulk.start", "bulk_action.started"),
    ("bulk.pause", "bulk_action.paused"),
    ("bulk.resume", "bulk_action.resumed"),
    ("bulk.cancel", "bulk_action.cancelled"),
    ("bulk.undo", "bulk_action.undo_started"),
    ("bulk.finished", "bulk_action.finished"),
    ("bulk.undone", "bulk_action.undone"),
    ("bulk.seen", "bulk_action.viewed"),
    ("campaign.saved", "campaign.edited"),
    ("campaign.launch", "campaign.launched"),
    ("campaign.pause", "campaign.paused"),
    ("campaign.resume", "campaign.resumed"),
    ("campaign.cancel", "campaign.cancelled"),
    ("campaign.tried_again", "campaign.retried"),
    ("unmailed.seen", "campaign.undelivered_viewed"),
    ("unmailed.exported", "campaign.undelivered_exported"),
    ("card.taken", "card.captured"),
    ("card.kept", "card.accepted"),
    ("card.stated", "card.statement_stored"),
    ("card.asked", "card.confirmation_requested"),
    ("card.sign_up_shown", "card.signup_shown"),
    ("card.notice", "card.notice_given"),
    ("card.handed out", "card.data_exported"),
    ("card.seen", "card.viewed"),
    ("card.restriction lifted", "card.restriction_lifted"),
    ("cards.expired", "card.expired"),
    ("cards.objected", "card.objected"),
    ("cards.pictures_purged", "card.pictures_deleted"),
    ("export.asked", "export.requested"),
    ("export.made", "export.created"),
    ("export.fetched", "export.downloaded"),
    ("import.brought", "import.uploaded"),
    ("import.described", "import.mapped"),
    ("import.read-otherwise", "import.reparsed"),
    ("import.run", "import.started"),
    ("import.pause", "import.paused"),
    ("import.resume", "import.resumed"),
    ("import.cancel", "import.cancelled"),
    ("import.seen", "import.viewed"),
    ("import.rows-seen", "import.rows_viewed"),
    ("import.refused-taken", "import.rejects_downloaded"),
    ("list.sending", "list.sender_changed"),
    ("operator.first", "operator.first_created"),
    ("operator.link", "operator.link_created"),
    ("operator.role", "operator.role_changed"),
    ("operator.password", "operator.password_changed"),
    ("operator.session ended", "operator.session_ended"),
    ("page.seen", "page.viewed"),
    ("proof.seen", "consent.proof_viewed"),
    ("proof.exported", "consent.proof_exported"),
    ("notice.published", "purpose.notice_published"),
    ("record.exported", "processing_record.exported"),
    ("segment.saved", "segment.edited"),
    ("sender.tried", "sender.tested"),
    ("sender.paced", "sender.limits_changed"),
    ("sign-in.refused", "sign_in.refused"),
    ("signed-in", "sign_in.succeeded"),
    ("signed-in.by-link", "sign_in.by_link"),
    ("subscriber.seen", "subscriber.viewed"),
    ("subscriber.address asked", "subscriber.address_change_requested"),
    ("subscriber.address cancelled", "subscriber.address_change_cancelled"),
    ("subscriber.restriction lifted", "subscriber.restriction_lifted"),
    ("subscriber.joined", "subscriber.merged"),
    ("subscriber.parted", "subscriber.merge_undone"),
    ("subscriber.handed out", "subscriber.data_exported"),
)
SUBJECTS = (
    ("api key", "api_key"),
    ("bulk", "bulk_action"),
    ("card upload", "card_upload"),
    ("proof", "consent"),
    ("record", "processing_record"),
    ("unmailed", "campaign"),
)
# Entries of pages keep the page's name as their subject.
_RENAME = """
UPDATE audit_entries e SET action = coalesce(a.after, e.action), subject = coalesce(s.after, e.subject)
FROM audit_entries o
LEFT JOIN unnest(CAST(:a_before AS text[]), CAST(:a_after AS text[])) AS a (before, after)
  ON a.before = o.action
LEFT JOIN unnest(CAST(:s_before AS text[]), CAST(:s_after AS text[])) AS s (before, after)
  ON s.before = o.subject AND o.action NOT IN ('page.seen', 'page.viewed')
WHERE o.id = e.id AND (a.after IS NOT NULL OR s.after IS NOT NULL)
"""


def upgrade() -> None:
    """Apply."""
    uploads = "action = 'card.taken' AND subject = 'card upload'"
    _rename(
        ACTIONS,
        SUBJECTS,
        f"UPDATE audit_entries SET action = 'card_upload.received' WHERE {uploads}",
    )


def downgrade() -> None:
    """Take back. Subjects that were renamed to another noun stay."""
    back = {after: before for before, after in ACTIONS} | {"card_upload.received": "card.taken"}
    nouns = {after: before for before, after in SUBJECTS[:3]}
    _rename(tuple(back.items()), tuple(nouns.items()))


def _rename(
    actions: tuple[tuple[str, str], ...], subjects: tuple[tuple[str, str], ...], first: str = ""
) -> None:
    # The log is append-only for everybody but a migration.
    op.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
    if first:
        op.execute(first)
    a_before, a_after = (list(words) for words in zip(*actions, strict=True))
    s_before, s_after = (list(words) for words in zip(*subjects, strict=True))
    op.get_bind().execute(
        sa.text(_RENAME),
        {"a_before": a_before, "a_after": a_after, "s_before": s_before, "s_after": s_after},
    )
    op.execute("ALTER TABLE audit_entries ENABLE TRIGGER USER")
