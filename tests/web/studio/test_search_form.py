"""A search belongs to its page, and what is done with many names them and counts them again."""

from __future__ import annotations

import html
import logging
import re

import pytest
import sqlalchemy as sa

from listmgr.bulk import control
from listmgr.bulk.models import BulkAct
from listmgr.exports.models import Export
from listmgr.kit.clock import now
from listmgr.privacy.erasure import erase
from listmgr.selections.models import Selection
from listmgr.subscribers.models import Subscriber
from listmgr.web.security import NoTokens
from tests.factories import make_confirmed
from tests.web.studio.test_bulk import (
    path_of,
    send,
    shown_count,
    start,
    work,
)

__all__ = ["work"]

TAG = {"kind": "add_tags", "tags": "fair"}
FILE = {"format": "csv", "reason": "check", "words": "To look at it", "columns": ["email"]}


@pytest.fixture
def people(uow, sample) -> dict[str, list[int]]:
    """Three people called ferrari, two called nowak."""
    from listmgr.lists.models import Notice

    made: dict[str, list[int]] = {}
    with uow() as tx:
        notice = tx.session.scalars(sa.select(Notice)).one()
        for name, number in (("ferrari", 3), ("nowak", 2)):
            addresses = [f"{name}{n}@many.example" for n in range(number)]
            consents = [make_confirmed(tx, address, notice, now()) for address in addresses]
            made[name] = [consent.subscriber_id or 0 for consent in consents]
    return made


def action_of(page: str, button: str) -> str:
    """Where a button of the list leads, with the hidden fields of its form."""
    form = page[page.index("data-ticking") : page.index("</form>", page.index("data-ticking"))]
    values = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form)
    where = re.search(rf'formaction="([^"]+)">(?:(?!</button>).)*{button}', form)
    assert where is not None
    query = "&".join(f"{name}={html.unescape(value)}" for name, value in values)
    return f"{where[1]}?scope=found&{query}"


def tags(session) -> dict[str, list[str]]:
    session.rollback()
    found = session.execute(sa.select(Subscriber.address, Subscriber.tags))
    return {address: tags for address, tags in found if tags}


@pytest.mark.parametrize("button", ["Change", "Export"])
def test_b01_another_tabs_search_never_changes_whom_a_page_acts_on(admin, people, button):
    first = admin.get("/studio/subscribers?query=ferrari").text
    admin.get("/studio/subscribers?query=nowak")
    page = admin.get(action_of(first, button)).text
    assert re.search(r"<strong>3</strong>\s+people\s+<[^>]+>found by “ferrari”<", page)


def test_b01_the_act_is_done_to_the_people_of_its_page(admin, people, work, session):
    link = action_of(admin.get("/studio/subscribers?query=ferrari").text, "Change")
    admin.get("/studio/subscribers?query=nowak")
    path = path_of(send(admin, link, TAG))
    work()
    page = admin.get(path).text
    assert re.search(r"<strong>3</strong>\s+people\s+<[^>]+>found by “ferrari”<", page)
    assert "Update 3 people" in page
    start(admin, path)
    work()
    assert set(tags(session)) == {f"ferrari{n}@many.example" for n in range(3)}


def test_b01_every_filter_is_said_in_words(admin, sample, people):
    link = (
        "/studio/bulk/new?scope=found&query=ferrari&tag=fair&list={list_id}&status=confirmed"
        "&source=form&since=2026-01-01&until=2099-12-31&field=language&value=de"
    ).format(**sample)
    page = admin.get(link).text
    words = re.search(r"<strong>0</strong>\s+people\s+<[^>]+>([^<]+)<", page)
    assert words is not None
    assert html.unescape(words[1]) == (
        "found by “ferrari”, tag: fair, Language: German, News Brief, confirmed, sign-up form,"
        " since 2026-01-01, until 2099-12-31"
    )
    assert "everyone" in admin.get("/studio/bulk/new?scope=found").text
    segment = admin.get(f"/studio/bulk/new?scope=segment&segment={sample['segment_id']}").text
    assert "of the segment “Friends”" in segment


@pytest.mark.parametrize(
    "link", ["", "?scope=", "?scope=x&query=ferrari", "?scope=found&status=nothing&query=ferrari"]
)
@pytest.mark.parametrize("page", ["bulk", "exports"])
def test_b01_an_address_that_lost_its_search_does_not_mean_everybody(
    admin, people, session, page, link
):
    assert admin.get(f"/studio/{page}/new{link}").status_code in {303, 409}
    before = session.scalar(sa.select(sa.func.count()).select_from(Selection))
    values = TAG if page == "bulk" else FILE
    assert admin.post(f"/studio/{page}/new{link}", {"count": "7", **values}).status_code in {
        303,
        409,
    }
    assert session.scalar(sa.select(sa.func.count()).select_from(Selection)) == before


@pytest.mark.parametrize(("page", "values"), [("bulk", TAG), ("exports", FILE)])
def test_b01_another_number_than_was_shown_is_asked_anew(admin, people, uow, session, page, values):
    link = f"/studio/{page}/new?scope=found&query=ferrari"
    shown = shown_count(admin.get(link).text)
    assert shown == "3"
    with uow() as tx:
        erase(tx, people["ferrari"][:1], actor="operator:1", at=now())
    model = BulkAct if page == "bulk" else Export
    before = session.scalar(sa.select(sa.func.count()).select_from(model))
    answer = admin.post(link, {"count": shown, **values})
    assert answer.status_code == 422
    assert "it was 3 and is now 2. Nothing has been done." in answer.text
    session.rollback()
    assert session.scalar(sa.select(sa.func.count()).select_from(model)) == before
    assert admin.post(link, values).status_code == 422, "a form that has shown no number"
    path_of(admin.post(link, {"count": shown_count(answer.text), **values}))


