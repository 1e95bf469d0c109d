"""SMTP servers that take everything and count it: our own in C, and Postfix's smtp-sink."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from processes import cpu_seconds

ROOT = Path(__file__).resolve().parent.parent
_MAILS, _OCTETS, _CONNECTIONS, _CPU = range(4)


class SmtpSink:
    """A server that takes everything: its port, how many mails came, its CPU."""

    port: int

    @property
    def mails(self) -> int:
        raise NotImplementedError

    @property
    def cpu(self) -> float:
        """Seconds."""
        raise NotImplementedError

    def wait(self, mails: int, *, seconds: float = 1200) -> None:
        """Until so many mails have come in all."""
        end = time.monotonic() + seconds
        while self.mails < mails:
            if time.monotonic() > end:
                raise SystemExit(f"Only {self.mails:,} of {mails:,} mails came in {seconds:.0f} s.")
            time.sleep(0.002)


class Sink(SmtpSink):
    """Our own sink as a process, and its counts."""

    def __init__(self, program: Path, folder: Path, *options: str) -> None:
        counts = folder / f"counts-{time.monotonic_ns()}"
        self.process = subprocess.Popen(
            [program, *options, counts], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        with counts.open("rb") as file:
            self._counts = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    def _count(self, which: int) -> int:
        return int(struct.unpack_from("q", self._counts, 8 * which)[0])

    @property
    def mails(self) -> int:
        return self._count(_MAILS)

    @property
    def cpu(self) -> float:
        """Seconds."""
        return self._count(_CPU) / 1e6

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


class PostfixSink(SmtpSink):
    """Postfix's smtp-sink, which nobody can say we tuned; it knows no CHUNKING."""

    def __init__(self) -> None:
        program = shutil.which("smtp-sink")
        assert program is not None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        to = ["-u", "nobody"] if os.geteuid() == 0 else []
        argv = [program, "-c", *to, f"127.0.0.1:{self.port}", "1000"]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        self._mails = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        line = ""
        while piece := os.read(self.process.stdout.fileno(), 1 << 16).decode():
            line = (line + piece)[-200:]
            if found := re.findall(r"mesg=(\d+)\s", line):
                self._mails = int(found[-1])

    @property
    def mails(self) -> int:
        return self._mails

    @property
    def cpu(self) -> float:
        """Seconds."""
        return cpu_seconds(self.process.pid)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


@contextmanager
def smtp_sink() -> Iterator[PostfixSink | None]:
    """Postfix's smtp-sink for a while; None where it is not installed."""
    started = PostfixSink() if shutil.which("smtp-sink") else None
    try:
        yield started
    finally:
        if started:
            started.close()


@contextmanager
def sinks(folder: Path) -> Iterator[Callable[..., Sink]]:
    """Compile the sink; the value starts one with its options."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("The sink needs a C compiler: sudo apt-get install gcc libc6-dev")
    program, started = folder / "sink", []
    subprocess.run([compiler, "-O2", "-o", program, ROOT / "bench/sink.c"], check=True)

    def start(*options: str) -> Sink:
        started.append(Sink(program, folder, *options))
        return started[-1]

    try:
        yield start
    finally:
        for sink in started:
            sink.close()
