"""The proof of one consent: exported whole, checked by anybody with no database (L-01, L-02)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.evidence import LedgerEntry, chain_breaks, commit_to
from listmgr.consent.models import Consent, ConsentEvent, ConsentEvidence
from listmgr.kit.errors import NotFound
from listmgr.kit.texts import N_, filled

FORMAT = "listmgr-consent-proof-1"


def proof(session: Session, consent_id: int) -> dict[str, Any]:
    """Everything that shows who agreed to what, when and how; raises NotFound.

    It reads the ledger and its evidence only: lists, forms and templates may have changed or gone.
    """
    consent = session.get(Consent, consent_id)
    if consent is None:
        raise NotFound("There is no such consent.")
    rows = session.execute(
        sa.select(ConsentEvent, ConsentEvidence)
        .outerjoin(ConsentEvidence, ConsentEvidence.event_id == ConsentEvent.id)
        .where(ConsentEvent.consent_id == consent_id)
        .order_by(ConsentEvent.seq)
    )
    return {
        "format": FORMAT,
        "consent_id": consent.id,
        "status": consent.status.value,
        "events": [_event(event, evidence) for event, evidence in rows],
    }


def _event(event: ConsentEvent, evidence: ConsentEvidence | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "seq": event.seq,
        "action": event.action.value,
        "status": event.status.value,
        "at": event.at.astimezone(UTC).isoformat(),
        "actor": event.actor,
        "facts": event.facts,
        "commitment": event.commitment.hex(),
        "previous": event.previous.hex(),
        "hash": event.hash.hex(),
    }
    if evidence is not None:
        told["salt"] = evidence.salt.hex()
        told["evidence"] = evidence.content
    return told


class ProofError(Exception):
    """The file is no proof, or its parts do not agree; the message says where."""


def verify(exported: Mapping[str, Any]) -> int:
    """Check an exported proof by arithmetic alone; returns the number of events.

    Raises ProofError naming the event whose chain, hash or evidence does not hold.
    """
    if exported.get("format") != FORMAT:
        raise ProofError(filled(N_("This is not a %(format)s file."), format=FORMAT))
    try:
        events = list(exported["events"])
        chain = [(_entry(exported, event), bytes.fromhex(event["hash"])) for event in events]
        evidence = [(event["seq"], _evidence_holds(event)) for event in events]
    except (KeyError, TypeError, ValueError) as error:
        raise ProofError(filled(N_("The file is damaged: %(error)s."), error=str(error))) from None
    broken = chain_breaks(chain)
    if broken or not chain:
        number = str(broken[0] if broken else 1)
        raise ProofError(filled(N_("The chain breaks at event %(number)s."), number=number))
    for seq, holds in evidence:
        if not holds:
            sentence = N_("The evidence of event %(number)s is not what was committed to.")
            raise ProofError(filled(sentence, number=str(seq)))
    if chain[-1][0].status != exported.get("status"):
        raise ProofError(N_("The stated status is not that of the last event."))
    return len(chain)


def _entry(exported: Mapping[str, Any], event: Mapping[str, Any]) -> LedgerEntry:
    return LedgerEntry(
        consent_id=int(exported["consent_id"]),
        seq=int(event["seq"]),
        action=event["action"],
        status=event["status"],
        at=datetime.fromisoformat(event["at"]),
        actor=event["actor"],
        facts=event["facts"],
        commitment=bytes.fromhex(event["commitment"]),
        previous=bytes.fromhex(event["previous"]),
    )


def _evidence_holds(event: Mapping[str, Any]) -> bool:
    if "evidence" not in event:
        return True
    salted = commit_to(bytes.fromhex(event["salt"]), event["evidence"])
    return salted == bytes.fromhex(event["commitment"])


def printable(exported: Mapping[str, Any]) -> str:
    """The proof as plain text, for a letter or a court."""
    lines = [f"Proof of consent {exported['consent_id']}: {exported['status']}", ""]
    for event in exported["events"]:
        lines.append(f"{event['seq']}. {event['at']}  {event['action']} by {event['actor']}")
        for part in ("facts", "evidence"):
            told = json.loads(event.get(part) or "{}")
            lines += [f"     {name}: {value}" for name, value in told.items() if value != ""]
        lines += [f"     ledger hash: {event['hash']}", ""]
    return "\n".join(lines)
