"""Programs hand in cards: keys, scopes, one card a key, problems, and no way to a consent."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from listmgr.api import authentication
from listmgr.cards.models import Card, CardStatus
from listmgr.cards.review import discard
from listmgr.consent.models import Consent
from listmgr.kit.clock import now
from listmgr.operators.accounts import disable
from listmgr.operators.api_keys import make_key, revoke_key
from listmgr.operators.models import ApiKey, AuditEntry
from listmgr.subscribers.models import Subscriber
from listmgr.suppression.models import SuppressionReason
from listmgr.suppression.register import suppress
from tests.cards.conftest import operator
from tests.factories import make_subscriber

BASE = "https://news.example.org"
CARD = {"address": "zoe@example.com", "first_name": "Zoë", "company": "Linde GmbH"}


@pytest.fixture
def ada(uow):
    return operator(uow, "ada")


def key_of(uow, who, *scopes: str) -> str:
    with uow() as tx:
        told = scopes or ("cards:write", "cards:read")
        return make_key(tx, who.id, name="CRM", scopes=told, at=now())[1]


@pytest.fixture
def key(uow, ada) -> str:
    return key_of(uow, ada)


def post(client, key: str, told: object = None, **headers: str):
    sent = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k1", **headers}
    return client.post("/api/v1/cards", json=told or CARD, headers=sent, base_url=BASE)


def get(client, key: str, path: str):
    return client.get(path, headers={"Authorization": f"Bearer {key}"}, base_url=BASE)


def problem(answer, status: int, kind: str) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert "Set-Cookie" not in answer.headers
    told = answer.get_json(force=True)
    assert told["type"] == f"urn:listmgr:problem:{kind}"
    assert told["status"] == status
    assert told["title"]
    return told


def test_a_card_lands_captured_in_the_inbox_of_the_keys_operator(client, key, ada, session):
    told = {**CARD, "occasion": "Messe", "said": "ruft an", "taken_at": "2026-05-04T10:30:00+02:00"}
    answer = post(client, key, told)
    assert answer.status_code == 201
    [card] = session.scalars(sa.select(Card))
    assert (card.status, card.address, card.first_name) == (
        CardStatus.CAPTURED,
        "zoe@example.com",
        "Zoë",
    )
    [taken] = card.captures
    assert (taken.operator_id, taken.said, taken.taken_at.isoformat()[:19]) == (
        ada.id,
        "ruft an",
        "2026-05-04T08:30:00",
    )
    shown = answer.get_json()
    assert shown["stage"] == "review"
    assert answer.headers["Location"] == f"{BASE}/api/v1/cards/{card.id}" == shown["url"]
    assert get(client, key, f"/api/v1/cards/{card.id}").get_json() == shown
    assert "zoe" not in str(shown)
    assert session.scalar(sa.select(sa.func.count()).select_from(Subscriber)) == 0
    [entry] = session.scalars(sa.select(AuditEntry))
    assert (entry.operator_id, entry.action, entry.details) == (
        ada.id,
        "card.captured",
        {"source": "api"},
    )


def test_the_same_key_again_is_the_same_card(client, key, session):
    first, second = post(client, key), post(client, key)
    assert first.get_json() == second.get_json()
    other = post(client, key, {**CARD, "address": "bo@example.com"}, **{"Idempotency-Key": "k2"})
    assert other.get_json()["id"] != first.get_json()["id"]
    assert session.scalar(sa.select(sa.func.count()).select_from(Card)) == 2


@pytest.mark.parametrize("address", ["secret.deal@kunde.example", "nobody@kunde.example"])
def test_s14_a_key_used_again_for_another_address_shows_no_card(client, key, uow, address):
    colleague = key_of(uow, operator(uow, "eve"))
    assert post(client, colleague, {"address": "secret.deal@kunde.example"}).status_code == 201
    assert post(client, key).status_code == 201
    told = problem(post(client, key, {**CARD, "address": address}), 422, "key_reused")
    assert "errors" not in told


def test_s14_the_same_key_again_is_the_card_it_was_added_to(client, key, session):
    first = post(client, key).get_json()
    again = {"Idempotency-Key": "k2"}
    assert post(client, key, **again).get_json()["id"] == first["id"]
    assert post(client, key, **again).get_json()["id"] == first["id"]
    assert session.scalar(sa.select(sa.func.count()).select_from(Card)) == 1


def test_s07_a_colleagues_card_of_the_same_person_is_another_one(client, key, uow):
    theirs = post(client, key_of(uow, operator(uow, "eve"))).get_json()["id"]
    mine = post(client, key, {"address": CARD["address"]}).get_json()
    assert mine["id"] != theirs
    problem(get(client, key, f"/api/v1/cards/{theirs}"), 404, "not_found")


def test_a_key_whose_card_was_discarded_makes_no_second_one(client, key, uow, session):
    card_id = post(client, key).get_json()["id"]
    with uow() as tx:
        discard(tx, card_id, None, at=now())
    problem(post(client, key), 410, "gone")
    assert session.scalar(sa.select(sa.func.count()).select_from(Card)) == 0


@pytest.mark.parametrize("field", ["opt_in", "consent", "status", "confirmed_at", "list_id"])
def test_l26_no_field_of_a_program_makes_a_consent(client, key, session, field):
    told = problem(post(client, key, {**CARD, field: True}), 422, "invalid")
    assert list(told["errors"]) == [field]
    assert session.scalar(sa.select(sa.func.count()).select_from(Card)) == 0
    assert session.scalar(sa.select(sa.func.count()).select_from(Consent)) == 0


@pytest.mark.parametrize(
    ("told", "field"),
    [
        ({"address": "no address"}, "address"),
        ({"phone": "123"}, "address"),
        ({"address": 7}, "address"),
        ({**CARD, "first_name": "a\nb"}, "first_name"),
        ({**CARD, "taken_at": "yesterday"}, "taken_at"),
        ({**CARD, "taken_at": "2026-05-04T10:30:00"}, "taken_at"),
        ({**CARD, "said": "x" * 3000}, "said"),
        ({**CARD, "occasion": "x" * 200}, "occasion"),
        ({**CARD, "notice_by_hand": "yes"}, "notice_by_hand"),
    ],
)
def test_what_is_wrong_is_named_by_field(client, key, told, field):
    assert field in problem(post(client, key, told), 422, "invalid")["errors"]


def test_l15_of_who_objected_the_program_hears_and_nothing_is_stored(client, key, uow, engine):
    with uow() as tx:
        person = make_subscriber(tx, "zoe@example.com", now())
        suppress(tx, person.fingerprint, SuppressionReason.OBJECTED, at=now())
        tx.session.delete(person)
    assert post(client, key).get_json()["stage"] == "objected"
    with engine.connect() as connection:
        rows = str(
            connection.execute(
                sa.text("SELECT c::text, u::text FROM cards c, card_uploads u")
            ).all()
        )
    assert "zoe" not in rows.lower()
    assert "Linde" not in rows


def test_wrong_revoked_and_missing_keys_open_nothing(client, key, uow, ada, session):
    for wrong in ("", "lmk_wrong", key[:-1], key + "x", "x" * 5000):
        answer = post(client, wrong)
        problem(answer, 401, "no_key")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    with uow() as tx:
        revoke_key(tx, tx.session.scalars(sa.select(ApiKey.id)).one(), ada.id, at=now())
    problem(post(client, key), 401, "no_key")
    assert session.scalar(sa.select(sa.func.count()).select_from(Card)) == 0


def test_a_key_ends_with_its_operator(client, key, uow, ada):
    assert post(client, key).status_code == 201
    with uow() as tx:
        disable(tx, ada.id, at=now())
    problem(post(client, key), 401, "no_key")


def test_a_scope_and_a_role_are_both_needed(client, uow, ada):
    card_id = post(client, key_of(uow, ada, "cards:write")).get_json()["id"]
    problem(
        get(client, key_of(uow, ada, "cards:write"), f"/api/v1/cards/{card_id}"), 403, "not_allowed"
    )
    problem(post(client, key_of(uow, ada, "cards:read")), 403, "not_allowed")
    marketer = operator(uow, "mia", "marketer")
    problem(post(client, key_of(uow, marketer)), 403, "not_allowed")


def test_a_program_sees_its_operators_cards_only(client, key, uow):
    card_id = post(client, key).get_json()["id"]
    other, head = operator(uow, "ben"), operator(uow, "gül", "head_of_sales")
    problem(get(client, key_of(uow, other), f"/api/v1/cards/{card_id}"), 404, "not_found")
    assert get(client, key_of(uow, head), f"/api/v1/cards/{card_id}").status_code == 200
    problem(get(client, key, f"/api/v1/cards/{2**70}"), 404, "not_found")


def test_what_is_no_request_of_ours(client, key):
    sent = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k"}
    where = {"base_url": BASE, "headers": sent}
    problem(client.post("/api/v1/cards", data="x", **where), 415, "not_json")
    kinds = {"content_type": "application/json", **where}
    problem(client.post("/api/v1/cards", data="{", **kinds), 400, "not_an_object")
    problem(client.post("/api/v1/cards", data="[]", **kinds), 400, "not_an_object")
    problem(post(client, key, **{"Idempotency-Key": ""}), 400, "no_idempotency_key")
    assert client.get("/api/v1/cards", **where).status_code == 405
    assert client.post("/api/v1/cards", data=b"x" * 3_000_000, **kinds).status_code == 413


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000])
def test_s18_json_nested_without_end_is_a_bad_request(client, key, deep):
    sent = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k"}
    answer = client.post(
        "/api/v1/cards", data=deep, headers=sent, base_url=BASE, content_type="application/json"
    )
    problem(answer, 400, "not_an_object")


@pytest.mark.parametrize("taken_at", ["0001-01-01T00:00:00+14:00", "1999-12-31T23:59:59+00:00"])
def test_s18_a_time_no_card_was_taken_at_is_refused(client, key, taken_at):
    told = problem(post(client, key, {**CARD, "taken_at": taken_at}), 422, "invalid")
    assert "taken_at" in told["errors"]


def test_a_key_is_shown_once_and_kept_as_a_hash(uow, ada, engine):
    secret = key_of(uow, ada)
    with engine.connect() as connection:
        kept = str(connection.execute(sa.text("SELECT k::text FROM api_keys k")).all())
    assert secret not in kept
    assert secret[4:] not in kept
    assert len(secret) > 40


def test_its_last_use_is_remembered(client, key, session):
    assert session.scalar(sa.select(ApiKey.last_used_at)) is None
    post(client, key)
    session.rollback()
    assert session.scalar(sa.select(ApiKey.last_used_at)) is not None


def test_so_many_requests_a_minute_and_guesses_fewer(app_with, uow, key):
    client = app_with(api_per_minute=3).test_client()
    answers = [post(client, key).status_code for _ in range(5)]
    assert answers.count(429) >= 1
    limited = post(client, key)
    if limited.status_code == 429:
        assert int(limited.headers["Retry-After"]) <= 60
    guesses = [
        post(client, "lmk_no").status_code for _ in range(authentication.WRONG_KEYS_PER_MINUTE + 2)
    ]
    assert set(guesses) == {401, 429}


def test_get_writes_nothing_but_the_time_of_use(client, key, engine):
    card_id = post(client, key).get_json()["id"]

    def everything() -> str:
        with engine.connect() as connection:
            return str([
                connection.scalars(sa.text(f"SELECT t::text FROM {table} t ORDER BY 1")).all()
                for table in ("cards", "card_captures", "card_uploads", "audit_entries", "consents")
            ])  # fmt: skip

    before = everything()
    assert get(client, key, f"/api/v1/cards/{card_id}").status_code == 200
    assert everything() == before


def test_every_route_of_the_api_declares_what_it_needs(app):
    views = [
        app.view_functions[r.endpoint]
        for r in app.url_map.iter_rules()
        if r.endpoint.startswith("api.")
    ]
    assert views
    assert [view for view in views if view not in authentication._needed] == []