def test_b01_a_start_counts_again(admin, people, uow, work, session):
    path = path_of(send(admin, "/studio/bulk/new?scope=found&query=ferrari", TAG))
    work()
    shown = shown_count(admin.get(path).text)
    session.execute(
        sa.update(Subscriber)
        .where(Subscriber.id == people["ferrari"][0])
        .values(restricted_at=now())
    )
    session.commit()
    for sent in (shown, ""):
        admin.post(f"{path}/start", {"count": sent})
        page = admin.get(path).text
        assert "Nothing has been done." in page
        assert "it was 3 and is now 2." in page or not sent
        assert "Update 2 people" in page
        work()
        assert tags(session) == {}
    start(admin, path)
    work()
    assert len(tags(session)) == 2


def test_b01_more_people_than_a_page_can_wait_for_are_not_counted_again(
    admin, people, work, session, monkeypatch
):
    monkeypatch.setattr(control, "MOST_RECOUNTED", 2)
    path = path_of(send(admin, "/studio/bulk/new?scope=found&query=ferrari", TAG))
    work()
    start(admin, path)
    work()
    assert len(tags(session)) == 3


def test_b01_the_words_of_a_search_go_when_the_act_begins_or_somebody_is_erased(
    admin, people, uow, work, session
):
    def words() -> list[str]:
        session.rollback()
        kept = session.scalars(
            sa.select(Selection.search).where(Selection.gathered_at.is_not(None))
        )
        return [found["query"] for found in kept if found.get("query")]

    link = "/studio/bulk/new?scope=found&query=ferrari"
    first, second, third = (path_of(send(admin, link, TAG)) for _n in range(3))
    work()
    assert words() == ["ferrari"] * 3
    start(admin, first)
    admin.post(f"{second}/cancel")
    assert words() == ["ferrari"]
    with uow() as tx:
        erase(tx, people["ferrari"][:1], actor="operator:1", at=now())
    assert words() == []
    assert "found by" not in admin.get(third).text


def test_b01_a_field_a_role_may_not_see_is_not_named_to_it(admin, desk, people, uow, work):
    from tests.factories import make_field

    with uow() as tx:
        make_field(tx, key="shoe", roles=["administrator"])
        person = tx.session.get_one(Subscriber, people["ferrari"][0])
        person.attributes = {"shoe": "size-46"}
    link = "/studio/bulk/new?scope=found&field=shoe&value=size-46"
    path = path_of(send(admin, link, TAG))
    work()
    assert "size-46" in admin.get(path).text
    assert "size-46" not in desk("service").get(path).text


def test_b05_the_menu_and_an_erasure_start_fresh(admin, people):
    admin.get("/studio/subscribers?query=ferrari&list=1&tag=x")
    admin.post("/studio/subscribers/2/erase", {"how": "letter"})
    page = admin.get("/studio/subscribers").text
    assert 'name="query" value=""' in page
    assert "Filters in use" not in page
    assert "nowak" in page
    with admin.browser.session_transaction(base_url="https://news.example.org") as kept:
        assert "ferrari" not in str(dict(kept))


def test_b05_a_chip_takes_its_filter_away_and_leaves_the_others(admin, people):
    page = admin.get(
        "/studio/subscribers?query=ferrari&status=confirmed&field=language&value=de"
    ).text
    chips = {
        html.unescape(words): html.unescape(link)
        for link, words in re.findall(
            r'class="chip" href="([^"]+)" aria-label="Remove: ([^"]+)"', page
        )
    }
    assert chips == {
        "“ferrari”": "/studio/subscribers?field=language&value=de&status=confirmed",
        "Language: German": "/studio/subscribers?query=ferrari&status=confirmed",
        "confirmed": "/studio/subscribers?query=ferrari&field=language&value=de",
    }
    assert '<a class="chip" href="/studio/subscribers">Remove all' in page


def test_b05_pages_lead_on_within_their_search(admin, people, monkeypatch):
    from listmgr.search import results

    monkeypatch.setattr(
        results.find_page, "__kwdefaults__", {**results.find_page.__kwdefaults__, "size": 2}
    )
    page = admin.get("/studio/subscribers?query=ferrari").text
    older = re.search(r'rel="next" href="([^"]+)"', page)
    assert older is not None
    assert "query=ferrari" in older[1]
    admin.get("/studio/subscribers?query=nowak")
    assert "ferrari0@many.example" in admin.get(html.unescape(older[1])).text


def test_b01_what_was_searched_for_stands_in_no_log_and_goes_to_no_other_site(
    admin, people, caplog
):
    answer = admin.get("/studio/subscribers?query=ferrari%40many.example")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "ferrari" not in caplog.text
    for page in ("subscribers", "bulk/new", "exports/new"):
        line = f'"GET /studio/{page}?scope=found&query=anna%40example.com HTTP/1.1" 200'
        record = logging.LogRecord("werkzeug", logging.INFO, "", 0, line, (), None)
        assert NoTokens().filter(record)
        assert record.getMessage() == f'"GET /studio/{page}?… HTTP/1.1" 200'
