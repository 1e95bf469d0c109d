"""Play the whole story over HTTP and SMTP and report what happened: `listmgr demo --check`."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis
import sqlalchemy as sa
from sqlalchemy.orm import Session

from listmgr.campaigns import compose, control
from listmgr.campaigns.models import Campaign, CampaignStatus
from listmgr.config import Settings, load_settings
from listmgr.delivery.launch import launch
from listmgr.delivery.reports.progress import progress
from listmgr.delivery.sweep import enqueue_campaign
from listmgr.kit.clock import now
from listmgr.kit.queue import enqueue
from listmgr.kit.transaction import Transaction, transaction
from listmgr.lists.models import Notice, SignupForm
from listmgr.schema import resource

VISITORS = 12
SILENT = 2
# So long may pass without a step: a busy machine is slow, but it moves.
PATIENCE = 120.0


class StoryStopped(Exception):
    """The story could not continue; the message says where. `lines` are the results until then."""

    def __init__(self, message: str, lines: Sequence[Line]) -> None:
        super().__init__(message)
        self.lines = lines


class _Stuck(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Line:
    """One checked result."""

    what: str
    expected: int
    seen: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether it was as expected."""
        return self.expected == self.seen


def table(lines: Sequence[Line]) -> str:
    """Return the lines as a table."""
    head = f"  {'':<44} {'expected':>9} {'seen':>7} {'seconds':>8}"
    rows = [
        f"  {line.what:<44} {line.expected:>9} {line.seen:>7} {line.seconds:>8.1f}"
        f"  {'ok' if line.ok else 'NO'}"
        for line in lines
    ]
    return "\n".join([head, *rows])


class _Stage:
    """What the story uses: the site, the mailbox, and the database for verification."""

    def __init__(self, env: Mapping[str, str], mailbox: str) -> None:
        self.settings: Settings = load_settings(env)
        self.mailbox = mailbox
        self.engine = sa.create_engine(self.settings.database_url)
        self.queue = redis.Redis.from_url(self.settings.redis_url)
        self.people = [f"gast{number}@besuch.example" for number in range(VISITORS)]
        self.lines: list[Line] = []
        self.begun = time.monotonic()

    def act(self, work: Callable[[Transaction], Any]) -> Any:  # noqa: ANN401
        """Run one unit of work."""
        with transaction(
            lambda: Session(self.engine, expire_on_commit=False),
            self.settings,
            lambda jobs: enqueue(self.queue, jobs),
        ) as tx:
            return work(tx)

    def tell(self, what: str, expected: int, seen: int) -> None:
        """Record a result."""
        self.lines.append(Line(what, expected, seen, time.monotonic() - self.begun))

    def mails(self, to: str = "") -> list[dict[str, Any]]:
        """Return the mails in the mailbox."""
        listing = fetch(f"{self.mailbox}/api/messages?to={urllib.parse.quote(to)}")
        return list(json.loads(listing))

    def link(self, to: str, door: str) -> str:
        """Return the newest link of a kind sent to somebody."""
        for mail in self.mails(to):
            source = fetch(f"{self.mailbox}/mail/{mail['id']}/raw").replace("=\r\n", "")
            match = re.search(rf"{re.escape(self.settings.base_url)}/{door}/[\w.-]+", source)
            if match:
                return match[0]
        return ""


def fetch(url: str, fields: Mapping[str, str] | None = None) -> str:
    """GET, or POST with fields; an error page is an answer too. Raises OSError without one."""
    data = urllib.parse.urlencode(fields).encode() if fields is not None else None
    try:
        with urllib.request.urlopen(url, data, timeout=PATIENCE) as answer:  # noqa: S310 - our own pages
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def wait_for(what: str, done: Callable[[], bool], moves: Callable[[], object]) -> None:
    """Wait until it is done. Raises _Stuck if nothing has moved for too long."""
    last, end = object(), 0.0
    while not done():
        seen = moves()
        if seen != last:
            last, end = seen, time.monotonic() + PATIENCE
        elif time.monotonic() > end:
            raise _Stuck(f"“{what}”: nothing has moved for {PATIENCE:.0f} seconds.")
        time.sleep(0.1)


def play(env: Mapping[str, str], mailbox: str) -> list[Line]:
    """Sign up, confirm, mail, withdraw during the campaign; every line must be as expected.

    Raises StoryStopped if a part of the installation does not continue or does not answer.
    """
    stage = _Stage(env, mailbox)
    try:
        over = lambda: not stage.act(_running)  # noqa: E731
        wait_for("mailed by the demo's own campaign", over, lambda: len(stage.mails()))
        _sign_up(stage)
        _confirm(stage)
        _campaign(stage)
        _behind_the_scene(stage)
    except (_Stuck, OSError, sa.exc.OperationalError) as error:
        raise StoryStopped(str(error).splitlines()[0], stage.lines) from None
    finally:
        stage.engine.dispose()
    return stage.lines


def _running(tx: Transaction) -> bool:
    status = sa.select(Campaign.id).where(Campaign.status == CampaignStatus.RUNNING)
    return tx.session.scalars(status).first() is not None


