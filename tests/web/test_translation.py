"""A refusal that no view answers is told in the reader's language, down to its gaps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listmgr.delivery.message.compiled import MessageContent
from listmgr.delivery.message.compiler import compile_message
from listmgr.delivery.message.errors import MessageError
from listmgr.kit.errors import Refused

GERMAN = {"headers": {"Accept-Language": "de"}}


def fault_of(text: str, **more: object) -> MessageError:
    """What the compiler says of such a mail."""
    with pytest.raises(MessageError) as raised:
        compile_message(
            replace(
                MessageContent(
                    subject="News",
                    text=text,
                    html="",
                    from_address="lists@news.example.org",
                    message_id_domain="news.example.org",
                    unsubscribe_base="https://news.example.org/u/",
                    list_id="News <news.example.org>",
                ),
                **more,
            )
        )
    return raised.value


@pytest.mark.parametrize("path", ["/s/news", "/studio/campaigns"])
def test_a_refusal_nobody_catches_is_german_to_its_last_gap(app, path):
    with app.test_request_context(path, **GERMAN):
        page, code = app.handle_user_exception(fault_of("Hello\n{{ first_nam }}"))
    assert code == 422
    assert "Text, Zeile 2: Ein Feld „first_nam“ gibt es nicht. Meinten Sie „first_name“?" in page
    assert "There is no field" not in page


def test_a_fault_without_gaps_is_german_too(app):
    with app.test_request_context("/s/news", **GERMAN):
        page, _code = app.handle_user_exception(fault_of("Hello", html="<p class='{{ first_name"))
    assert "Schreiben Sie Felder als" in page
    with app.test_request_context("/s/news", **GERMAN):
        page, _code = app.handle_user_exception(fault_of("Hello", html='<p title="100 %><b'))
    assert "Inhalt: Ein Tag, ein Anführungszeichen oder ein Kommentar wird" in page


def test_a_refusal_without_a_sentence_shows_no_head_of_a_catalogue(app):
    with app.test_request_context("/s/news", **GERMAN):
        page, code = app.handle_user_exception(Refused())
    assert code == 409
    assert "Project-Id-Version" not in page


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"from_name": "A\rB"}, "From enthält einen Zeilenumbruch oder ein Steuerzeichen (U+000D"),
        ({"from_address": "nobody"}, "From braucht eine Adresse wie news@example.org."),
        ({"list_id": "News"}, "List-Id sieht so aus: Name der Liste &lt;"),
        ({"unsubscribe_base": "http://x.example/u/"}, "Der Abmeldelink muss mit https:// beginnen"),
        ({"extra_headers": (("Subject", "x"),)}, "Subject setzt das Programm selbst."),
        ({"extra_headers": (("No name", "x"),)}, "„No name“ ist kein Name einer Kopfzeile."),
    ],
)
def test_what_is_wrong_with_a_header_is_told_in_german(app, wrong, told):
    with app.test_request_context("/s/news", **GERMAN):
        page, _code = app.handle_user_exception(fault_of("Hello", **wrong))
    assert f"Kopfzeilen: {told}" in page
