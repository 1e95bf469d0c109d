"""A Postfix of the test's own: its own configuration, queue and port, and one mailbox for all."""

from __future__ import annotations

import os
import pwd
import shutil
import socketserver
import subprocess
import tempfile
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from listmgr.config import MailSettings
from tests.ports import kept_port

INSTALL = "install it with: apt-get install postfix (and run the tests as root)"
needs_postfix = pytest.mark.skipif(
    shutil.which("postfix") is None or os.geteuid() != 0, reason=f"no Postfix; {INSTALL}"
)

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
mail_owner = postfix
setgid_group = postdrop
maillog_file = /var/log/{name}.log
myhostname = postfix.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_forbid_bare_newline = yes
smtpd_client_connection_count_limit = 0
virtual_mailbox_domains = static:all
virtual_mailbox_maps = static:all/
virtual_mailbox_base = {folder}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_recipient_restrictions =
    check_recipient_access inline:{{
        {{ unknown@b.example = 550 5.1.1 nobody here of that name }}
        {{ later@b.example = 450 4.2.0 try again in a while }} }},
    permit_mynetworks, reject
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/server.pem
smtpd_tls_key_file = {folder}/server.key
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_tls_auth_only = yes
smtpd_tls_received_header = yes
{more}
"""
MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
proxymap  unix  - - n - - proxymap
virtual   unix  - n n - - virtual
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
anvil     unix  - - n - 1 anvil
postlog   unix-dgram n - n - 1 postlogd
"""


@dataclass
class Postfix:
    """Where it listens, and what has reached its mailbox."""

    folder: Path
    port: int
    signed_in: list[str] = field(default_factory=list)

    @property
    def account(self) -> MailSettings:
        return MailSettings("127.0.0.1", self.port, sender="lists@news.example.org", timeout=20.0)

    @property
    def authority(self) -> str:
        """The file of the authority that vouches for its certificate."""
        return str(self.folder / "authority.pem")

    def mails(self, count: int, *, seconds: float = 30) -> list[bytes]:
        """What has been delivered, once that is so many mails, or after that long."""
        end = time.monotonic() + seconds
        while len(found := list((self.folder / "mail/all/new").glob("*"))) < count:
            if time.monotonic() > end:
                break
            time.sleep(0.05)
        return [path.read_bytes() for path in found]


class _SignIn(socketserver.StreamRequestHandler):
    """The sign-in that Postfix asks, as Dovecot speaks it: one name, one password."""

    def handle(self) -> None:
        self.wfile.write(
            b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t1\nCUID\t1\n"
            b"COOKIE\t00112233445566778899aabbccddeeff\nDONE\n"
        )
        for line in self.rfile:
            word, *rest = line.decode().rstrip("\n").split("\t")
            if word != "AUTH":
                continue
            told = next(part for part in rest if part.startswith("resp="))[5:]
            _, user, password = b64decode(told).decode().split("\0")
            good = (user, password) == ("listmgr", "right")
            if good:
                self.server.signed_in.append(user)  # type: ignore[attr-defined]
            self.wfile.write(f"{'OK' if good else 'FAIL'}\t{rest[0]}\tuser={user}\n".encode())


@contextmanager
def _sign_in(folder: Path, signed_in: list[str]) -> Iterator[None]:
    server = socketserver.ThreadingUnixStreamServer(str(folder / "auth"), _SignIn)
    server.daemon_threads = True
    server.signed_in = signed_in  # type: ignore[attr-defined]
    (folder / "auth").chmod(0o666)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def _certificates(folder: Path) -> None:
    """An authority of the test's own and a certificate for 127.0.0.1."""

    def openssl(*argv: str) -> None:
        subprocess.run(["openssl", *argv], check=True, capture_output=True, cwd=folder)

    made = ("-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2")
    openssl(
        *("req", *made, "-keyout", "authority.key", "-out", "authority.pem"),
        *("-subj", "/CN=Test authority", "-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    openssl(
        *("req", *made, "-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=postfix"),
        *("-CA", "authority.pem", "-CAkey", "authority.key"),
        *("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"),
    )


@contextmanager
def running_postfix(**settings: str) -> Iterator[Postfix]:
    """Start it; `settings` are further lines of its main.cf."""
    owner = pwd.getpwnam("postfix")
    with tempfile.TemporaryDirectory(prefix="listmgr-postfix-") as name, kept_port() as port:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("config", "queue", "data", "mail"):
            (folder / part).mkdir()
        for part in ("data", "mail"):
            os.chown(folder / part, owner.pw_uid, owner.pw_gid)
        _certificates(folder)
        found = Postfix(folder, port)
        more = "\n".join(f"{key} = {value}" for key, value in settings.items())
        told = {"name": folder.name, "uid": owner.pw_uid, "gid": owner.pw_gid, "more": more}
        (folder / "config/main.cf").write_text(MAIN.format(folder=folder, **told))
        (folder / "config/master.cf").write_text(MASTER.format(port=port))
        log = Path(f"/var/log/{folder.name}.log")
        command = ["postfix", "-c", str(folder / "config")]
        with _sign_in(folder, found.signed_in):
            _start(command, log)
            try:
                yield found
            finally:
                subprocess.run([*command, "stop"], check=False, capture_output=True)
                log.unlink(missing_ok=True)


def _start(command: list[str], log: Path) -> None:
    """Start it, or say why not: Postfix itself tells only its log."""
    ended = subprocess.run([*command, "start"], check=False, capture_output=True, text=True)
    if ended.returncode:
        told = log.read_text() if log.exists() else "it has written no log"
        log.unlink(missing_ok=True)
        raise AssertionError(f"Postfix did not start, {log} says: {ended.stderr}{told}")
