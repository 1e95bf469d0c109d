"""What is written becomes safe HTML, readable text, and always carries imprint and a way out."""

from __future__ import annotations

import pytest

from listmgr.campaigns.models import Campaign
from listmgr.campaigns.plain_text import plain_text
from listmgr.campaigns.rendering import render_words, safe_html
from listmgr.lists.models import MailingList
from listmgr.schema import resource


def words(body: str, **values: str):
    campaign = Campaign(subject="Neues", body=body, plain_text="", format="markdown")
    for name, value in values.items():
        setattr(campaign, name, value)
    made = MailingList(
        name="News",
        language="de",
        imprint="Müller & Töchter\nBerlin",
        privacy_url="https://m.example/p",
    )
    return render_words(campaign, made, resource("templates"))


def test_l22_imprint_and_unsubscribe_stand_under_every_message():
    made = words("Hallo")
    for part in (made.html, made.text):
        assert "{{ unsubscribe_url }}" in part
        assert "{{ preferences_url }}" in part
    assert "Müller &amp; Töchter<br>Berlin" in made.html
    assert "Müller & Töchter\nBerlin" in made.text


def test_merge_tags_survive_markdown_and_cleaning():
    source = (
        'Hallo {{ first_name | default("du") }}, [ab]({{ unsubscribe_url }})!\n\n'
        "{% if company %}*{{ company }}*{% else %}_privat_{% endif %}"
    )
    made = words(source)
    assert 'Hallo {{ first_name | default("du") }}' in made.html
    assert '<a href="{{ unsubscribe_url }}">ab</a>' in made.html
    assert "{% if company %}<em>{{ company }}</em>{% else %}" in made.html
    assert "ab ({{ unsubscribe_url }})" in made.text


def test_a_brace_in_an_imprint_is_no_merge_field():
    campaign = Campaign(subject="x", body="y", plain_text="", format="markdown")
    made = MailingList(name="{{ email }}", language="en", imprint="{% if %}", privacy_url="")
    rendered = render_words(campaign, made, resource("templates"))
    assert "{ { email }}" in rendered.html
    assert "{ % if %}" in rendered.text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        '<a href="javascript:alert(1)">x</a>',
        '<iframe src="https://evil.example"></iframe>',
        '<form action="https://evil.example"><input name=a></form>',
        "<style>@import 'https://evil.example'</style>",
        "<svg onload=alert(1)>",
        '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    ],
)
def test_what_could_act_in_a_mail_is_taken_out(hostile: str):
    for made in (safe_html(f"<p>a</p>{hostile}"), words(hostile).html):
        for sign in ("<script", "onerror", "javascript:", "<iframe", "<form", "<input", "@import"):
            assert sign not in made.lower()
        assert "onload" not in made
        assert "http-equiv" not in made


def test_layout_by_tables_and_inline_styles_stays():
    html = '<table width="600"><tr><td style="color:red" align="center">a</td></tr></table>'
    assert 'width="600"' in safe_html(html)
    assert 'style="color:red"' in safe_html(html)


def test_plain_text_keeps_links_lists_and_headings():
    text = plain_text(
        "<h1>Neu</h1><p>Ein <b>Wort</b> <a href='https://a.example/x?a=1&amp;b=2'>hier</a>.</p>"
        "<ul><li>eins</li><li>zwei</li></ul><ol><li>a</li><li>b</li></ol>"
        "<blockquote>Zitat</blockquote><img src=x alt='Bild'><style>p{}</style>"
    )
    assert text == (
        "Neu\n===\n\nEin Wort hier (https://a.example/x?a=1&b=2).\n\n* eins\n* zwei\n\n"
        "1. a\n2. b\n\n> Zitat\n\n[Bild]\n"
    )


@pytest.mark.parametrize(
    ("heading", "length"),
    [
        ("Guten Tag {{ first_name }}", len("Guten Tag Matthias")),
        ("{% if first_name %}Hallo {{ first_name }}{% endif %}", len("Hallo Matthias")),
        ("Neues im Mai", len("Neues im Mai")),
        ("N" * 90, 72),
    ],
)
def test_d17_the_line_below_a_heading_is_as_long_as_what_is_sent(heading, length):
    text = words(f"# {heading}\n\nText.").text
    assert text.startswith(f"{heading}\n{'=' * length}\n\nText.")


def test_own_plain_text_wins():
    assert words("# A", plain_text="Nur so").text.startswith("Nur so\n")


@pytest.mark.parametrize("link", ["//host.example/x", " //host.example/x", "/\\\\host.example/x"])
def test_s24_a_link_without_a_scheme_gets_one(link):
    html = safe_html(f'<a href="{link}">x</a><img src="{link}">')
    assert html.count('"https://host.example/x"') == 2
    assert 'href="https://host.example/x"' in words("[x](//host.example/x)").html


def test_s24_other_links_stay_as_they_are():
    for link in ("https://a.example//b", "mailto:a@b.example", "#top", "cid:logo"):
        assert f'href="{link}"' in safe_html(f'<a href="{link}">x</a>')
