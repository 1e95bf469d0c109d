"""Hosts of their own on one machine: network namespaces, and a road to the servers from each."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

INSTALL = "install it with: apt-get install iproute2 (and run the tests as root)"


def _namespaces_can_be_made() -> bool:
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    name = f"lm-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], check=False, capture_output=True)
    subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)
    return made.returncode == 0


needs_hosts = pytest.mark.skipif(
    not _namespaces_can_be_made(), reason=f"no network namespaces; {INSTALL}"
)


@dataclass(frozen=True)
class Host:
    """A namespace with its own loopback and one wire to us; nothing else can be reached from it."""

    name: str
    ours: str
    its: str

    @property
    def within(self) -> tuple[str, ...]:
        """What a command line begins with to run there."""
        return ("ip", "netns", "exec", self.name)


def _ip(line: str) -> None:
    subprocess.run(["ip", *line.split()], check=True, capture_output=True)


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """So many hosts, each on a wire of its own."""
    _forget_the_killed()
    with ExitStack() as stack:
        yield [stack.enter_context(_host(number)) for number in range(count)]


def _forget_the_killed() -> None:
    """A run that was killed could not take its hosts away."""
    listed = subprocess.run(["ip", "netns"], check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        made = re.match(r"lm([0-9]+)-", line)
        if made and not Path(f"/proc/{made[1]}").exists():
            name = line.split()[0]
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


@contextmanager
def _host(number: int) -> Iterator[Host]:
    # Of the block for tests between networks (RFC 2544): routed nowhere.
    net = f"198.18.{(os.getpid() * 2 + number) % 256}"
    host = Host(f"lm{os.getpid()}-{number}", f"{net}.1", f"{net}.2")
    wire = f"lm{os.getpid() % 100_000}v{number}"
    _ip(f"netns add {host.name}")
    try:
        _ip(f"link add {wire} type veth peer name eth0 netns {host.name}")
        _ip(f"addr add {host.ours}/24 dev {wire}")
        _ip(f"link set {wire} up")
        for line in ("link set lo up", f"addr add {host.its}/24 dev eth0", "link set eth0 up"):
            _ip(f"-n {host.name} {line}")
        yield host
    finally:
        # The wire would go with it, but some time later, and its name may be wanted at once.
        subprocess.run(["ip", "link", "del", wire], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "del", host.name], check=False, capture_output=True)


class Road:
    """A port of ours that leads to a server which listens on this machine only."""

    def __init__(self, at: str, to: str | tuple[str, int]) -> None:
        self.to = to
        # How many connections have come from where.
        self.peers: Counter[str] = Counter()
        self.listener = socket.create_server((at, 0))
        self.port = self.listener.getsockname()[1]
        self.sockets = [self.listener]
        self.threads: list[threading.Thread] = []
        self._run(self._take)

    def _run(self, act: Callable[..., None], *args: socket.socket) -> None:
        thread = threading.Thread(target=act, args=args, daemon=True)
        self.threads.append(thread)
        thread.start()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                near, peer = self.listener.accept()
                self.peers[peer[0]] += 1
                family = socket.AF_UNIX if isinstance(self.to, str) else socket.AF_INET
                far = socket.socket(family)
                self.sockets += [near, far]
                far.connect(self.to)
                self._run(_carry, near, far)
                self._run(_carry, far, near)

    def close(self) -> None:
        """Cut everything and wait until it is over."""
        for one in self.sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(5)
        for one in self.sockets:
            one.close()


def _carry(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while octets := one.recv(1 << 16):
            other.sendall(octets)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@contextmanager
def road(at: str, to: str | tuple[str, int]) -> Iterator[Road]:
    """A road for a while; `to` is a Unix socket or an address."""
    made = Road(at, to)
    try:
        yield made
    finally:
        made.close()
