"""What the linter of confirmation mails refuses, and what it lets pass (L-10)."""

from __future__ import annotations

import pytest
from jinja2 import Environment

from listmgr.consent.mail_linter import FIELDS, advertising, foreign_fields

LINK = "https://news.example.org/c/x"
SOBER = f'<p>Guten Tag,</p><p><a href="{LINK}">Anmeldung bestätigen</a></p>'


def test_l10_the_linter_lets_the_sober_pass():
    assert advertising(SOBER, f"Guten Tag,\n{LINK}", links=[LINK]) == []


@pytest.mark.parametrize(
    "added",
    [
        '<img src="https://news.example.org/logo.png" alt="Logo">',
        '<img src="cid:logo">',
        "<svg><path d='M0 0'/></svg>",
        "<picture></picture>",
        '<td background="https://news.example.org/b.png"></td>',
        '<p style="background: url(https://t.example/x)">x</p>',
        "<style>p { background: url(x) }</style>",
        '<link rel="stylesheet" href="https://fonts.example/a.css">',
        "<p>Welcome!</p>",
        "<p>Willkommen bei Müller &amp; Töchter</p>",
        "<p>Haben Sie Fragen? Schreiben Sie uns.</p>",
        "<p>Questions? Contact us any time.</p>",
        "<p>Get in touch</p>",
        '<a href="mailto:info@news.example.org">Mail</a>',
        '<a href="https://www.facebook.com/mueller">f</a>',
        "<p>Folgen Sie uns auf linkedin.com/company/x</p>",
        '<a href="https://x.com/mueller">x</a>',
        "<p>10 % Rabatt auf alles</p>",
        "<p>Special offer inside</p>",
        "<p>You can unsubscribe at any time</p>",
        f'<a href="https://track.example/?u={LINK}">Anmeldung bestätigen</a>',
        f'<a href="{LINK}?utm_source=doi">Anmeldung bestätigen</a>',
        "<script>1</script>",
        '<form action="/x"><button>Ja</button></form>',
        "".join(f'<a href="{LINK}">{n}</a>' for n in range(5)),
    ],
)
def test_l10_the_linter_refuses(added):
    assert advertising(SOBER + added, f"Guten Tag,\n{LINK}", links=[LINK]) != []


@pytest.mark.parametrize(
    "text", ["Willkommen!", "Fragen? Rufen Sie an.", "https://shop.example/", "mailto:a@b.example"]
)
def test_l10_the_text_part_is_looked_at_too(text):
    assert advertising(SOBER, text, links=[LINK]) != []


def test_l10_no_field_a_visitor_typed_into_is_filled_in():
    environment = Environment(autoescape=True)
    assert foreign_fields(environment, "Hallo {{ first_name }}") != []
    assert foreign_fields(environment, "{% if subscriber.company %}x{% endif %}") != []
    assert foreign_fields(environment, "{{ controller }} {{ imprint }}") == []
    assert not {"first_name", "last_name", "name", "company", "address", "email"} & FIELDS
