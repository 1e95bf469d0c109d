"""The journal of acts outside the database, and its replay after a restore (T-25, F13).

A restored backup does not know who withdrew, objected, was restricted or was erased after it was
made. The journal does: it holds times and keyed fingerprints, no addresses.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from listmgr.cards.deletion import forget_people
from listmgr.cards.models import Card, CardStatus
from listmgr.cards.restriction import card_fingerprint
from listmgr.consent.ledger import LedgerChange, record_changes
from listmgr.consent.lifecycle import OPEN, ConsentAction
from listmgr.consent.methods import Method
from listmgr.consent.models import Consent
from listmgr.consent.request_evidence import RequestFacts
from listmgr.kit.errors import InvalidInput
from listmgr.kit.journal_models import JournalKind
from listmgr.kit.transaction import Transaction
from listmgr.privacy.erasure import erase, write_down
from listmgr.privacy.erasure_registry import forget_replies
from listmgr.privacy.models import ErasureEntry
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import Suppression, SuppressionReason
from listmgr.suppression.register import suppress_many

FILE_NAME = "acts.journal"
# What earlier versions wrote: erasures alone.
ERASURES_FILE_NAME = "erasures.journal"
# A mail that was on its way may be answered after the erasure, and the answer names the address.
LATE = timedelta(days=1)
_NOTHING = "-"
_K = JournalKind


@dataclass(frozen=True, slots=True)
class Line:
    """One act in the journal."""

    at: datetime
    kind: JournalKind
    fingerprint: bytes
    # The purpose withdrawn from, the reason of a block, the number an erased person had.
    detail: str = ""

    def __str__(self) -> str:
        text = f"{self.at.isoformat()} {JournalKind(self.kind).value} {self.fingerprint.hex()}"
        text += f" {self.detail or _NOTHING}"
        # A line that was cut off may look whole: it is known by its sum.
        return f"{text} {_sum(text)}"

    @property
    def subject(self) -> tuple[str, bytes, str]:
        """Return the key of an act; of several lines with one key the latest counts."""
        about = _ABOUT[self.kind]
        return about, self.fingerprint, self.detail if self.kind is _K.WITHDRAWN else ""


_ABOUT = {
    _K.WITHDRAWN: "consent",
    _K.RESTRICTED: "restriction",
    _K.RESTRICTION_LIFTED: "restriction",
    _K.CARD_RESTRICTED: "card",
    _K.CARD_RESTRICTION_LIFTED: "card",
    _K.BLOCKED: "block",
    _K.BLOCK_LIFTED: "block",
    _K.ERASED: "erasure",
}


def _sum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def read_line(text: str) -> Line:
    """Parse a line of the file. Raises InvalidInput."""
    try:
        parts = text.split()
        if len(parts) == 3:  # Of an earlier version: erasures, without a sum.
            parts = [parts[0], _K.ERASED.value, *parts[1:]]
        elif parts.pop() != _sum(" ".join(parts)):
            parts = []
        at, kind, fingerprint, detail = parts
        line = Line(
            datetime.fromisoformat(at),
            JournalKind(kind),
            bytes.fromhex(fingerprint),
            "" if detail == _NOTHING else detail,
        )
        if line.kind in (_K.WITHDRAWN, _K.ERASED) and line.detail:
            int(line.detail)
    except (ValueError, IndexError):
        raise InvalidInput(f"This is no line of a journal: {text[:40]!r}") from None
    return line


@dataclass(slots=True)
class Journal:
    """The latest line of each subject and the number of damaged lines."""

    latest: dict[tuple[str, bytes, str], Line]
    damaged: int = 0

    def batches(self, size: int) -> Iterator[list[Line]]:
        """Yield the lines in batches."""
        lines = list(self.latest.values())
        for start in range(0, len(lines), size):
            yield lines[start : start + size]


def read_files(paths: Iterable[Path]) -> Journal:
    """Read journals. A line cut off by a kill is counted and skipped. Raises OSError."""
    result = Journal({})
    for path in paths:
        with path.open(errors="replace") as file:
            for text in file:
                if not text.strip():
                    continue
                try:
                    line = read_line(text)
                except InvalidInput:
                    result.damaged += 1
                    continue
                before = result.latest.get(line.subject)
                if before is None or before.at <= line.at:
                    result.latest[line.subject] = line
    return result


def replay(tx: Transaction, lines: Iterable[Line], *, at: datetime) -> int:
    """Repeat the acts that a restored backup has undone; return how many.

    Safe to run twice. People who signed up after the act are skipped, since the act concerned what
    was before.
    """
    by_kind: dict[JournalKind, list[Line]] = {kind: [] for kind in JournalKind}
    for line in lines:
        by_kind[line.kind].append(line)
    count = _erase(tx, by_kind[_K.ERASED], at)
    count += _withdraw(tx, by_kind[_K.WITHDRAWN], at)
    count += _restrict(tx, by_kind[_K.RESTRICTED])
    count += _restrict_cards(tx, by_kind[_K.CARD_RESTRICTED])
    return count + _block(tx, by_kind[_K.BLOCKED], at)


def _erase(tx: Transaction, lines: Sequence[Line], at: datetime) -> int:
    if not lines:
        return 0
    latest = _latest(lines)
    back = [
        subscriber_id
        for subscriber_id, fingerprint, created_at in tx.session.execute(
            sa.select(Subscriber.id, Subscriber.fingerprint, Subscriber.created_at).where(
                Subscriber.fingerprint.in_(latest)
            )
        )
        if created_at <= latest[fingerprint].at
    ]
    erased = erase(tx, back, actor="system", at=at, even_restricted=True)
    erased += _erase_cards(tx, latest, at)
    _block_again(tx, set(latest), at)
    for line in lines:
        number = int(line.detail) if line.detail else None
        write_down(tx, [(line.fingerprint, number)], at=line.at)
    return erased


def _latest(lines: Sequence[Line]) -> dict[bytes, Line]:
    return {line.fingerprint: line for line in sorted(lines, key=lambda line: line.at)}


def _erase_cards(tx: Transaction, latest: Mapping[bytes, Line], at: datetime) -> int:
    """Delete the cards of erased people."""
    back = _cards(tx, latest)
    # Of who signed up anew since, the old card goes and the rest stays.
    forget_people(tx, (), [card_id for card_id, subscribed in back if subscribed])
    alone = [card_id for card_id, subscribed in back if not subscribed]
    return erase(tx, [], cards=alone, actor="system", at=at, even_restricted=True)


def _cards(tx: Transaction, latest: Mapping[bytes, Line]) -> list[tuple[int, bool]]:
    """Return cards older than their line, and whether their person is subscribed.

    Cards store no fingerprint, so it is computed for each.
    """
    key = tx.settings.suppression_key
    subscribed = sa.exists().where(Subscriber.address_key == Card.address_key)
    rows = tx.session.execute(
        sa.select(Card.id, Card.address_key, Card.captured_at, subscribed)
        .where(Card.status != CardStatus.OBJECTED)
        .execution_options(yield_per=1000)
    )
    return [
        (card_id, subscribed)
        for card_id, address_key, captured_at, subscribed in rows
        if (line := latest.get(card_fingerprint(key, card_id, address_key)))
        and captured_at <= line.at
    ]


def _block_again(tx: Transaction, fingerprints: set[bytes], at: datetime) -> None:
    """Block again addresses whose block is younger than the backup, unless the person lifted it.

    Fingerprints of cards without an address are included and match no one.
    """
    blocked = tx.session.scalars(
        sa.select(Suppression.fingerprint).where(Suppression.fingerprint.in_(fingerprints))
    )
    anew = tx.session.scalars(
        sa.select(Subscriber.fingerprint).where(Subscriber.fingerprint.in_(fingerprints))
    )
    missing = fingerprints - set(blocked) - set(anew)
    suppress_many(tx, list(missing), SuppressionReason.ERASED, at=at)


def _withdraw(tx: Transaction, lines: Sequence[Line], at: datetime) -> int:
    """End the consents that were open when their person withdrew."""
    if not lines:
        return 0
    when = {(line.fingerprint, int(line.detail)): line.at for line in lines}
    consents = tx.session.scalars(
        sa.select(Consent)
        .join(Subscriber, Subscriber.id == Consent.subscriber_id)
        .where(
            Subscriber.fingerprint.in_({line.fingerprint for line in lines}),
            Consent.status.in_(OPEN),
        )
        .order_by(Consent.id)
        .with_for_update(of=Consent)
        .execution_options(populate_existing=True)
    ).all()
    evidence = RequestFacts(method=Method.JOURNAL_REPLAYED).evidence()
    acts = []
    for consent in consents:
        assert consent.subscriber is not None
        withdrawn = when.get((consent.subscriber.fingerprint, consent.purpose_id))
        if withdrawn is not None and consent.captured_at <= withdrawn:
            facts = {"method": Method.JOURNAL_REPLAYED, "withdrawn_at": withdrawn.isoformat()}
            acts.append(LedgerChange(consent, at, facts, evidence))
    record_changes(tx, acts, ConsentAction.WITHDRAW, actor="system")
    return len(acts)


def _restrict(tx: Transaction, lines: Sequence[Line]) -> int:
    """Restrict again; a restriction lifted since stays lifted only if the backup says so.

    Restricting too much does no harm, and the person can be informed again.
    """
    if not lines:
        return 0
    latest = _latest(lines)
    people = tx.session.scalars(
        sa.select(Subscriber)
        .where(Subscriber.fingerprint.in_(latest), Subscriber.restricted_at.is_(None))
        .order_by(Subscriber.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    count = 0
    for person in people:
        since = latest[person.fingerprint].at
        if person.created_at <= since:
            person.restricted_at = since
            count += 1
    tx.session.flush()
    return count


def _restrict_cards(tx: Transaction, lines: Sequence[Line]) -> int:
    if not lines:
        return 0
    latest = _latest(lines)
    key = tx.settings.suppression_key
    ids = [card_id for card_id, subscribed in _cards(tx, latest) if not subscribed]
    cards = tx.session.scalars(
        sa.select(Card)
        .where(Card.id.in_(ids), Card.restricted_at.is_(None))
        .order_by(Card.id)
        .with_for_update()
    ).all()
    for card in cards:
        card.restricted_at = latest[card_fingerprint(key, card.id, card.address_key)].at
    tx.session.flush()
    return len(cards)


def _block(tx: Transaction, lines: Sequence[Line], at: datetime) -> int:
    """Block again unless the block exists or the person has lifted it since."""
    count = 0
    for reason in set(SuppressionReason) - {SuppressionReason.ERASED}:  # see `_block_again`
        latest = _latest([line for line in lines if line.detail == reason.value])
        if not latest:
            continue
        rows = tx.session.execute(
            sa.select(Suppression.fingerprint, Suppression.lifted_at).where(
                Suppression.fingerprint.in_(latest)
            )
        )
        standing = {
            key for key, lifted_at in rows if lifted_at is None or lifted_at >= latest[key].at
        }
        missing = [key for key in latest if key not in standing]
        suppress_many(tx, missing, reason, at=at)
        count += len(missing)
    return count


def forget_late_replies(tx: Transaction, *, at: datetime) -> None:
    """Clear replies of mail servers about people that arrived after their erasure."""
    ids = tx.session.scalars(
        sa.select(ErasureEntry.subscriber_id).where(ErasureEntry.erased_at > at - LATE)
    )
    of_people = [subscriber_id for subscriber_id in ids if subscriber_id is not None]
    if of_people:
        forget_replies(tx, of_people)
