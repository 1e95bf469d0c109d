"""What is typed is checked before it is kept."""

from __future__ import annotations

import pytest

from listmgr.kit.validation import Validator


@pytest.mark.parametrize("sign", ["\u202e", "\u2066", "\u200b", "\ufeff", "\u00ad", "\u200d"])
def test_s24_a_name_strangers_see_hides_nothing(sign):
    typed = Validator()
    typed.shown_line("name", f"Stadtwerke{sign}Nord")
    assert "cannot be seen" in typed.wrong["name"]


@pytest.mark.parametrize(
    "name", ["Müller & Töchter", "می\u200cخواهم", "Team 👩\u200d🔬", "القائمة", "Ω · №1"]
)
def test_s24_names_of_all_scripts_are_taken(name):
    typed = Validator()
    assert typed.shown_line("name", name) == name
    assert typed.wrong == {}


@pytest.mark.parametrize(
    "link",
    [
        "https://user@evil.example/",
        "https://news.example.org@evil.example",
        'https://example.org/"onmouseover=x',
        "https://example.org/a b",
        "https://example.org/<b>",
        "https://example.org\\@evil.example",
        "https://exa\u202emple.org/",
        "//example.org",
        "javascript:alert(1)",
    ],
)
def test_s24_a_link_names_one_host_and_nothing_else(link):
    typed = Validator()
    typed.link("privacy_url", link)
    assert "privacy_url" in typed.wrong


@pytest.mark.parametrize(
    "link",
    ["https://example.org", "http://bücher.example:8080/a?b=c#d", "https://example.org/@user"],
)
def test_s24_usual_links_are_taken(link):
    typed = Validator()
    assert typed.link("privacy_url", link) == link
