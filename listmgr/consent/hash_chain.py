"""The ledger's arithmetic: canonical text, salted commitments, the hash chain, Merkle roots."""

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
    """One event as the chain sees it; every field but `hash` goes into the hash."""

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
    """JSON with sorted keys and no blanks: the same facts always give the same bytes."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def commit_to(salt: bytes, evidence: str) -> bytes:
    """SHA-256 over salt and evidence. With both erased it says nothing of the person."""
    return hashlib.sha256(salt + evidence.encode()).digest()


def entry_hash(entry: LedgerEntry) -> bytes:
    """The chain hash; `consent_event_hash` in the database computes the same."""
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
    """A time as the chain hash has it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def chain_breaks(entries: Sequence[tuple[LedgerEntry, bytes]]) -> list[int]:
    """The sequence numbers at which a consent's chain does not hold; empty when it is whole."""
    broken = []
    previous = GENESIS
    for number, (entry, stated) in enumerate(entries, start=1):
        sound = entry.seq == number and entry.previous == previous and entry_hash(entry) == stated
        if not sound:
            broken.append(entry.seq)
        previous = stated
    return broken


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of RFC 9162 section 2.1.1 (leaf and node prefixes 0x00 and 0x01)."""
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
    """The HMAC-SHA-256 of an anchor under a key that is not in the database."""
    return hmac.digest(key, f"{first}:{last}:".encode() + root + previous, "sha256")
