"""What a consent and its ledger refer to is there, and stays: the database itself sees to it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from psycopg.errors import ForeignKeyViolation
from sqlalchemy.exc import IntegrityError

from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_list,
    make_subscriber,
)

_CONSENT = (
    "INSERT INTO consents (subscriber_id, list_id, purpose_id, status, version, notice_id,"
    " notice_version, language, source, captured_at)"
    " SELECT {who}, p.list_id, p.id, 'captured', 1, n.id, n.version, 'de', 'form', now()"
    " FROM notices n JOIN purposes p ON {fits} WHERE n.id = :notice"
)
_EVENT = (
    "INSERT INTO consent_events (consent_id, seq, action, status, at, actor, facts, commitment,"
    " previous, hash) SELECT 4711, 1, 'capture', 'captured', now(), 'system', '{{}}', z, z, z"
    " FROM decode(repeat('00', 32), 'hex') z"
)
_MADE_UP = {
    "a subscriber nobody knows": _CONSENT.format(who="4711", fits="p.id = n.purpose_id"),
    "the words of another purpose": _CONSENT.format(who=":who", fits="p.id <> n.purpose_id"),
    "words of another version": _CONSENT.format(who=":who", fits="p.id = n.purpose_id").replace(
        "n.version", "n.version + 1"
    ),
    "an event of no consent": _EVENT.format(),
}


@pytest.fixture
def told(uow) -> dict[str, int]:
    with uow() as tx:
        notice = make_list(tx)[2]
        make_list(tx, "another")
        consent = make_confirmed(tx, "anna@example.org", notice, NOW)
        other = make_subscriber(tx, "bert@example.org", NOW)
        return {
            "notice": notice.id,
            "who": other.id,
            "consent": consent.id,
            "subscriber": consent.subscriber_id,
        }


def refused(engine: sa.Engine, statement: str, told: dict[str, int], *, bulk: str = "off") -> None:
    with engine.connect() as connection, connection.begin():
        connection.execute(sa.text(f"SET LOCAL listmgr.bulk = '{bulk}'"))
        with pytest.raises(IntegrityError) as raised:
            connection.execute(
                sa.text(statement),
                {name: value for name, value in told.items() if f":{name}" in statement},
            )
    assert isinstance(raised.value.orig, ForeignKeyViolation)


@pytest.mark.parametrize("bulk", ["off", "on"])
@pytest.mark.parametrize("what", _MADE_UP)
def test_nothing_refers_to(superuser, told, what, bulk):
    refused(superuser, _MADE_UP[what], told, bulk=bulk)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM notices WHERE id = :notice",
        "DELETE FROM subscribers WHERE id = :subscriber",
        "DELETE FROM consents WHERE id = :consent",
    ],
)
def test_what_is_referred_to_stays(superuser, told, statement):
    refused(superuser, statement, told)
    with superuser.connect() as connection:
        left = connection.scalar(
            sa.text(
                "SELECT count(*) FROM consents c JOIN subscribers s ON s.id = c.subscriber_id"
                " JOIN notices n ON n.id = c.notice_id WHERE c.id = :consent"
            ),
            {"consent": told["consent"]},
        )
    assert left == 1
