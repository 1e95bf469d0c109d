"""People are found by the address on their card, whole or its beginning, by an index."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from listmgr.cards import search
from listmgr.cards.search import find_by_address
from tests.cards.corrections import (
    kept,
    typed,
)


@pytest.fixture
def people(uow, ada) -> None:
    with uow() as tx:
        kept(tx, ada.id, "ida@theater.example")
        typed(tx, ada.id, "ida@theater.example", occasion="Premiere")
        kept(tx, ada.id, "Jörg@Bücher.example")
        typed(tx, ada.id, "")


@pytest.mark.parametrize(
    ("typed_in", "found"),
    [
        ("ida@theater.example", ["ida@theater.example"]),
        (" IDA@Theater.EXAMPLE ", ["ida@theater.example"]),
        ("ida@th", ["ida@theater.example"]),
        ("JÖRG", ["jörg@bücher.example"]),
        ("jörg@bücher.example", ["jörg@bücher.example"]),
        ("theater", []),
        ("id", []),
        ("", []),
        ("ida%", []),
        ("ida_theater", []),
        ("ida\x00@th", ["ida@theater.example"]),
    ],
)
def test_an_address_is_found_by_its_beginning(session, people, typed_in, found):
    assert [one.card.address.lower() for one in find_by_address(session, typed_in)] == found


def test_it_says_who_took_the_card_and_where(session, people):
    [one] = find_by_address(session, "ida@theater.example")
    assert [(t.operator, t.occasion) for t in one.takings] == [
        ("Ada", "Buchmesse"),
        ("Ada", "Premiere"),
    ]
    assert (one.subscriber_id, one.restricted_since) == (None, None)


def test_of_many_the_first_are_shown(uow, session, ada, monkeypatch):
    monkeypatch.setattr(search, "MOST", 3)
    with uow() as tx:
        for number in (4, 2, 0, 3, 1):
            typed(tx, ada.id, f"info@p{number}.example")
    found = [one.card.address for one in find_by_address(session, "info@")]
    assert found == ["info@p0.example", "info@p1.example", "info@p2.example"]


def test_an_index_leads_there_in_order(session, people):
    session.execute(sa.text("SET LOCAL enable_seqscan = off"))
    plan = session.scalars(
        sa.text(
            "EXPLAIN SELECT * FROM cards WHERE address_key ~>=~ 'ida@' AND address_key ~<~ 'idb'"
            " ORDER BY address_key USING ~<~ LIMIT 10"
        )
    ).all()
    assert "Index Scan using uq_cards_address_key" in "\n".join(plan)
    assert "Sort" not in "\n".join(plan)
