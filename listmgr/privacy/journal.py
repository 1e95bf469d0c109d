"""The journal of erasures, kept outside the database too, and replayed after a restore (T-25)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from listmgr.cards.gone import forget_people
from listmgr.cards.models import Card, CardStatus
from listmgr.kit.errors import InvalidInput
from listmgr.kit.transaction import Transaction
from listmgr.privacy.erasure import card_fingerprint, erase, write_down
from listmgr.privacy.models import ErasureEntry
from listmgr.privacy.register import forget_replies
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression, SuppressionReason
from listmgr.suppression.register import suppress_many

FILE_NAME = "erasures.journal"
# Transactions end in another order than they begin: the file is compared this far back.
OVERLAP = timedelta(hours=1)
_TAIL = 4 * 1024 * 1024
# A mail that was on its way may be answered after the erasure, and the answer names the address.
LATE = timedelta(days=1)
_NOBODYS = "-"


@dataclass(frozen=True, slots=True)
class Line:
    """One erased person as the file tells it."""

    erased_at: datetime
    fingerprint: bytes
    # None for who was known by a business card alone.
    subscriber_id: int | None

    def __str__(self) -> str:
        number = _NOBODYS if self.subscriber_id is None else self.subscriber_id
        return f"{self.erased_at.isoformat()} {self.fingerprint.hex()} {number}"


def read_line(text: str) -> Line:
    """A line of the file; raises InvalidInput."""
    try:
        at, fingerprint, number = text.split()
        known = None if number == _NOBODYS else int(number)
        return Line(datetime.fromisoformat(at), bytes.fromhex(fingerprint), known)
    except ValueError:
        raise InvalidInput(f"This is no line of an erasure journal: {text[:40]!r}") from None


def keep_outside(tx: Transaction, path: Path) -> int:
    """Append to the file what it lacks; returns how many lines. Each host keeps a file of its own.

    The file holds fingerprints and times alone. It belongs beside the backups, not into them.
    """
    there = _tail(path)
    last = max((read_line(line).erased_at for line in there), default=None)
    rows = sa.select(ErasureEntry).order_by(ErasureEntry.erased_at, ErasureEntry.id)
    if last is not None:
        rows = rows.where(ErasureEntry.erased_at > last - OVERLAP)
    lines = [
        told
        for row in tx.session.scalars(rows)
        if (told := str(Line(row.erased_at, row.fingerprint, row.subscriber_id))) not in there
    ]
    if lines:
        _append(path, lines)
    return len(lines)


def _tail(path: Path) -> set[str]:
    if not path.exists():
        return set()
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        lines = file.read().decode().split("\n")
    # Without its end a line was never whole: a kill came between, and it is written again.
    whole = lines[:-1]
    return set(whole[1:] if size > _TAIL else whole)


def _append(path: Path, lines: list[str]) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        broken = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        file.write((("\n" if broken else "") + "\n".join(lines) + "\n").encode())
        file.flush()
        os.fsync(descriptor)


def replay(tx: Transaction, lines: Iterable[Line], *, at: datetime) -> int:
    """Erase again whom a restored backup has brought back; returns how many. Safe to run twice.

    Whoever signed up anew after their erasure is another person to us, and stays.
    """
    known = list(lines)
    latest = {line.fingerprint: line for line in sorted(known, key=lambda one: one.erased_at)}
    back = [
        subscriber_id
        for subscriber_id, fingerprint, created_at in tx.session.execute(
            sa.select(Subscriber.id, Subscriber.fingerprint, Subscriber.created_at).where(
                Subscriber.fingerprint.in_(latest)
            )
        )
        if created_at <= latest[fingerprint].erased_at
    ]
    erased = erase(tx, back, actor="system", at=at, even_restricted=True)
    erased += _erase_cards(tx, latest, at)
    _block_again(tx, set(latest), at)
    for line in known:
        write_down(tx, [(line.fingerprint, line.subscriber_id)], at=line.erased_at)
    return erased


def _erase_cards(tx: Transaction, latest: Mapping[bytes, Line], at: datetime) -> int:
    """The cards of people who were erased; a card keeps no fingerprint, so each is asked."""
    key = tx.settings.suppression_key
    subscribed = sa.exists().where(Subscriber.address_key == Card.address_key)
    rows = tx.session.execute(
        sa.select(Card.id, Card.address_key, Card.captured_at, subscribed)
        .where(Card.status != CardStatus.OBJECTED)
        .execution_options(yield_per=1000)
    )
    back = [
        (card_id, known)
        for card_id, address_key, captured_at, known in rows
        if (line := latest.get(card_fingerprint(key, card_id, address_key)))
        and captured_at <= line.erased_at
    ]
    # Of who signed up anew since, the old card goes and the rest stays.
    forget_people(tx, (), [card_id for card_id, known in back if known])
    alone = [card_id for card_id, known in back if not known]
    return erase(tx, [], cards=alone, actor="system", at=at, even_restricted=True)


def _block_again(tx: Transaction, fingerprints: set[bytes], at: datetime) -> None:
    """The block too may be younger than the backup; one that was lifted by the person is not.

    The number of a card without an address is blocked with the rest, and blocks nobody.
    """
    told = tx.session.scalars(
        sa.select(Suppression.fingerprint).where(Suppression.fingerprint.in_(fingerprints))
    )
    anew = tx.session.scalars(
        sa.select(Subscriber.fingerprint).where(Subscriber.fingerprint.in_(fingerprints))
    )
    missing = fingerprints - set(told) - set(anew)
    suppress_many(tx, list(missing), SuppressionReason.ERASED, at=at)


def forget_late_replies(tx: Transaction, *, at: datetime) -> None:
    """Clear what mail servers answered about people after they had been erased."""
    ids = tx.session.scalars(
        sa.select(ErasureEntry.subscriber_id).where(ErasureEntry.erased_at > at - LATE)
    )
    of_people = [one for one in ids if one is not None]
    if of_people:
        forget_replies(tx, of_people)
