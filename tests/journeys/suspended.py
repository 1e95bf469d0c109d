"""A suspended machine: its processes stand still and so does CLOCK_MONOTONIC, CLOCK_BOOTTIME runs.

Nobody suspends the machine the tests run on. The workers are stopped for a moment, and while they
are, their CLOCK_BOOTTIME moves on (suspending/sitecustomize.py).
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path


class SuspendedClock:
    """What the clocks of all processes with this `env` have gained."""

    def __init__(self, folder: Path) -> None:
        file = folder / "suspended"
        file.write_bytes(struct.pack("d", 0.0))
        with file.open("r+b") as opened:
            self._seconds = mmap.mmap(opened.fileno(), 8)
        self.env = {
            "SUSPENDED_SECONDS": str(file),
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).with_name("suspending")), *_more(os.environ)]
            ),
        }

    def pass_by(self, seconds: float) -> None:
        """So many seconds pass for a machine that is suspended."""
        gained = struct.unpack("d", self._seconds)[0]
        self._seconds[:] = struct.pack("d", gained + seconds)


def _more(env: os._Environ[str]) -> list[str]:
    return [env["PYTHONPATH"]] if env.get("PYTHONPATH") else []
