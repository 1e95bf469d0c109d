"""How long fixed pieces of work take on this machine beside the one the targets were set on.

    python bench/yardstick.py

Not a benchmark of ours: libraries and Python alone. Targets in µs or rows a second mean that other
machine; times the factor they mean this one. It is the median over the pieces, so that neither one
cache nor one library decides, and it is measured in the same run as what it is held beside.
The last line is JSON.
"""

from __future__ import annotations

import csv
import hmac
import io
import json
import statistics
import time
import uuid
from collections.abc import Callable

from email_validator import validate_email
from itsdangerous import Signer, URLSafeSerializer

_LINES = "\n".join(f"anna.berg{n}@big{n}.example,Anna,Berg,Firma,de,Köln" for n in range(1000))
_SERIALIZER, _SIGNER = URLSafeSerializer("k" * 32, salt="u"), Signer("k" * 32)
# A piece of work, how often, and what it took there (2 vCPU AMD EPYC, Python 3.11.7), in µs.
PIECES: dict[str, tuple[Callable[[], object], int, float]] = {
    "itsdangerous, a token": (lambda: _SERIALIZER.dumps([1, 2]), 5_000, 24.6),
    "itsdangerous, a signature": (lambda: _SIGNER.sign("abc"), 20_000, 4.8),
    "HMAC-SHA-256": (lambda: hmac.digest(b"k" * 32, b"m" * 40, "sha256"), 50_000, 1.7),
    "a UUID": (uuid.uuid4, 50_000, 2.1),
    "email-validator": (
        lambda: validate_email("anna.berg@example.org", check_deliverability=False),
        2_000,
        27.8,
    ),
    "csv, 1,000 rows": (lambda: list(csv.reader(io.StringIO(_LINES))), 100, 700.0),
}


def measured() -> dict[str, tuple[float, float]]:
    """Of each piece the µs of CPU here and there; about three seconds."""
    return {
        name: (_microseconds(work, times), there) for name, (work, times, there) in PIECES.items()
    }


def factor() -> float:
    """How many times as long this machine takes, now and with what else it does."""
    return statistics.median(here / there for here, there in measured().values())


def _microseconds(work: Callable[[], object], times: int) -> float:
    taken = []
    for _ in range(5):
        begun = time.process_time()
        for _ in range(times):
            work()
        taken.append(1e6 * (time.process_time() - begun) / times)
    return statistics.median(taken)


def main() -> None:
    found = measured()
    for name, (here, there) in found.items():
        print(f"{name:28}{here:10.2f} µs here{there:10.2f} µs there{here / there:8.2f}x")
    times = statistics.median(here / there for here, there in found.values())
    print(f"This machine takes {times:.2f} times as long.")
    pieces = {name: round(here / there, 2) for name, (here, there) in found.items()}
    print(json.dumps({"bench": "yardstick", "factor": round(times, 2), "pieces": pieces}))


if __name__ == "__main__":
    main()
