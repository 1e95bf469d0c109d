"""Create many consents at once for imports: same ledger, same guarantees.

The caller fills the temporary table `consent_intake` in the same transaction, with one row for each
person who has no consent to the purpose and may have one. An existing consent can never be raised:
only first consents are created, and confirmed at once only with evidence of their own (decision
0021).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from listmgr.consent.hash_chain import (
    GENESIS,
    SALT_BYTES,
    canonical,
    stamp,
)
from listmgr.consent.lifecycle import ConsentAction, ConsentStatus, next_status
from listmgr.consent.models import ConsentSource
from listmgr.kit.errors import InvalidInput
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction
from listmgr.lists.models import MailingList, Notice, Purpose

INTAKE = """
CREATE TEMPORARY TABLE IF NOT EXISTS consent_intake (
  subscriber_id bigint NOT NULL, row bigint NOT NULL, language text NOT NULL,
  -- Canonical JSON of the evidence, and when the person agreed; NULL for a captured consent.
  evidence text, agreed_at timestamptz, facts text) ON COMMIT DELETE ROWS"""
_A, _S = ConsentAction, ConsentStatus


@dataclass(frozen=True, slots=True)
class BulkCapture:
    """Purpose, actor and the facts common to all rows. `facts` must not be personal."""

    purpose_id: int
    actor: str
    at: datetime
    source: ConsentSource = ConsentSource.IMPORT
    facts: Mapping[str, Any] = field(default_factory=dict)


def create_intake_table(tx: Transaction) -> None:
    """Create the temporary table that `bulk_capture` reads; it is empty in each transaction."""
    tx.session.execute(sa.text(INTAKE))


def bulk_capture(tx: Transaction, intake: BulkCapture) -> int:
    """Create a captured consent for each row and confirm those with evidence; return how many.

    One statement writes consents and events, so that triggers check them as a set; the hash is that
    of `entry_hash`. Raises InvalidInput if the purpose has no published wording.
    """
    binds = _binds(tx, intake)
    # Under this the triggers look at the whole statement at once instead of row by row (0020).
    tx.session.execute(sa.text("SET LOCAL listmgr.bulk = 'on'"))
    taken = int(tx.session.scalar(sa.text(_CAPTURE), binds) or 0)
    if tx.session.execute(sa.text(_IS_PROVED)).first() is not None:
        tx.session.execute(sa.text(_CONFIRM), binds)
    tx.session.execute(sa.text("SET LOCAL listmgr.bulk = 'off'"))
    return taken


def _binds(tx: Transaction, intake: BulkCapture) -> dict[str, Any]:
    purpose = tx.session.get_one(Purpose, intake.purpose_id)
    notices = _notices(tx, purpose)
    head, _, tail = canonical(_facts(tx, purpose, intake)).partition('"row":0')
    captured = next_status(None, _A.CAPTURE)
    confirmed = next_status(captured, _A.CONFIRM_IMPORTED)
    return {
        "list": purpose.list_id,
        "purpose": purpose.id,
        "notices": [notice.id for notice in notices],
        "versions": [notice.version for notice in notices],
        "languages": [notice.language for notice in notices],
        "captured": captured.value,
        "confirmed": confirmed.value,
        "capture": _A.CAPTURE.value,
        "confirm": _A.CONFIRM_IMPORTED.value,
        "source": intake.source.value,
        "at": intake.at,
        # As the hash has it, made once for all rows.
        "stamp": stamp(intake.at),
        "actor": intake.actor,
        "genesis": GENESIS,
        "secret": secrets.token_bytes(SALT_BYTES),
        "head": f'{head}"row":',
        "tail": tail,
    }


def _notices(tx: Transaction, purpose: Purpose) -> list[Notice]:
    """Return the newest wording of each language, the list's own language first."""
    notices = list(
        tx.session.scalars(
            sa.select(Notice)
            .where(
                Notice.purpose_id == purpose.id,
                Notice.version
                == sa.select(sa.func.max(Notice.version))
                .where(Notice.purpose_id == purpose.id)
                .scalar_subquery(),
            )
            .order_by(Notice.language)
        )
    )
    if not notices:
        raise InvalidInput(N_("Publish the consent text of this purpose first."))
    own = tx.session.get_one(MailingList, purpose.list_id).language
    return sorted(notices, key=lambda notice: notice.language != own)


def _facts(tx: Transaction, purpose: Purpose, intake: BulkCapture) -> dict[str, Any]:
    mailing_list = tx.session.get_one(MailingList, purpose.list_id)
    return {
        **intake.facts,
        "list": mailing_list.name,
        "controller": mailing_list.controller,
        "purpose": purpose.name(mailing_list.language),
        "source": intake.source.value,
        # What a form has shown is no part of this: nobody has shown these people anything here.
        "words_shown": "",
        "row": 0,
    }


