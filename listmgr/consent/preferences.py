"""A person's subscriptions on one page, which they can change without signing in (L-13)."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from datetime import datetime

from listmgr.config import Settings
from listmgr.consent.ledger import ConsentRow
from listmgr.consent.lifecycle import ConsentStatus
from listmgr.consent.methods import Method
from listmgr.consent.request_evidence import RequestFacts
from listmgr.consent.withdraw import withdraw_rows
from listmgr.kit.rows import Rows, rows_unflushed
from listmgr.kit.tokens import TokenInvalid, TokenPurpose, open_token
from listmgr.kit.transaction import Transaction
from listmgr.subscribers.address import mask


@dataclass(frozen=True, slots=True)
class PreferenceRow:
    """One confirmed subscription."""

    consent_id: int
    list_name: str
    purpose_name: str
    since: datetime | None
    purpose_id: int
    version: int


@dataclass(frozen=True, slots=True)
class PreferencesView:
    """What the preferences page may show; empty for an unknown or erased person."""

    masked_address: str
    language: str
    rows: tuple[PreferenceRow, ...]


_ROWS = """
SELECT s.address, s.language, c.id, c.list_name, c.name_de, c.name_en, c.language, c.confirmed_at,
  c.purpose_id, c.version
FROM subscribers s LEFT JOIN LATERAL (
  SELECT c.id, l.name AS list_name, u.name_de, u.name_en, c.language, c.confirmed_at, c.purpose_id,
    c.version
  FROM consents c JOIN mailing_lists l ON l.id = c.list_id JOIN purposes u ON u.id = c.purpose_id
  WHERE c.subscriber_id = s.id AND c.status = %(confirmed)s
) c ON true
WHERE s.id = %(subscriber)s ORDER BY c.list_name, c.purpose_id
"""


def preferences(rows: Rows, settings: Settings, token: str) -> PreferencesView:
    """Return the subscriptions of a link's owner. Raises TokenInvalid for a forged link."""
    subscriber = subscriber_of(settings, token)
    records = rows(_ROWS, {"subscriber": subscriber, "confirmed": ConsentStatus.CONFIRMED.value})
    if not records:
        return PreferencesView("", "", ())
    address, language = records[0][:2]
    return PreferencesView(
        masked_address=mask(address),
        language=language,
        rows=tuple(
            PreferenceRow(
                consent_id,
                list_name,
                german if spoken == "de" else english,
                since,
                purpose_id,
                version,
            )
            for (
                *_,
                consent_id,
                list_name,
                german,
                english,
                spoken,
                since,
                purpose_id,
                version,
            ) in records
            if consent_id is not None
        ),
    )


def save_preferences(
    tx: Transaction,
    token: str,
    *,
    leave: Container[int] | None,
    facts: RequestFacts,
    at: datetime,
) -> tuple[PreferencesView, list[PreferenceRow]]:
    """Withdraw the displayed subscriptions in `leave`, or all with None; none can be granted here.

    Return what is left, and what has ended.
    """
    rows = rows_unflushed(tx.session)
    ended: list[PreferenceRow] = []
    while True:
        view = preferences(rows, tx.settings, token)
        ending = [row for row in view.rows if leave is None or row.consent_id in leave]
        if not ending:
            return view, ended
        if len(ending) > 1:
            # In the order of everybody who locks consents (decision 0052).
            rows(_LOCK, {"ids": [row.consent_id for row in ending]})
        consents = [
            ConsentRow(row.consent_id, ConsentStatus.CONFIRMED, row.version) for row in ending
        ]
        changed = withdraw_rows(tx, rows, consents, method=Method.PREFERENCES, facts=facts, at=at)
        ended += [row for row in ending if row.consent_id in changed]
        if len(changed) == len(ending):
            return replace(view, rows=tuple(row for row in view.rows if row not in ending)), ended
        # Somebody has changed one since: look again.


_LOCK = "SELECT FROM consents WHERE id = ANY (%(ids)s) ORDER BY id FOR UPDATE"


def subscriber_of(settings: Settings, token: str) -> int:
    """Return whose page a link opens: a preferences token, or the token of any campaign mail."""
    try:
        parts = open_token(settings.secret_keys, TokenPurpose.PREFERENCES, token)
    except TokenInvalid:
        parts = open_token(settings.secret_keys, TokenPurpose.UNSUBSCRIBE, token)
    if not parts or not isinstance(parts[-1], int):
        raise TokenInvalid
    return parts[-1]
