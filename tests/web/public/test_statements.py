"""What a press of a button costs the database: a read, a write, and the page's frame."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from listmgr.kit.clock import now
from listmgr.kit.tokens import TokenPurpose, make_token
from tests.factories import make_confirmed, make_list
from tests.web.public.conftest import (
    confirm_path,
    counted_statements,
    form_values,
    unsubscribe_path,
)


@pytest.fixture
def statements_of(app, client: FlaskClient):
    """Post to a page after looking at it; return the statements of the post."""

    def post(path: str, **values: object) -> list[object]:
        with counted_statements(app) as statements:
            # What a new connection asks is not the page's.
            assert client.get(path).status_code == 200
            statements.clear()
            assert client.post(path, data=values).status_code == 200
        return statements

    return post


def test_an_unsubscription_takes_three_statements(statements_of, campaign_mail):
    assert len(statements_of(unsubscribe_path(campaign_mail))) == 3


def test_a_confirmation_takes_three_statements(statements_of, client, notice, work, mailbox):
    client.post("/s/news?lang=de", data=form_values(notice))
    work()
    assert len(statements_of(confirm_path(mailbox.to("anna@example.com")[0]))) == 3


def test_leaving_one_subscription_takes_three_statements(statements_of, uow, notice, settings):
    with uow() as tx:
        consent = make_confirmed(tx, "anna@example.com", notice, now())
    token = make_token(settings.secret_keys, TokenPurpose.PREFERENCES, consent.subscriber_id)
    assert len(statements_of(f"/p/{token}", leave=consent.id)) == 3


def test_leaving_several_also_locks_them_in_order(statements_of, uow, notice, settings):
    with uow() as tx:
        consent = make_confirmed(tx, "anna@example.com", notice, now() - timedelta(days=2))
        make_confirmed(tx, "anna@example.com", make_list(tx, "events")[2], now())
    token = make_token(settings.secret_keys, TokenPurpose.PREFERENCES, consent.subscriber_id)
    assert len(statements_of(f"/p/{token}", everything=1)) == 4
