"""Export the proof of one consent, verifiable by anyone without a database (L-01, L-02)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.consent.hash_chain import (
    SALT_BYTES,
    LedgerEntry,
    chain_breaks,
    commit_to,
)
from listmgr.consent.models import Consent, ConsentEvent, ConsentEvidence
from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import (
    N_,
    lazy_message,
)

FORMAT = "listmgr-consent-proof-1"


def proof(session: Session, consent_id: int) -> dict[str, Any]:
    """Return everything that shows who agreed to what, when and how. Raises NotFound.

    Reads only the ledger and its evidence: lists, forms and templates may have changed or gone.
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
    exported: dict[str, Any] = {
        "seq": event.seq,
        "action": event.action,
        "status": event.status.value,
        "at": event.at.astimezone(UTC).isoformat(),
        "actor": event.actor,
        "facts": event.facts,
        "commitment": event.commitment.hex(),
        "previous": event.previous.hex(),
        "hash": event.hash.hex(),
    }
    if evidence is not None:
        exported["salt"] = evidence.salt.hex()
        exported["evidence"] = evidence.content
    return exported


def read_proof(text: str) -> dict[str, Any]:
    """Parse an exported proof. Raises ProofError for anything else.

    Duplicate JSON keys are refused, since readers differ in which one they take (RFC 8259, section
    4).
    """
    try:
        return _of(dict, _load(text))
    except (ValueError, TypeError, RecursionError) as error:
        raise ProofError(
            lazy_message(N_("The file is damaged: %(error)s."), error=str(error))
        ) from None


class ProofError(Exception):
    """The file is no proof, or its parts do not agree; the message says where."""


def verify(exported: Mapping[str, Any]) -> int:
    """Verify an exported proof by computation alone; return the number of events.

    Raises ProofError naming the event whose chain, hash or evidence is wrong.
    """
    if not isinstance(exported, dict) or exported.get("format") != FORMAT:
        raise ProofError(lazy_message(N_("This is not a %(format)s file."), format=FORMAT))
    try:
        _check_keys(exported, _KEYS)
        events = [_checked_event(event) for event in _of(list, exported["events"])]
        chain = [(_entry(exported, event), _octets(event["hash"])) for event in events]
        evidence = [(event["seq"], _evidence_holds(event)) for event in events]
        broken = chain_breaks(chain)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ProofError(
            lazy_message(N_("The file is damaged: %(error)s."), error=str(error))
        ) from None
    if broken or not chain:
        number = str(broken[0] if broken else 1)
        raise ProofError(lazy_message(N_("The chain breaks at event %(number)s."), number=number))
    for seq, holds in evidence:
        if not holds:
            sentence = N_("The evidence of event %(number)s is not what was committed to.")
            raise ProofError(lazy_message(sentence, number=str(seq)))
    if chain[-1][0].status != exported.get("status"):
        raise ProofError(N_("The stated status is not that of the last event."))
    return len(chain)


# What a proof holds, and nothing beside it: nobody has vouched for more.
_KEYS = frozenset({"format", "consent_id", "status", "events"})
_EVENT_KEYS = frozenset(
    {"seq", "action", "status", "at", "actor", "facts", "commitment", "previous", "hash"}
)
_EVIDENCE_KEYS = frozenset({"salt", "evidence"})
_Kind = TypeVar("_Kind")


def _load(text: str) -> Any:  # noqa: ANN401 - what JSON holds
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return unique


def _of(kind: type[_Kind], value: object) -> _Kind:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{kind.__name__} expected")
    return value


def _check_keys(document: Mapping[str, Any], allowed: frozenset[str]) -> None:
    if document.keys() != allowed:
        raise ValueError("unknown or missing keys: " + ", ".join(sorted(document.keys() ^ allowed)))


def _checked_event(event: object) -> dict[str, Any]:
    """Return an event with all its keys as text, except its number, and with valid JSON inside."""
    fields = _of(dict, event)
    held_back = not _EVIDENCE_KEYS & fields.keys()
    _check_keys(fields, _EVENT_KEYS if held_back else _EVENT_KEYS | _EVIDENCE_KEYS)
    for key, value in fields.items():
        _of(int if key == "seq" else str, value)
    for key in ("facts", "evidence"):
        _of(dict, _load(fields.get(key, "{}")))
    return fields


def _octets(text: str, length: int = 32) -> bytes:
    """Decode hex digits; the fixed length prevents shifting bytes between fields."""
    decoded = bytes.fromhex(text)
    if len(decoded) != length or decoded.hex() != text:
        raise ValueError(f"{length} octets in hex digits expected")
    return decoded


def _time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment


def _entry(exported: Mapping[str, Any], event: Mapping[str, Any]) -> LedgerEntry:
    return LedgerEntry(
        consent_id=_of(int, exported["consent_id"]),
        seq=event["seq"],
        action=event["action"],
        status=event["status"],
        at=_time(event["at"]),
        actor=event["actor"],
        facts=event["facts"],
        commitment=_octets(event["commitment"]),
        previous=_octets(event["previous"]),
    )


def _evidence_holds(event: Mapping[str, Any]) -> bool:
    if "evidence" not in event:
        return True
    salted = commit_to(_octets(event["salt"], SALT_BYTES), event["evidence"])
    return salted == _octets(event["commitment"])


def printable(exported: Mapping[str, Any]) -> str:
    """Return the proof as plain text, for a letter or a court."""
    lines = [f"Proof of consent {exported['consent_id']}: {exported['status']}", ""]
    for event in exported["events"]:
        lines.append(f"{event['seq']}. {event['at']}  {event['action']} by {event['actor']}")
        for part in ("facts", "evidence"):
            values = json.loads(event.get(part) or "{}")
            lines += [f"     {name}: {value}" for name, value in values.items() if value != ""]
        lines += [f"     ledger hash: {event['hash']}", ""]
    return "\n".join(lines)
