"""What an installation costs while nothing is to be done.

    python bench/idle.py [--quick]

Starts `listmgr up` over an empty folder, lets it come to rest, and looks for thirty seconds: CPU as
a share of one core and proportional memory (PSS) by process, and what was written to logs. The last
line is JSON. Linux only; reading PSS of other accounts' processes needs root.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from processes import family

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from listmgr.runtime.ports import free_port  # noqa: E402

_TICK = os.sysconf("SC_CLK_TCK")
_HZ_NS = 1e9


def own_seconds(pid: int) -> float:
    """CPU of a process in seconds, with children that have come and gone; by the scheduler's clock
    for itself, which counts what is shorter than a tick."""
    try:
        own = sum(
            int((task / "schedstat").read_text().split()[0])
            for task in Path(f"/proc/{pid}/task").iterdir()
        )
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return own / _HZ_NS + sum(int(ticks) for ticks in fields[13:15]) / _TICK


def pss(pid: int) -> float:
    """Proportional memory in MB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("Pss:")), 0.0)


def name(pid: int) -> str:
    try:
        words = (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().split(" (")[0]
        )
    except OSError:
        return "?"
    for program in ("valkey-server", "bin/postgres -D"):
        if program in words:
            return program.removeprefix("bin/").removesuffix(" -D")
    return words.rpartition("bin/")[2].strip()[:48]


def written(folder: Path) -> int:
    """Octets in all logs."""
    return sum(log.stat().st_size for log in folder.rglob("*.log"))


def look(pid: int, folder: Path, seconds: float) -> dict[str, object]:
    """What all processes have used in so many seconds."""
    pids = sorted(family(pid))
    before, octets, begun = (
        {one: own_seconds(one) for one in pids},
        written(folder),
        time.monotonic(),
    )
    time.sleep(seconds)
    took = time.monotonic() - begun
    rows = [
        (name(one), 100 * (own_seconds(one) - before.get(one, 0.0)) / took, pss(one))
        for one in sorted(family(pid))
    ]
    for title, cpu, held in rows:
        print(f"{title:50}{cpu:8.2f} %{held:9.1f} MB")
    return {
        "cpu_percent": round(sum(row[1] for row in rows), 2),
        "pss_mb": round(sum(row[2] for row in rows), 1),
        "processes": len(rows),
        "log_octets": written(folder) - octets,
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    quick = parser.parse_args().quick
    settle, seconds = (5, 15) if quick else (30, 30)
    with tempfile.TemporaryDirectory(prefix="listmgr-idle-") as made:
        folder = Path(made)
        folder.chmod(0o755)
        argv = [sys.executable, "-m", "listmgr", "up", f"--port={free_port()}"]
        process = subprocess.Popen(
            [*argv, f"--data-dir={folder}"], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if "Ctrl-C" in line:
                    break
            time.sleep(settle)
            found = look(process.pid, folder, seconds)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()
    print(json.dumps({"idle": found}))


if __name__ == "__main__":
    main()