# A bind stands in several places; each says its type, or PostgreSQL deduces two of them.
_TYPES = {
    "bigint": ("list", "purpose"),
    "bigint[]": ("notices", "versions"),
    "text[]": ("languages",),
    "timestamptz": ("at",),
    "bytea": ("genesis", "secret"),
    "text": (
        *("captured", "confirmed", "capture", "confirm"),
        *("source", "actor", "head", "tail", "stamp"),
    ),
}
_CASTS = {name: f"CAST(:{name} AS {kind})" for kind, names in _TYPES.items() for name in names}


def _typed(sql: str) -> str:
    return re.sub(r"(?<![:\w]):([a-z]+)", lambda match: _CASTS[match[1]], sql)


_HASH = """sha256(convert_to(concat_ws(E'\\n', 'v1', id, {seq}, {action}, {status},
  :stamp, :actor, facts, encode(commitment, 'hex'), {previous}), 'UTF8'))"""
_HASHED = _HASH.format(seq=1, action=":capture", status=":captured", previous=f"'{GENESIS.hex()}'")
_HASHED_AGAIN = _HASH.format(
    seq=2, action=":confirm", status=":confirmed", previous="encode(previous, 'hex')"
)

# A commitment to no evidence: the salt, a secret and the consent's id, is thrown away, as
# `ledger.record` does.
_CAPTURE = _typed(f"""
WITH words AS MATERIALIZED (
  SELECT * FROM unnest(:notices, :versions, :languages)
    WITH ORDINALITY AS w (id, version, language, n)),
begun AS (
  INSERT INTO consents (subscriber_id, list_id, purpose_id, status, version, notice_id,
    notice_version, language, source, captured_at)
  SELECT i.subscriber_id, :list, :purpose, :captured, 1, w.id, w.version, w.language, :source, :at
  FROM consent_intake i CROSS JOIN LATERAL (SELECT * FROM words
    ORDER BY words.language <> i.language, words.n LIMIT 1) w
  ORDER BY i.subscriber_id
  RETURNING id, subscriber_id),
told AS (
  SELECT b.id, :head || i.row || :tail AS facts,
    sha256(:secret || int8send(b.id) || convert_to('{{}}', 'UTF8')) AS commitment
  FROM begun b JOIN consent_intake i ON i.subscriber_id = b.subscriber_id OFFSET 0),
written AS (
  INSERT INTO consent_events (consent_id, seq, action, status, at, actor, facts, commitment,
    previous, hash)
  SELECT id, 1, :capture, :captured, :at, :actor, facts, commitment, :genesis,
    {_HASHED}
  FROM told ORDER BY id)
SELECT count(*) FROM begun""")

_IS_PROVED = "SELECT 1 FROM consent_intake WHERE evidence IS NOT NULL LIMIT 1"
# OFFSET 0 keeps each a look-up by index: the ledger is long, and a batch is short.
_CONFIRM = _typed(f"""
WITH begun AS MATERIALIZED (
  SELECT c.id, i.facts, i.evidence, i.agreed_at, e.hash AS previous, salt,
    sha256(salt || convert_to(i.evidence, 'UTF8')) AS commitment
  FROM consent_intake i
  CROSS JOIN LATERAL (SELECT c.id FROM consents c WHERE c.subscriber_id = i.subscriber_id
    AND c.purpose_id = :purpose AND c.status = :captured OFFSET 0) c
  CROSS JOIN LATERAL (SELECT e.hash FROM consent_events e
    WHERE e.consent_id = c.id AND e.seq = 1 OFFSET 0) e
  -- One salt for each row: without a look at the row there would be one for all.
  CROSS JOIN LATERAL (SELECT uuid_send(gen_random_uuid()) AS salt
    WHERE i.row IS NOT NULL OFFSET 0) s
  WHERE i.evidence IS NOT NULL),
written AS (
  INSERT INTO consent_events (consent_id, seq, action, status, at, actor, facts, commitment,
    previous, hash)
  SELECT id, 2, :confirm, :confirmed, :at, :actor, facts, commitment, previous,
    {_HASHED_AGAIN}
  FROM begun ORDER BY id
  RETURNING id, consent_id),
proved AS (
  INSERT INTO consent_evidence (event_id, salt, content)
  SELECT w.id, b.salt, b.evidence FROM written w JOIN begun b ON b.id = w.consent_id)
UPDATE consents c SET status = :confirmed, version = 2, confirmed_at = b.agreed_at
FROM begun b WHERE b.id = c.id""")
