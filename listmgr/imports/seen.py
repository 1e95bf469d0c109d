"""Who has been seen in a file while it is looked through: half a keyed fingerprint each."""

from __future__ import annotations

from collections.abc import Mapping

from listmgr.imports.stage import raw
from listmgr.imports.verdicts import REASONS, Verdict
from listmgr.kit.transaction import Transaction

KEY = 16

# Keys come as one value, which the driver hands on as it is. Whom the file has named before is
# looked for only where an insert has met somebody, each by the index.
_REMEMBER = f"""
WITH told AS MATERIALIZED (
  SELECT substr(%(keys)b, n * {KEY} + 1, {KEY}) AS key
  FROM generate_series(0, %(count)s - 1) n),
added AS (
  INSERT INTO import_keys (import_id, key, stops)
  SELECT %(id)s, key, %(stops)s FROM told ORDER BY key ON CONFLICT DO NOTHING RETURNING key)
SELECT known.key, seen.stops
FROM (SELECT key FROM told EXCEPT SELECT key FROM added) known
CROSS JOIN LATERAL (SELECT k.stops FROM import_keys k
  WHERE k.import_id = %(id)s AND k.key = known.key OFFSET 0) seen"""


def remember(
    tx: Transaction, import_id: int, keys: list[bytes], *, stops: bool
) -> dict[bytes, bool]:
    """Note different keys; returns those noted before, with whether they were noted as stops."""
    if not keys:
        return {}
    cursor = raw(tx).cursor()
    cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    told = {"id": import_id, "keys": b"".join(keys), "count": len(keys), "stops": stops}
    found = cursor.execute(_REMEMBER, told, prepare=False).fetchall()
    cursor.execute("SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on")
    return {bytes(key): stopped for key, stopped in found}


def key_of(print_: str) -> bytes:
    """A key, of a fingerprint in hexadecimal."""
    return bytes.fromhex(print_[: 2 * KEY])


def twice(
    tx: Transaction, import_id: int, prints: Mapping[int, str]
) -> dict[int, tuple[Verdict, str]]:
    """Of rows by their number: who stands further up in the file, or opted out anywhere in it."""
    keys = {number: key_of(print_) for number, print_ in prints.items()}
    first: dict[bytes, int] = {}
    for number, key in keys.items():
        first.setdefault(key, number)
    known = remember(tx, import_id, list(first), stops=False)
    if not known and len(first) == len(keys):
        return {}
    found = {}
    for number, key in keys.items():
        if key in known or first[key] != number:
            verdict = Verdict.STOPPED if known.get(key) else Verdict.DUPLICATE
            found[number] = (verdict, REASONS[verdict])
    return found
