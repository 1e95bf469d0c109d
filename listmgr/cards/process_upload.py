"""Read uploads in a job and add their cards to the inbox batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from listmgr.cards.imaging.read_image import read_picture
from listmgr.cards.imaging.thumbnail import to_show
from listmgr.cards.intake import (
    add_to_inbox,
    capture_facts,
)
from listmgr.cards.models import Card, CardSource, CardStatus, CardUpload, UploadStatus
from listmgr.cards.parsing.detect_format import (
    parse_text,
    parse_upload,
)
from listmgr.cards.parsing.parsed_card import (
    CardFields,
    Guess,
    Kind,
    ParsedCard,
    ParseResult,
)
from listmgr.cards.restriction import NOT_TAKEN
from listmgr.cards.review import MAX_WORDS
from listmgr.cards.upload import read_upload_job
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction, UnitOfWork

BATCH = 100
# A picture that kills the worker is not tried for ever.
MOST_ATTEMPTS = 3
RUNG_BUT_SILENT = timedelta(seconds=30)
MAX_REMARKS = 50
NOTHING_READ = N_("Nothing could be read from the picture. Please type what the card says.")
NOTHING_RECOGNISED = N_("No address was recognized in the text. It is shown below as a note.")
NO_CARD = N_("There is no card in this that we can read. Please type the card by hand.")
GAVE_UP = N_("Reading this file crashed three times. Please type the card by hand.")


@dataclass(frozen=True, slots=True)
class _StartedUpload:
    content: bytes
    name: str
    source: CardSource


def read_upload(uow: UnitOfWork, upload_id: int, *, now: Callable[[], datetime]) -> None:
    """Read one upload. Safe to run twice: its position is stored with the cards added."""
    with uow() as tx:
        begun = _begin(tx, upload_id)
    if begun is None:
        return

    def report_progress(read: int, of: int) -> None:
        with uow() as tx:
            _note_progress(tx, upload_id, read, of)

    # No transaction is open meanwhile: a picture takes seconds.
    result = _parse(begun, report_progress)
    picture = to_show(begun.content) if result.kind is Kind.PICTURE else None
    cards = _cards(result, begun)
    position: int | None = 0
    while position is not None:
        with uow() as tx:
            position = _put_in(tx, upload_id, cards, result, picture, at=now())


def _begin(tx: Transaction, upload_id: int) -> _StartedUpload | None:
    upload = tx.session.get(CardUpload, upload_id, with_for_update={"skip_locked": True})
    if upload is None or upload.status is not UploadStatus.WAITING:
        return None
    upload.attempts += 1
    if upload.attempts > MOST_ATTEMPTS or upload.content is None:
        _fail(upload, GAVE_UP)
        return None
    return _StartedUpload(upload.content, upload.name, upload.source)


def _note_progress(tx: Transaction, upload_id: int, read: int, of: int) -> None:
    """Update the progress bar; the exact position is stored with the cards."""
    tx.session.execute(
        sa.update(CardUpload).where(CardUpload.id == upload_id).values(read=read, detected=of)
    )


def _parse(begun: _StartedUpload, on_progress: Callable[[int, int], None]) -> ParseResult:
    if begun.source is CardSource.TEXT:
        return parse_text(begun.content.decode("utf-8", "replace"))
    result = parse_upload(begun.name, begun.content)
    return read_picture(begun.content, on_progress) if result.kind is Kind.PICTURE else result


def _cards(result: ParseResult, begun: _StartedUpload) -> list[ParsedCard]:
    """Return the cards, or an empty one to fill in if a picture or text yielded none."""
    reasons = tuple(part.reason for part in result.refused)
    if not result.cards and result.kind is Kind.PICTURE:
        return [ParsedCard(CardFields(), reasons or (NOTHING_READ,))]
    if not result.cards and begun.source is CardSource.TEXT:
        note = Guess(_printable(begun.content.decode("utf-8", "replace")), 1.0)
        return [ParsedCard(CardFields(note=note), (NOTHING_RECOGNISED,))]
    return list(result.cards)


def _printable(text: str) -> str:
    return "".join(sign for sign in text if sign.isprintable() or sign == "\n")[:MAX_WORDS]


def _put_in(
    tx: Transaction,
    upload_id: int,
    cards: list[ParsedCard],
    result: ParseResult,
    picture: tuple[bytes, str] | None,
    *,
    at: datetime,
) -> int | None:
    """Add the next batch; return where to continue, or None at the end or if another worker
    continues.
    """
    upload = tx.session.get(CardUpload, upload_id, with_for_update=True, populate_existing=True)
    if upload is None or upload.status is not UploadStatus.WAITING:
        return None
    upload.detected = len(cards)
    capture = capture_facts(upload)
    batch = cards[upload.done : upload.done + BATCH]
    came = [add_to_inbox(tx, card, capture, at=at) for card in batch]
    # Of who is not taken it is said why, and nothing else.
    places = [place for place, card in enumerate(came, upload.done + 1) if card is None]
    upload.remarks = [*upload.remarks, *(f"{place}\t{NOT_TAKEN}" for place in places)]
    upload.done += len(batch)
    if upload.done < len(cards):
        return upload.done
    _finish(upload, result, picture, [card for card in came if card is not None])
    return None


def _finish(
    upload: CardUpload,
    result: ParseResult,
    picture: tuple[bytes, str] | None,
    arrived: list[Card],
) -> None:
    not_taken = upload.remarks
    if len(not_taken) == upload.detected:
        reasons = [part.reason for part in result.refused]
        _fail(upload, NOT_TAKEN if not_taken else reasons[0] if reasons else NO_CARD)
        return
    upload.status = UploadStatus.READ
    # What was said stands with each card from here on.
    upload.said, upload.name = "", ""
    objected = any(card.status is CardStatus.OBJECTED for card in arrived)
    if (objected or not_taken) and upload.source is CardSource.PHOTO:
        # Its content went with the card that must not be kept; nothing is put back.
        return
    if not any(card.upload_id == upload.id for card in arrived):
        # Each card was there already: nobody reviews anything beside this picture.
        upload.content, upload.content_type, upload.keep_reason = None, "", ""
        return
    # A file has given what it had; of a picture a copy without its camera's notes stays to look at.
    upload.content, upload.content_type = picture if picture is not None else (None, "")
    upload.remarks = [*not_taken, *_remarks(result)][:MAX_REMARKS]


def _remarks(result: ParseResult) -> list[str]:
    parts = [f"{part.position}\t{part.reason}" for part in result.refused]
    return [*parts, *result.codes][:MAX_REMARKS]


def _fail(upload: CardUpload, problem: str) -> None:
    upload.status = UploadStatus.FAILED
    upload.problem = problem
    upload.content, upload.content_type = None, ""


def sweep_uploads(tx: Transaction, *, at: datetime) -> int:
    """Queue again the uploads that still wait."""
    waiting = tx.session.scalars(
        sa.select(CardUpload.id)
        .where(
            CardUpload.status == UploadStatus.WAITING,
            CardUpload.created_at < at - RUNG_BUT_SILENT,
        )
        .order_by(CardUpload.id)
        .limit(1000)
    ).all()
    for upload_id in waiting:
        tx.after_commit(read_upload_job(upload_id))
    return len(waiting)
