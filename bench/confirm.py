"""How soon a confirmation mail is taken by the mail server, and what it costs.

    python bench/confirm.py [--quick]

Ten sign-ups a second: alone, beside two campaigns that send 500 mails a second each, and beside two
that send as fast as they can. Time from the POST to the server's 250; CPU of the mail worker and of
PostgreSQL a mail, measured alone, sign-up included. The last line is JSON, with what each target
asks for and whether it is met; the exit status is 1 where one is not.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socketserver
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from place import Place, place
from processes import cpu_seconds
from sinks import Sink

from listmgr.kit.errors import Refused
from listmgr.lists.models import Notice, SignupForm, SignupFormPurpose
from listmgr.runtime.ports import free_port
from listmgr.senders.models import Sender
from tests.factories import make_list

A_SECOND = 10
ALONE, BESIDE_500, BESIDE_FULL = "alone", "beside 2 × 500 a second", "beside 2 at full speed"
# Seconds from the POST to the 250 for 99 of 100 mails.
MOST_SECONDS = {ALONE: 1.0, BESIDE_500: 1.0, BESIDE_FULL: 2.0}
# CPU of the worker and PostgreSQL for a mail, in ms.
MOST_CPU_MS = 25.0


class Server(socketserver.ThreadingTCPServer):
    """A small SMTP server that notes when it said 250 to a mail, by recipient."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.taken: dict[str, float] = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Talk(socketserver.StreamRequestHandler):
    """One connection; only what the product says is understood."""

    disable_nagle_algorithm = True
    server: Server

    def handle(self) -> None:
        self._say("220 sink")
        to, data = "", False
        for line in self.rfile:
            if data:
                if line == b".\r\n":
                    data = False
                    self._say("250 2.0.0 taken")
                    self.server.taken[to] = time.monotonic()
                continue
            verb = line[:4].upper()
            if verb == b"RCPT":
                to = line.decode().partition("<")[2].partition(">")[0]
            data = verb == b"DATA"
            self._say("354 go on" if data else "221 bye" if verb == b"QUIT" else "250 ok")
            if verb == b"QUIT":
                return

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class Confirming:
    """The site, its form, the worker of single mails, and the server they go to."""

    def __init__(self, at: Place, stack: ExitStack) -> None:
        self.at, self.stack, self.server = at, stack, Server()
        with at.work() as tx:
            found, purpose, notice = make_list(tx, "confirm")
            found.sender_address = "brief@confirm.example"
            tx.session.add(
                Sender(
                    name="Single mails",
                    host="127.0.0.1",
                    port=self.server.server_address[1],
                    security="none",
                    serves=["confirm.example"],
                    processor="none",
                )
            )
            form = SignupForm(slug="bench", title_de="Post", title_en="Mail")
            tx.session.add(form)
            tx.session.flush()
            tx.session.add(SignupFormPurpose(form_id=form.id, purpose_id=purpose.id))
            self.notice_id: Notice = notice.id
        self.port = free_port()
        self.env = at.env | {
            "LISTMGR_BASE_URL": f"http://127.0.0.1:{self.port}",
            "LISTMGR_SIGNUP_MIN_SECONDS": "0",
            # All come from one network, and 1,800 an hour would wait for room (decision 0071).
            "LISTMGR_SIGNUPS_PER_HOUR": "1000000",
            "LISTMGR_CONFIRMATIONS_PER_HOUR": "10000",
        }
        config = "--config=python:listmgr.runtime.gunicorn_config"
        self._start("gunicorn", "listmgr.app:create_app()", config, f"--bind=127.0.0.1:{self.port}")
        self.worker = self._start("listmgr", "worker", "--queues=mail")
        self._start("listmgr", "scheduler")
        end = time.monotonic() + 60
        while not self._ready():
            if time.monotonic() > end:
                raise SystemExit("the site does not answer")
            time.sleep(0.1)
        self.number = 0

    def _start(self, *argv: str, **env: str) -> subprocess.Popen[bytes]:
        log = self.stack.enter_context((self.at.folder / "confirm.log").open("ab"))
        command = [sys.executable, "-m", *argv]
        process = subprocess.Popen(command, env=self.env | env, stdout=log, stderr=log)
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)
        return process

    def _ready(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False

    def sign_up(self, count: int) -> list[str]:
        """So many sign-ups, ten a second; the addresses, and when each was posted in `posted`."""
        self.posted: dict[str, float] = {}
        threads = []
        begun = time.monotonic()
        for turn in range(count):
            time.sleep(max(0.0, begun + turn / A_SECOND - time.monotonic()))
            self.number += 1
            address = f"p{self.number}@d{self.number}.example"
            threads.append(threading.Thread(target=self._post, args=(address,)))
            threads[-1].start()
        for thread in threads:
            thread.join()
        return list(self.posted)

    def _post(self, address: str) -> None:
        body = urllib.parse.urlencode({"address": address, "notice": str(self.notice_id)})
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.posted[address] = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("POST", "/s/bench", body, headers)
        status = connection.getresponse().status
        if status != http.client.SEE_OTHER:
            raise SystemExit(f"a sign-up was answered with {status}")

    def measure(self, count: int) -> dict[str, float]:
        """Latencies in seconds, CPU in ms a mail of the worker and of PostgreSQL."""
        before = cpu_seconds(self.worker.pid), cpu_seconds(self.at.postmaster)
        addresses = self.sign_up(count)
        end = time.monotonic() + 60
        while any(address not in self.server.taken for address in addresses):
            if time.monotonic() > end:
                missing = sum(address not in self.server.taken for address in addresses)
                raise SystemExit(f"{missing} of {count} confirmation mails did not come")
            time.sleep(0.01)
        after = cpu_seconds(self.worker.pid), cpu_seconds(self.at.postmaster)
        took = sorted(self.server.taken[one] - self.posted[one] for one in addresses)
        cuts = statistics.quantiles(took, n=100)
        return {
            "p50": round(cuts[49], 3),
            "p99": round(cuts[98], 3),
            "worker_ms": round(1000 * (after[0] - before[0]) / count, 1),
            "postgresql_ms": round(1000 * (after[1] - before[1]) / count, 1),
        }

    @contextmanager
    def campaigns(self, sink: Sink, rate: int) -> Iterator[None]:
        """Two campaigns, each with a worker of its own, while the context is open."""
        campaigns = [self.at.campaign() for _ in range(2)]
        for campaign_id in campaigns:
            self.at.launch(campaign_id)
        env = {"LISTMGR_SMTP_URL": f"smtp://127.0.0.1:{sink.port}", "LISTMGR_SEND_SLOTS": "1"}
        workers = [
            self._start("listmgr", "worker", "--queues=send", LISTMGR_SEND_RATE=str(rate), **env)
            for _ in range(2)
        ]
        for campaign_id in campaigns:
            self.at.ring(campaign_id)
        sink.wait(sink.mails + 200, seconds=60)
        try:
            yield
        finally:
            for campaign_id in campaigns:
                # On a fast machine it may have ended.
                with suppress(Refused):
                    self.at.cancel(campaign_id)
            for process in workers:
                process.terminate()
                process.wait()


def judge(results: dict[str, dict[str, float]]) -> dict[str, dict[str, float | bool]]:
    """Each target, what was measured, and whether it is met."""
    measured = {
        f"p99 {name}, s": (results[name]["p99"], most) for name, most in MOST_SECONDS.items()
    }
    cpu = results[ALONE]["worker_ms"] + results[ALONE]["postgresql_ms"]
    measured["CPU a mail, ms"] = (round(cpu, 1), MOST_CPU_MS)
    return {
        name: {"target": most, "measured": value, "met": value <= most}
        for name, (value, most) in measured.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="under 40 seconds")
    quick = parser.parse_args().quick
    count, people = (50, 60_000) if quick else (600, 400_000)
    told: dict[str, dict[str, float]] = {}
    with place() as (at, start_sink), ExitStack() as stack:
        at.crowd(people)
        sink = start_sink()
        confirming = Confirming(at, stack)
        confirming.measure(5)
        told[ALONE] = confirming.measure(count)
        for name, rate in ((BESIDE_500, 500), (BESIDE_FULL, 0)):
            with confirming.campaigns(sink, rate):
                begun, had = time.monotonic(), sink.mails
                told[name] = confirming.measure(count)
                told[name]["campaign_mails_a_second"] = round(
                    (sink.mails - had) / (time.monotonic() - begun)
                )
    for name, found in told.items():
        print(f"{name:28}" + "  ".join(f"{key} {value}" for key, value in found.items()))
    targets = judge(told)
    print(json.dumps({"load": os.getloadavg()[0], "confirmation": told, "targets": targets}))
    if not all(target["met"] for target in targets.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
