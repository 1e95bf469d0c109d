"""Lets CLOCK_BOOTTIME of this process run ahead, as it does while a machine is suspended.

Python imports this by itself where its folder is on PYTHONPATH (docs.python.org, `site`). By how
many seconds is in the file named by SUSPENDED_SECONDS, eight octets that may change at any time.
"""

import mmap
import os
import struct
import time
from pathlib import Path

_clock_gettime = time.clock_gettime


def _file() -> mmap.mmap:
    with Path(os.environ["SUSPENDED_SECONDS"]).open("rb") as file:
        return mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)


if "SUSPENDED_SECONDS" in os.environ:
    _seconds = _file()

    def _ahead(clock: int) -> float:
        found = _clock_gettime(clock)
        if clock == time.CLOCK_BOOTTIME:
            found += struct.unpack("d", _seconds)[0]
        return found

    time.clock_gettime = _ahead
