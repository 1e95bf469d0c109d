"""What processes and all below them have used, from /proc: Linux only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def family(*pids: int) -> Iterator[int]:
    """Processes and all there is below them."""
    for pid in pids:
        yield pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            continue
        yield from family(*map(int, children))


def cpu_seconds(*pids: int) -> float:
    """CPU time of processes and of all that has come and gone below them, from /proc."""
    total = 0.0
    for pid in pids:
        try:
            found = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            continue
        # utime, stime, and those of children that have been waited for.
        total += sum(int(ticks) for ticks in found[11:15]) / _TICK
        total += cpu_seconds(*(int(child) for child in children))
    return total


def memory(pid: int, what: str) -> float:
    """A line of /proc/PID/status in MB: VmHWM, the most it has held; RssAnon, its own now."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1000
    return 0.0
