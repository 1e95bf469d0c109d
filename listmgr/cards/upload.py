"""Accept uploads: store them at once, read them in a job, recognize repeated ones."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from listmgr.cards.models import CardSource, CardUpload
from listmgr.cards.occasions import MAX_NAME, occasion_id
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.kit.queue import Job
from listmgr.kit.transaction import Transaction
from listmgr.kit.validation import Validator

MAX_BYTES = 15 * 1024 * 1024
MAX_SAID = 2000
MAX_KEY = 200
MAX_FILE_NAME = 200
# Before this no card was taken with a program.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
# Their words come as fields, not as something to be read.
_WITHOUT_CONTENT = (CardSource.TYPED, CardSource.API)


@dataclass(frozen=True, slots=True)
class CaptureFacts:
    """The facts of taking a card (L-25): who, when, where, what was said."""

    operator_id: int
    taken_at: datetime
    occasion: str = ""
    said: str = ""
    # The notice was given while the card was taken: on paper, or by a QR code at the stand.
    notice_by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload. A picture is kept after the review only if a reason is given."""

    source: CardSource
    content: bytes
    name: str = ""
    keep_reason: str = ""
    idempotency_key: str | None = None


class KeyReused(InvalidInput):
    """The idempotency key was used before with another card; accepting it would lose one of
    them.
    """

    def __init__(self, field: str) -> None:
        """Show the message at `field`, which holds the other card."""
        sentence = N_("Another card was handed in under this key. Nothing was taken: try again.")
        super().__init__(sentence, {field: sentence})


def receive(tx: Transaction, taken: CaptureFacts, handed: Upload, *, at: datetime) -> CardUpload:
    """Store an upload and queue its job; the same key of the same operator is the same upload.

    Raises InvalidInput with the fields `content`, `occasion`, `said` and `keep_reason`, and
    KeyReused.
    """
    facts = checked(taken, handed, at=at)
    upload, fresh = write_down(tx, facts, handed, at=at)
    if fresh:
        tx.after_commit(read_upload_job(upload.id))
    return upload


def read_upload_job(upload_id: int) -> Job:
    """Return the job that reads an upload; pictures take a while."""
    return Job("read_card_upload", (upload_id,), key=f"card-upload-{upload_id}", timeout=600)


def checked(taken: CaptureFacts, handed: Upload, *, at: datetime) -> CaptureFacts:
    """Return the validated facts. Raises InvalidInput."""
    typed = Validator()
    occasion = typed.line("occasion", taken.occasion, limit=MAX_NAME)
    said = typed.text("said", taken.said, limit=MAX_SAID)
    typed.text("keep_reason", handed.keep_reason, limit=MAX_SAID)
    if len(handed.content) > MAX_BYTES:
        typed.wrong["content"] = N_("This file is too large: 15 MB at most.")
    if not handed.content and handed.source not in _WITHOUT_CONTENT:
        typed.wrong["content"] = N_("Choose a picture or a file, or paste text.")
    if handed.idempotency_key is not None and len(handed.idempotency_key) > MAX_KEY:
        raise InvalidInput(N_("The idempotency key is too long: 200 characters at most."))
    typed.done()
    # A phone whose clock is wrong does not take cards tomorrow, nor in its factory's year.
    taken_at = min(taken.taken_at, at) if taken.taken_at >= EARLIEST else at
    return CaptureFacts(taken.operator_id, taken_at, occasion, said, taken.notice_by_hand)


def write_down(
    tx: Transaction, taken: CaptureFacts, handed: Upload, *, words: str = "", at: datetime
) -> tuple[CardUpload, bool]:
    """Return the upload's row and whether it is new. Raises KeyReused.

    `words` is the content of a card that was typed or sent by a program.
    """
    request_print = _request_print(tx, handed, words)
    upload_id = tx.session.scalar(
        insert(CardUpload)
        .values(
            operator_id=taken.operator_id,
            source=handed.source,
            created_at=at,
            taken_at=taken.taken_at,
            occasion_id=occasion_id(tx, taken.occasion, at=at),
            said=taken.said,
            notice_by_hand=taken.notice_by_hand,
            name=_file_name(handed.name),
            content=handed.content or None,
            keep_reason=handed.keep_reason.strip(),
            idempotency_key=handed.idempotency_key,
            request_print=request_print,
        )
        .on_conflict_do_nothing(index_elements=["operator_id", "idempotency_key"])
        .returning(CardUpload.id)
    )
    if upload_id is not None:
        return tx.session.get_one(CardUpload, upload_id), True
    query = sa.select(CardUpload).where(
        CardUpload.operator_id == taken.operator_id,
        CardUpload.idempotency_key == handed.idempotency_key,
    )
    upload = tx.session.scalars(query).one()
    if upload.request_print not in (None, request_print):
        raise KeyReused("address" if words else "content")
    return upload, False


def _request_print(tx: Transaction, handed: Upload, words: str) -> bytes | None:
    """Return a keyed fingerprint of the card uploaded under a key, without its notes."""
    if handed.idempotency_key is None:
        return None
    content = words.encode() or handed.content
    return hmac.digest(tx.settings.suppression_key, content, "sha256")


def _file_name(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable())[:MAX_FILE_NAME]