def _form(tx: Transaction) -> tuple[str, Notice]:
    form = tx.session.scalars(sa.select(SignupForm).order_by(SignupForm.id).limit(1)).one()
    notice = tx.session.scalars(
        sa.select(Notice).where(Notice.purpose_id == form.purposes[-1].id, Notice.language == "de")
    ).one()
    return form.slug, notice


def _sign_up(stage: _Stage) -> None:
    slug, notice = stage.act(_form)
    form = stage.settings.link(f"s/{slug}?lang=de")
    opened = re.search(r'name="began" value="([^"]+)"', fetch(form))
    # A form that is sent faster than a person can fill it in asks for a second press.
    time.sleep(stage.settings.signup_min_seconds + 0.1)
    for person in stage.people:
        fetch(
            form,
            {
                "address": person,
                "first_name": "Gast",
                "notice": str(notice.id),
                "comment": "",
                "began": opened[1] if opened else "",
            },
        )

    def asked() -> int:
        return sum(map(bool, map(stage.mails, stage.people)))

    wait_for("signed up and asked by mail", lambda: asked() == VISITORS, asked)
    stage.tell("signed up and asked by mail", VISITORS, asked())


def _confirm(stage: _Stage) -> None:
    links = [stage.link(person, "c") for person in stage.people]
    for link in links:
        fetch(link)
    stage.tell(
        "confirmed by opening the link alone", 0, stage.act(lambda tx: _confirmed(tx, stage))
    )
    for link in links[SILENT:]:
        fetch(link, {})
    stage.tell(
        "confirmed by pressing the button",
        VISITORS - SILENT,
        stage.act(lambda tx: _confirmed(tx, stage)),
    )


_CONFIRMED = sa.text(
    "SELECT count(*) FROM consents c JOIN subscribers s ON s.id = c.subscriber_id"
    " WHERE c.status = 'confirmed' AND s.address = ANY(:people)"
)


def _confirmed(tx: Transaction, stage: _Stage) -> int:
    return int(tx.session.execute(_CONFIRMED, {"people": stage.people}).scalar_one())


def _campaign(stage: _Stage) -> None:
    """Run the campaign, during which the last of the confirmed people unsubscribes by one-click."""
    _slug, notice = stage.act(_form)
    first = stage.act(lambda tx: _launch(tx, notice, "Erste Post"))
    _wait_for_the_end(stage, first)
    stage.tell("mailed by the first campaign", VISITORS - SILENT, _mailed(stage, "Erste Post"))
    leaver, quitter = stage.people[-1], stage.people[-2]
    one_click = {"List-Unsubscribe": "One-Click"}
    fetch(stage.link(leaver, "u"), one_click)
    # However fast this machine is, the withdrawal must fall into the campaign that runs.
    second = stage.act(lambda tx: control.pause(tx, _launch(tx, notice, "Zweite Post")).id)
    fetch(stage.link(quitter, "u"), one_click)
    stage.act(lambda tx: enqueue_campaign(tx, control.resume(tx, second).id))
    _wait_for_the_end(stage, second)
    seen = _mailed(stage, "Zweite Post")
    stage.tell("mailed by the second campaign", VISITORS - SILENT - 2, seen)
    seen = _got(stage, "Zweite Post", [leaver, quitter])
    stage.tell("withdrawn before or during it, and mailed", 0, seen)
    done = stage.act(lambda tx: progress(tx.session, second))
    stage.tell("failed or uncertain", 0, done.failed + done.uncertain)


def _launch(tx: Transaction, notice: Notice, subject: str) -> int:
    draft = compose.Draft(subject, notice.purpose_id, subject, body="Hallo {{ first_name }}!")
    campaign = compose.create(tx, draft, operator_id=None, at=now())
    launch(tx, campaign.id, templates=resource("templates"), at=now())
    enqueue_campaign(tx, campaign.id)
    return campaign.id


def _wait_for_the_end(stage: _Stage, campaign_id: int) -> None:
    def status(tx: Transaction) -> CampaignStatus:
        return tx.session.get_one(Campaign, campaign_id).status

    def finished() -> bool:
        return stage.act(status) is CampaignStatus.FINISHED

    wait_for("mailed by a campaign", finished, lambda: len(stage.mails()))


def _mailed(stage: _Stage, subject: str) -> int:
    return _got(stage, subject, stage.people)


def _got(stage: _Stage, subject: str, people: Sequence[str]) -> int:
    return sum(any(mail["subject"] == subject for mail in stage.mails(person)) for person in people)


def _behind_the_scene(stage: _Stage) -> None:
    without = sa.text(
        "SELECT count(*) FROM deliveries d WHERE NOT EXISTS (SELECT FROM consent_events e"
        " WHERE e.consent_id = d.consent_id AND e.status = 'confirmed' AND e.at <= d.begun_at)"
    )
    stage.tell(
        "mailed without consent", 0, stage.act(lambda tx: int(tx.session.scalar(without) or 0))
    )
