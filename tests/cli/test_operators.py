"""D7: the first administrator and a lost password need no other administrator."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from listmgr.cli import main
from listmgr.operators.accounts import disable
from listmgr.operators.models import Operator
from tests.conftest import ANCHOR_KEY, SECRET_KEY, SUPPRESSION_KEY

BASE = "https://news.example.org"


@pytest.fixture
def run(engine, settings, monkeypatch: pytest.MonkeyPatch):
    for name, value in {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "LISTMGR_DATA_DIR": str(settings.data_dir),
        "LISTMGR_BASE_URL": settings.base_url,
        "LISTMGR_SECRET_KEY": SECRET_KEY,
        "LISTMGR_SUPPRESSION_KEY": SUPPRESSION_KEY,
        "LISTMGR_ANCHOR_KEY": ANCHOR_KEY,
    }.items():
        monkeypatch.setenv(name, value)

    def run_one(*argv: str) -> Result:
        return CliRunner().invoke(main, ["operators", *argv])

    return run_one


def enter(app, answer: Result) -> int:
    """Open the printed link in a browser that has never been here; the status of the overview."""
    assert answer.exit_code == 0, answer.output
    link = answer.output.splitlines()[0]
    assert link.startswith(f"{BASE}/studio/sign-in/")
    browser = app.test_client()
    page = browser.get(urlsplit(link).path, base_url=BASE)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    if page.status_code == 200 and token:
        browser.post(urlsplit(link).path, data={"csrf_token": token[1]}, base_url=BASE)
    return browser.get("/studio/operators", base_url=BASE).status_code


def actions(session) -> list[tuple[str, int | None]]:
    rows = session.execute(
        sa.text("SELECT action, operator_id FROM audit_entries WHERE subject = 'operator'")
    )
    return [(action, by) for action, by in rows if action.startswith("operator.")]


def test_d07_the_first_administrator_is_made_by_a_command(run, app, session):
    answer = run("create", "Ada@Example.org", "--role", "administrator", "--name", "Ada")
    assert enter(app, answer) == 200
    made = session.scalars(sa.select(Operator)).one()
    assert (made.email, made.name) == ("ada@example.org", "Ada")
    assert actions(session) == [("operator.created", None)]
    # The link is used up.
    assert enter(app, answer) == 303


def test_d07_a_lost_password_costs_a_link(run, app, session, uow):
    run("create", "ada@example.org", "--role", "administrator")
    answer = run("sign-in-link", "ADA@example.org")
    assert enter(app, answer) == 200
    assert ("operator.link_created", None) in actions(session)
    unknown = run("sign-in-link", "bob@example.org")
    assert unknown.exit_code == 1
    assert "There is no account for bob@example.org" in unknown.output
    run("create", "bob@example.org", "--role", "administrator")
    with uow() as tx:
        bob = tx.session.scalars(sa.select(Operator.id).where(Operator.name == "bob@example.org"))
        disable(tx, bob.one(), at=sa.func.now())
    closed = run("sign-in-link", "bob@example.org")
    assert closed.exit_code == 1
    assert "closed" in closed.output


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("nobody", "--role", "administrator"), "address"),
        (("a@example.org", "--role", "king"), "king"),
        (("a@example.org",), "--role"),
    ],
)
def test_d07_what_is_wrong_is_told_in_a_sentence(run, session, argv, told):
    answer = run("create", *argv)
    assert answer.exit_code != 0
    assert told in answer.output
    assert "Traceback" not in answer.output
    assert session.scalars(sa.select(Operator)).all() == []


def test_d07_an_account_is_made_once(run, session):
    run("create", "ada@example.org", "--role", "administrator")
    answer = run("create", "ada@example.org", "--role", "auditor")
    assert (answer.exit_code, answer.output) == (
        1,
        "Error: There is an account with this address.\n",
    )
