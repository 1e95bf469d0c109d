"""The sign-up form: boxes nobody ticked, the words beside them, and the copy on another site."""

from __future__ import annotations

import hashlib
import re
import threading
from html import unescape
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sqlalchemy as sa
from playwright.sync_api import sync_playwright

from listmgr.consent.models import Signup
from listmgr.lists.models import MailingList, Notice, Purpose, SignupForm
from tests.factories import make_list
from tests.web.public.conftest import (
    add_form,
    form_values,
)
from tests.web.public.test_rate_limit import signups
from tests.web.public.test_scanners import (
    CHROMIUM,
    FLAGS,
)

WORDS = "Ja, ich möchte den Rundbrief per E-Mail. Ich kann jederzeit widerrufen."


class Boxes(HTMLParser):
    """Every checkbox of a page, with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        if tag == "input" and ("type", "checkbox") in attrs:
            self.found.append(dict(attrs))


@pytest.fixture
def two(uow, notice) -> list[Notice]:
    """A form with two purposes on two lists."""
    with uow() as tx:
        other = make_list(tx, "events")[2]
        add_form(tx.session, "both", notice, other)
        return [notice, other]


def publish(
    uow, notice: Notice, words: str, *, language: str = "de", least: bool = False
) -> Notice:
    with uow() as tx:
        made = Notice(
            purpose_id=notice.purpose_id,
            version=notice.version + 1,
            language=language,
            words=words,
            sha256=hashlib.sha256(words.encode()).digest(),
        )
        tx.session.add(made)
        if least:
            tx.session.get_one(Purpose, notice.purpose_id).least_notice_version = made.version
        tx.session.flush()
        return made


@pytest.mark.parametrize("path", ["/s/both", "/s/both/embed.txt"])
def test_l09_one_unticked_box_for_each_purpose(client, two, path):
    page = client.get(path).text
    boxes = Boxes(page).found
    assert [box["value"] for box in boxes] == [str(notice.id) for notice in two]
    assert {box["name"] for box in boxes} == {"notice"}
    # No box is a condition of the other, and none is ticked.
    assert not any({"checked", "required", "disabled"} & box.keys() for box in boxes)
    assert page.count(WORDS) == 2


@pytest.mark.parametrize("typed", [{"address": "nonsense"}, {"address": ""}, {"began": "x"}])
def test_l09_not_even_after_a_mistake_is_a_box_ticked(client, two, typed):
    values = {"address": "anna@example.com", "notice": [str(n.id) for n in two], **typed}
    page = client.post("/s/both", data=values).text
    assert len(Boxes(page).found) in {0, 2}
    assert not any("checked" in box for box in Boxes(page).found)


def test_l09_no_template_of_a_public_page_can_tick_a_box():
    from listmgr.schema import resource

    for found in (resource("templates") / "pages").glob("*.html"):
        assert not re.search(r"\bchecked\b", found.read_text()), found.name


def test_each_box_is_a_consent_of_its_own_and_one_mail_asks_for_both(
    client, two, work, mailbox, session
):
    client.post("/s/both", data={"address": "anna@example.com", "notice": [n.id for n in two]})
    work()
    assert len(mailbox.mails) == 1
    assert session.scalar(sa.text("SELECT count(*) FROM consents WHERE status = 'pending'")) == 2


def test_nothing_chosen_is_said_and_loses_nothing(client, notice, session):
    values = {"address": "anna@example.com", "first_name": "Änne <b>"}
    page = client.post("/s/news?lang=de", data=values)
    assert page.status_code == 422
    assert "Bitte wählen Sie mindestens eine Möglichkeit aus." in page.text
    assert 'value="anna@example.com"' in page.text
    assert 'value="Änne &lt;b&gt;"' in page.text
    assert 'href="#choices"' in page.text
    assert signups(session) == 0


def test_the_notice_of_another_form_is_not_taken(client, two, notice, uow, session):
    with uow() as tx:
        stranger = make_list(tx, "secret")[2]
    page = client.post("/s/news", data=form_values(stranger))
    assert page.status_code == 422
    assert signups(session) == 0


def test_the_words_that_were_shown_are_the_words_that_are_kept(client, notice, uow, work, session):
    """A page opened before a new wording came out still counts, by its own words."""
    publish(uow, notice, "Neuer Wortlaut.")
    assert "Neuer Wortlaut." in client.get("/s/news?lang=de").text
    assert client.post("/s/news?lang=de", data=form_values(notice)).status_code == 303
    work()
    facts = session.scalar(sa.text("SELECT facts FROM consent_events WHERE action = 'capture'"))
    assert WORDS in facts
    assert "Neuer" not in facts


def test_a_superseded_wording_is_shown_anew_before_anything_is_taken(client, notice, uow, session):
    publish(uow, notice, "Neuer Wortlaut.", least=True)
    page = client.post("/s/news?lang=de", data=form_values(notice))
    assert page.status_code == 422
    assert "Der Einwilligungstext hat sich geändert" in page.text
    assert "Neuer Wortlaut." in page.text
    assert 'value="anna@example.com"' in page.text
    assert signups(session) == 0


def test_words_in_another_language_than_the_page_are_marked_so(client, notice):
    page = client.get("/s/news?lang=en").text
    assert f'<span class="words" lang="de">{WORDS}</span>' in page


def test_a_closed_form_and_an_archived_list_take_nobody(client, notice, uow, session):
    with uow() as tx:
        tx.session.get_one(MailingList, 1).archived_at = sa.func.now()
    assert "nichts zum Anmelden" in client.get("/s/news?lang=de").text
    assert client.post("/s/news", data=form_values(notice)).status_code == 422
    with uow() as tx:
        tx.session.scalars(sa.select(SignupForm)).one().closed_at = sa.func.now()
    for path in ("/s/news", "/s/news/thanks", "/s/news/embed", "/s/news/qr.svg"):
        assert client.get(path).status_code == 404
    assert client.post("/s/news", data=form_values(notice)).status_code == 404
    assert signups(session) == 0


def test_the_qr_code_holds_the_public_address(client, notice):
    answer = client.get("/s/news/qr.svg")
    assert answer.mimetype == "image/svg+xml"
    assert answer.text.startswith("<svg")


def test_the_copy_has_the_public_address_the_words_and_no_script(client, notice):
    code = client.get("/s/news/embed.txt?lang=de")
    assert code.mimetype == "text/plain"
    assert 'action="https://news.example.org/s/news?lang=de&amp;from=embed"' in code.text
    assert WORDS in code.text
    assert "https://news.example.org/privacy" in code.text
    assert "<script" not in code.text
    assert "style=" not in code.text
    shown = client.get("/s/news/embed?lang=de").text
    assert code.text in unescape(shown)


@pytest.fixture
def elsewhere(client, notice, site):
    """Another site, of another host, that has copied the form."""
    code = client.get("/s/news/embed.txt?lang=de").text
    # The test's browser has no name server: the public address is taken for the test's server.
    code = code.replace("https://news.example.org", site.replace("127.0.0.1", "localhost"))

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(f"<!doctype html><h1>Other site</h1>{code}".encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_copy_works_in_a_browser_without_script_or_cookie(
    elsewhere, notice, work, mailbox, session
):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(elsewhere)
        page.get_by_label("E-Mail-Adresse").fill("anna@example.com")
        page.get_by_role("checkbox").check()
        page.get_by_role("button").click()
        assert (
            page.get_by_role("heading", level=1).inner_text() == "Bitte sehen Sie in Ihr Postfach"
        )
        assert browser.contexts[0].cookies() == []
        browser.close()
    [kept] = session.scalars(sa.select(Signup.content)).all()
    assert kept["form_url"] == "https://news.example.org/s/news/embed"
    work()
    assert len(mailbox.to("anna@example.com")) == 1


def test_the_copy_is_not_asked_how_long_it_took_but_traps_and_limits_count(
    app_with, notice, session
):
    client = app_with(signup_min_seconds=60.0, signups_per_hour=1).test_client()
    path = "/s/news?lang=de&from=embed"
    strange = {"Origin": "https://other.example", "Referer": "https://other.example/contact"}
    trapped = form_values(notice, comment="x")
    assert client.post(path, data=trapped, headers=strange).status_code == 303
    assert signups(session) == 0
    assert client.post(path, data=form_values(notice), headers=strange).status_code == 303
    assert signups(session) == 1
    assert client.post(path, data=form_values(notice), headers=strange).status_code == 429
    assert signups(session) == 1


def test_a_mistake_in_the_copy_ends_on_our_own_form(client, notice):
    page = client.post("/s/news?lang=de&from=embed", data=form_values(notice, "anna@"))
    assert page.status_code == 422
    assert 'value="anna@"' in page.text
    assert 'action="/s/news?lang=de"' in page.text
