"""Requests for the public pages, and the people whose links they carry.

Not a benchmark itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sqlalchemy.orm import Session  # noqa: E402

from listmgr.campaigns import compose  # noqa: E402
from listmgr.config import Settings  # noqa: E402
from listmgr.consent.models import ServiceMail, ServiceMailStatus  # noqa: E402
from listmgr.kit.clock import now  # noqa: E402
from listmgr.kit.tokens import TokenPurpose, make_token, token_hash  # noqa: E402
from listmgr.kit.transaction import transaction  # noqa: E402
from listmgr.lists.signup_forms import FormWords, create_form  # noqa: E402
from tests.factories import make_confirmed, make_list, make_pending  # noqa: E402

HOST = "news.example.org"
# What lets a benchmark sign up as many people from one network as it likes.
ENVIRONMENT = {
    "LISTMGR_BASE_URL": f"https://{HOST}",
    "LISTMGR_DNS_SERVERS": "off",
    "LISTMGR_SIGNUP_MIN_SECONDS": "0",
    "LISTMGR_SIGNUPS_PER_HOUR": "1000000",
    "LISTMGR_DOMAIN_PER_HOUR": "1000000",
    "LISTMGR_CONFIRMATIONS_PER_HOUR": "1000000",
}


@dataclass(slots=True)
class Page:
    """Requests of a kind, and the milliseconds of CPU each round of them took a request."""

    method: str
    requests: Iterator[bytes]
    status: bytes = b" 200 "
    web: list[float] = field(default_factory=list)
    database: list[float] = field(default_factory=list)


def said(method: str, path: str, body: str = "") -> bytes:
    """A request as a browser sends it."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {HOST}",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language: de,en-US;q=0.7,en;q=0.3",
        "Accept-Encoding: gzip, deflate, br",
    ]
    if method == "POST":
        lines += ["Content-Type: application/x-www-form-urlencoded", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", body]).encode()


def people(settings: Settings, engine: sa.Engine, count: int) -> dict[str, Page]:
    """As many people as there will be requests, and the pages they open."""
    keys = settings.secret_keys
    with transaction(lambda: Session(engine), settings, lambda _jobs: None) as tx:
        _, purpose, notice = make_list(tx, "pages")
        form = create_form(
            tx, FormWords("Post", "Mail"), slug="mail", purpose_ids=[purpose.id], at=now()
        )
        draft = compose.Draft("Mai", purpose.id, "Neues", body="Guten Tag!")
        campaign = compose.create(tx, draft, operator_id=None, at=now()).id
        confirmed = [make_confirmed(tx, f"c{n}@c.example", notice, now()) for n in range(2 * count)]
        for n in range(count):
            make_pending(tx, f"p{n}@p.example", notice, now())
        tx.session.flush()
        pending = []
        waiting = tx.session.scalars(
            sa.select(ServiceMail).order_by(ServiceMail.id.desc()).limit(count)
        )
        for service_mail in waiting:
            pending.append(make_token(keys, TokenPurpose.CONFIRM, service_mail.id))
            service_mail.token_hash = token_hash(pending[-1])
            service_mail.status, service_mail.sent_at = ServiceMailStatus.SENT, now()
        who = [(consent.subscriber_id, consent.id) for consent in confirmed]
        slug, notice_id = form.slug, notice.id

    def unsubscribe(subscriber: int) -> str:
        return "/u/" + make_token(keys, TokenPurpose.UNSUBSCRIBE, campaign, subscriber)

    def preferences(subscriber: int) -> str:
        return "/p/" + make_token(keys, TokenPurpose.PREFERENCES, subscriber)

    one_click, by_page = who[:count], who[count:]
    gets = {
        "form": f"/s/{slug}",
        "confirm": f"/c/{pending[0]}",
        "unsubscribe": unsubscribe(by_page[0][0]),
        "preferences": preferences(by_page[0][0]),
    }
    return {
        f"GET {name}": Page("GET", iter([said("GET", path)] * count)) for name, path in gets.items()
    } | {
        "POST sign-up": Page(
            "POST",
            (
                said("POST", f"/s/{slug}", f"address=s{n}%40s{n}.example&notice={notice_id}")
                for n in range(count)
            ),
            b" 303 ",
        ),
        "POST confirm": Page("POST", (said("POST", f"/c/{token}") for token in pending[1:])),
        "POST one-click": Page(
            "POST",
            (
                said("POST", unsubscribe(subscriber), "List-Unsubscribe=One-Click")
                for subscriber, _ in one_click
            ),
        ),
        "POST preferences": Page(
            "POST",
            (
                said("POST", preferences(subscriber), f"leave={consent}")
                for subscriber, consent in by_page[1:]
            ),
        ),
    }
