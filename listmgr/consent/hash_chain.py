"""The ledger's cryptography: canonical text, salted commitments, hash chain, Merkle roots."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

GENESIS = bytes(32)
SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One event as the chain covers it; every field except `hash` is hashed."""

    consent_id: int
    seq: int
    action: str
    status: str
    at: datetime
    actor: str
    facts: str
    commitment: bytes
    previous: bytes


def canonical(value: Mapping[str, Any]) -> str:
    """Return JSON with sorted keys and no spaces: equal facts give equal bytes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def commit_to(salt: bytes, evidence: str) -> bytes:
    """Return the SHA-256 of salt and evidence. Once both are erased it reveals nothing."""
    return hashlib.sha256(salt + evidence.encode()).digest()


def entry_hash(entry: LedgerEntry) -> bytes:
    """Return the chain hash; `consent_event_hash` in the database computes the same."""
    text = "\n".join(
        (
            "v1",
            str(entry.consent_id),
            str(entry.seq),
            entry.action,
            entry.status,
            stamp(entry.at),
            entry.actor,
            entry.facts,
            entry.commitment.hex(),
            entry.previous.hex(),
        )
    )
    return hashlib.sha256(text.encode()).digest()


def stamp(at: datetime) -> str:
    """Format a time as the chain hash contains it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chain_breaks(entries: Sequence[tuple[LedgerEntry, bytes]]) -> list[int]:
    """Return the sequence numbers at which a consent's chain is broken; empty if it is intact."""
    broken = []
    previous = GENESIS
    for number, (entry, stated) in enumerate(entries, start=1):
        sound = entry.seq == number and entry.previous == previous and entry_hash(entry) == stated
        if not sound:
            broken.append(entry.seq)
        previous = stated
    return broken


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of RFC 9162 section 2.1.1 (prefixes 0x00 for leaves, 0x01 for
    nodes).
    """
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        # Pairing neighbours and carrying an odd last node up gives the RFC's tree.
        paired = [
            hashlib.sha256(b"\x01" + level[i] + level[i + 1]).digest()
            for i in range(0, len(level) - 1, 2)
        ]
        level = paired + level[len(level) - len(level) % 2 :]
    return level[0]


def seal(key: bytes, *, first: int, last: int, root: bytes, previous: bytes) -> bytes:
    """Return the HMAC-SHA-256 of an anchor, under a key that is not in the database."""
    return hmac.digest(key, f"{first}:{last}:".encode() + root + previous, "sha256")
