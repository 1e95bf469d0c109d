"""nginx in front, with the very configuration that docs/operating.md shows."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from listmgr.consent.models import ServiceMail, ServiceMailStatus
from listmgr.kit.clock import now
from listmgr.kit.tokens import TokenPurpose, make_token, token_hash
from listmgr.runtime.ports import free_port
from listmgr.schema import resource
from tests.factories import make_list, make_pending
from tests.runtime.conftest import HOST, wait_until

BINARY = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
pytestmark = pytest.mark.skipif(
    BINARY is None, reason="no nginx; install it with: apt-get install nginx-light"
)
# An address that no other request of a test comes from.
VISITOR = "127.0.0.9"
# As Debian has it, which compresses and logs everything.
AROUND = """
daemon off; pid nginx.pid; error_log error.log; {user}
events {{ }}
http {{
  access_log access.log; gzip on; gzip_proxied any;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  scgi_temp_path scgi; uwsgi_temp_path uwsgi;
  include listmgr.conf;
}}
"""


def documented(folder: Path, replaced: dict[str, str]) -> str:
    """The configuration of the documents, with ports and files of the test."""
    text = (resource("templates").parent / "docs/operating.md").read_text()
    [config] = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    config = re.sub(r"(?m)^ *listen \[::\].*\n", "", config)
    replaced |= {
        f"/etc/letsencrypt/live/{HOST}": str(folder),
        "/var/log/nginx": str(folder),
    }
    for old, new in replaced.items():
        assert old in config
        config = config.replace(old, new)
    return str(config)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("certificate")
    request = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2"
    names = f"-subj /CN={HOST} -addext subjectAltName=DNS:{HOST}"
    files = ["-keyout", folder / "privkey.pem", "-out", folder / "fullchain.pem"]
    subprocess.run([*f"{request} {names}".split(), *files], check=True, capture_output=True)
    return folder


@dataclass(frozen=True)
class Proxy:
    """nginx in front of a port."""

    folder: Path
    plain: int
    secure: int

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """The answer over TLS, as a browser at VISITOR gets it."""
        context = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        with socket.create_connection(
            ("127.0.0.1", self.secure), 20, source_address=(VISITOR, 0)
        ) as tcp:
            connection = http.client.HTTPConnection(HOST)
            connection.sock = context.wrap_socket(tcp, server_hostname=HOST)
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            try:
                connection.request(method, path, body, names)
                answer = connection.getresponse()
                return answer, answer.read()
            finally:
                connection.close()

    def logged(self) -> str:
        """Everything in its logs."""
        return "\n".join(path.read_text() for path in sorted(self.folder.glob("*.log")))


@pytest.fixture
def nginx(certificate: Path, tmp_path: Path) -> Callable:
    @contextmanager
    def start(upstream: int) -> Iterator[Proxy]:
        folder = tmp_path / "nginx"
        shutil.copytree(certificate, folder)
        proxy = Proxy(folder, free_port(), free_port())
        config = documented(
            folder,
            {
                "server 127.0.0.1:8080;": f"server 127.0.0.1:{upstream};",
                "listen 80;": f"listen 127.0.0.1:{proxy.plain};",
                "listen 443 ssl": f"listen 127.0.0.1:{proxy.secure} ssl",
            },
        )
        (folder / "listmgr.conf").write_text(config)
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(AROUND.format(user=user))
        argv = [str(BINARY), "-p", folder, "-c", "nginx.conf", "-e", "error.log"]
        process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def listens() -> bool:
            assert process.poll() is None, proxy.logged()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", proxy.secure)) == 0

        try:
            wait_until(listens)
            yield proxy
        finally:
            process.terminate()
            process.wait(20)

    return start


@pytest.fixture
def site_environment() -> dict[str, str]:
    return {"LISTMGR_TRUSTED_PROXIES": "1"}


@pytest.fixture
def token(uow, settings) -> str:
    """Of the link in a confirmation mail."""
    with uow() as tx:
        _, _, notice = make_list(tx)
        make_pending(tx, "anna@example.org", notice, now())
        tx.session.flush()
        mail = tx.session.scalars(sa.select(ServiceMail)).one()
        made = make_token(settings.secret_keys, TokenPurpose.CONFIRM, mail.id)
        mail.token_hash, mail.status, mail.sent_at = token_hash(made), ServiceMailStatus.SENT, now()
    return made


def test_d14_a_link_goes_through_nginx_and_into_no_log(site, nginx, token, session):
    with nginx(site) as proxy:
        spoofed = {"X_Forwarded_For": "203.0.113.7", "User_Agent": "Mozilla/9", "Referer": "x.y"}
        answer, _ = proxy.ask("GET", f"/c/{token}?lang=de", **spoofed)
        assert answer.status == 200
        answer, _ = proxy.ask("POST", f"/c/{token}", b"", **spoofed)
        assert answer.status == 200
        proxy.ask("GET", "/studio/subscribers?q=anna@example.org")
        logged = proxy.logged()
    assert '"GET /c/-" 200' in logged
    assert '"POST /c/-" 200' in logged
    assert '"GET /studio/subscribers" 303' in logged
    for secret in (token, "anna", "lang=", VISITOR, "203.0.113.7", "Mozilla", "x.y"):
        assert secret not in logged
    facts = session.execute(
        sa.text("SELECT facts FROM consent_events WHERE action = 'confirm'")
    ).scalar_one()
    evidence = session.execute(sa.text("SELECT content FROM consent_evidence")).scalars().all()
    told = f"{facts} {evidence}"
    assert VISITOR in told
    assert "203.0.113.7" not in told


def test_d14_headers_pass_nginx_as_listmgr_sets_them(site, nginx):
    with nginx(site) as proxy:
        accepts = {"Accept_Encoding": "gzip", "Sec_Fetch_Site": "cross-site"}
        answer, body = proxy.ask("GET", "/studio/sign-in", **accepts)
        assert answer.status == 200
        for name, value in {
            "Strict-Transport-Security": "max-age=31536000",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Server": "listmgr",
            "Content-Encoding": None,
        }.items():
            assert answer.headers.get_all(name) == (None if value is None else [value])
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Set-Cookie"].startswith("__Host-listmgr_session=")
        [style] = re.findall(r'"(/static/studio.css[^"]+)"', body.decode())
        file, _ = proxy.ask("GET", style, Accept_Encoding="gzip")
        assert file.headers["Content-Encoding"] == "gzip"
        assert "immutable" in file.headers["Cache-Control"]
        plain = http.client.HTTPConnection("127.0.0.1", proxy.plain, timeout=20)
        plain.request("GET", "/u/secret", headers={"Host": HOST})
        moved = plain.getresponse()
        assert (moved.status, moved.headers["Location"]) == (301, f"https://{HOST}/u/secret")
        plain.close()
        assert "secret" not in proxy.logged()


def test_d14_what_goes_wrong_behind_nginx_names_nobody(nginx):
    large = b"x" * 4_000_000
    with nginx(free_port()) as proxy:
        codes = [
            proxy.ask("GET", "/c/secret")[0].status,
            proxy.ask("POST", "/s/secret", large)[0].status,
            proxy.ask("POST", "/studio/imports", large)[0].status,
        ]
        logged = proxy.logged()
    assert codes == [502, 413, 502]
    assert '"GET /c/-" 502' in logged
    assert "/c/secret" not in logged
    assert VISITOR not in logged
