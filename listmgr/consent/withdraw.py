"""Withdraw a consent: as easily as it was given, at once, by link, one-click or on the person's
word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa

from listmgr.config import Settings
from listmgr.consent.ledger import (
    ConsentRow,
    LedgerChange,
    lock_consent,
    record,
    record_changes,
    record_rows,
)
from listmgr.consent.lifecycle import OPEN, ConsentAction, ConsentStatus
from listmgr.consent.methods import Method
from listmgr.consent.models import Consent
from listmgr.consent.request_evidence import RequestFacts
from listmgr.kit.rows import Rows, rows_unflushed
from listmgr.kit.tokens import TokenInvalid, TokenPurpose, open_token
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.address import mask


@dataclass(frozen=True, slots=True)
class UnsubscribeView:
    """What the page of an unsubscribe link may show: active, ended, or test (T-26)."""

    state: str
    list_name: str = ""
    purpose_name: str = ""
    masked_address: str = ""
    language: str = ""
    # The mail rested on an older consent; the page names the list before anything happens (T-06).
    newer: bool = False
    purpose_id: int = 0


UNKNOWN = UnsubscribeView(state="ended")


def withdraw(
    tx: Transaction,
    consent_id: int,
    *,
    method: Method,
    actor: str,
    facts: RequestFacts,
    at: datetime,
) -> bool:
    """End one consent; return False if it had ended. Effective from the commit on (L-14)."""
    consent = lock_consent(tx, consent_id)
    if consent.status not in OPEN:
        return False
    record(
        tx,
        consent,
        ConsentAction.WITHDRAW,
        at=at,
        actor=actor,
        facts={"method": Method(method)},
        evidence=facts.evidence(),
    )
    return True


def withdraw_many(
    tx: Transaction,
    subscriber_ids: Sequence[int],
    *,
    purpose_id: int | None = None,
    method: Method,
    actor: str,
    facts: RequestFacts,
    at: datetime,
) -> int:
    """End all open consents of many people, or those to one purpose; return how many ended."""
    open_ones = sa.select(Consent).where(
        Consent.subscriber_id.in_(subscriber_ids), Consent.status.in_(OPEN)
    )
    if purpose_id is not None:
        open_ones = open_ones.where(Consent.purpose_id == purpose_id)
    consents = tx.session.scalars(open_ones.order_by(Consent.id).with_for_update()).all()
    acts = [
        LedgerChange(consent, at, {"method": Method(method)}, facts.evidence())
        for consent in consents
    ]
    record_changes(tx, acts, ConsentAction.WITHDRAW, actor=actor)
    return len(consents)


def unsubscribe_view(rows: Rows, settings: Settings, token: str) -> UnsubscribeView:
    """Return what an unsubscribe link is about; write nothing. Raises TokenInvalid."""
    campaign_id, subscriber_id = _parts(settings, token)
    if not subscriber_id:
        return UnsubscribeView(state="test")
    return _view(_latest(rows, campaign_id, subscriber_id))


def _view(latest: _Latest | None) -> UnsubscribeView:
    if latest is None:
        return UNKNOWN
    return UnsubscribeView(
        state="active" if latest.status in OPEN else "ended",
        list_name=latest.list_name,
        purpose_name=latest.name_de if latest.language == "de" else latest.name_en,
        masked_address=mask(latest.address),
        language=latest.language,
        newer=latest.rested_on is not None and latest.id != latest.rested_on,
        purpose_id=latest.purpose_id,
    )


def unsubscribe(
    tx: Transaction, token: str, *, facts: RequestFacts, method: Method, at: datetime
) -> UnsubscribeView:
    """End the consent behind a mail's link; repeating it or an erased person is no error.

    A link from an old mail also ends a newer consent: whoever presses it wants no more mail, and a
    link without effect would be worse than one that does too much (decision 0006).
    """
    campaign_id, subscriber_id = _parts(tx.settings, token)
    if not subscriber_id:
        return UnsubscribeView(state="test")
    rows = rows_unflushed(tx.session)
    latest = _latest(rows, campaign_id, subscriber_id)
    while latest is not None and latest.status in OPEN:
        row = ConsentRow(latest.id, latest.status, latest.version)
        if withdraw_rows(tx, rows, [row], method=method, facts=facts, at=at):
            return _view(latest._replace(status=ConsentStatus.WITHDRAWN))
        # Somebody has changed it since: look again.
        latest = _latest(rows, campaign_id, subscriber_id)
    return _view(latest)


def withdraw_rows(
    tx: Transaction,
    rows: Rows,
    consents: Sequence[ConsentRow],
    *,
    method: Method,
    facts: RequestFacts,
    at: datetime,
) -> frozenset[int]:
    """End consents of one open status for the person themselves; return the ids that were unchanged
    since they were read and have ended now.
    """
    return record_rows(
        tx,
        rows,
        consents,
        ConsentAction.WITHDRAW,
        at=at,
        actor="subscriber",
        facts={"method": Method(method)},
        evidence=facts.evidence(),
    )


def _parts(settings: Settings, token: str) -> tuple[int, int]:
    parts = open_token(settings.secret_keys, TokenPurpose.UNSUBSCRIBE, token)
    if len(parts) != 2 or not all(isinstance(part, int) for part in parts):
        raise TokenInvalid
    return int(parts[0]), int(parts[1])


class _Latest(NamedTuple):
    """The consent a link refers to now, and the one its mail rested on."""

    id: int
    status: ConsentStatus
    version: int
    language: str
    purpose_id: int
    list_name: str
    name_de: str
    name_en: str
    address: str
    rested_on: int | None


_OPEN = sorted(status.value for status in OPEN)
# The newest consent of the person; where it has ended, that of the record this one was joined to:
# who moved to another mailbox and presses a link in an old mail must not keep getting mail. The
# first open one on that way counts, else the last there is. The rooms above own campaigns and
# deliveries; a link made by them is opened here, so they are read by name.
_LATEST = """
WITH RECURSIVE people AS (
  SELECT id, merged_into_id, address, 1 AS step, ARRAY[id] AS seen FROM subscribers
  WHERE id = %(subscriber)s
  UNION ALL
  SELECT s.id, s.merged_into_id, s.address, p.step + 1, p.seen || s.id
  FROM people p JOIN subscribers s ON s.id = p.merged_into_id WHERE s.id <> ALL (p.seen)
)
SELECT n.id, n.status, n.version, n.language, n.purpose_id, l.name, u.name_de, u.name_en, p.address,
  d.consent_id
FROM campaigns k
LEFT JOIN deliveries d ON d.campaign_id = %(campaign)s AND d.subscriber_id = %(subscriber)s
CROSS JOIN people p
CROSS JOIN LATERAL (
  SELECT * FROM consents c WHERE c.subscriber_id = p.id AND c.purpose_id = k.purpose_id
  ORDER BY c.id DESC LIMIT 1
) n
JOIN purposes u ON u.id = n.purpose_id JOIN mailing_lists l ON l.id = n.list_id
WHERE k.id = %(campaign)s
ORDER BY CASE WHEN n.status = ANY (%(open)s) THEN p.step ELSE 1000000 - p.step END
LIMIT 1
"""


def _latest(rows: Rows, campaign_id: int, subscriber_id: int) -> _Latest | None:
    values = {"campaign": campaign_id, "subscriber": subscriber_id, "open": _OPEN}
    for row in rows(_LATEST, values):
        return _Latest(row[0], ConsentStatus(row[1]), *row[2:])
    return None
