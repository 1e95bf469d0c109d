"""The merge language says what is wrong, and where in HTML a field may stand."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from listmgr.delivery.message.errors import MessageError
from listmgr.delivery.message.template_language import (
    FILTERS,
    KNOWN_FIELDS,
    Slot,
    fields_of,
    parse,
    pieces,
    template_of,
)
from listmgr.subscribers.field_catalogue import CORE_FIELDS


def read(source: str, part: str = "text"):
    return parse(source, part=part, known_fields=KNOWN_FIELDS)


def refusal(source: str, part: str = "text") -> str:
    with pytest.raises(MessageError) as refused:
        read(source, part)
    return str(refused.value)


def test_every_field_can_be_fetched():
    assert set(KNOWN_FIELDS) == {field.key for field in CORE_FIELDS}


def test_literals_and_fields_come_in_order():
    found = pieces(read("Hi {{ first_name | default('you') | upper }}, {{ unsubscribe_url }}"))
    assert found is not None
    assert found[0] == "Hi "
    slot = found[1]
    assert isinstance(slot, Slot)
    assert (slot.field, slot.value(""), slot.value("Ann")) == ("first_name", "YOU", "ANN")
    assert found[2:] == [", ", Slot("unsubscribe_url")]
    assert list(fields_of(read("{{ company }}{{ unsubscribe_url }}{{ email }}"))) == [
        "company",
        "email",
    ]


@pytest.mark.parametrize(
    "deciding",
    [
        "{% if first_name %}a{% endif %}",
        "{{ first_name ~ last_name }}",
        "{{ first_name or last_name }}",
        "{{ first_name if last_name }}",
        "{{ first_name | default(last_name) }}",
        "{{ 'a' }}",
    ],
)
def test_what_decides_for_each_subscriber_is_a_template(deciding: str):
    tree = read(f"a {deciding}")
    assert pieces(tree) is None
    assert template_of(tree).render(first_name="x", last_name="y").startswith("a ")


@pytest.mark.parametrize("value", ["", " ", "\t"])
def test_an_empty_name_takes_the_fallback(value: str):
    assert FILTERS["default"](value, "friend") == "friend"
    assert FILTERS["default"]("Ann", "friend") == "Ann"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{{ firstname }}", "There is no field “firstname”. Did you mean “first_name”? Known"),
        ("{{ name }}", "There is no field “name”."),
        (
            "{{ first_name | uper }}",
            "The filter “uper” cannot be used like this. Available",
        ),
        ("{{ first_name | default(5) }}", "Write “5” in quotes"),
        ("{{ none }}", "Write “None” in quotes"),
        ("{% if first_name < 5 %}{% endif %}", "Write “5” in quotes"),
        ("{% if (email == company) < email %}{% endif %}", "Compare fields and texts in quotes"),
        ("{% for x in email %}{% endfor %}", "“For” is not part of the merge language"),
        ("{{ unsubscribe_url | upper }}", "A link stands alone"),
        ("{{ unsubscribe_url ~ 'x' }}", "A link stands alone"),
        ("{% if unsubscribe_url %}{% endif %}", "A link stands alone"),
        ("{% raw %}a{% endraw %}", "“raw” is not part"),
        ("{{ first_name", "close every {% if … %} with {% endif %}"),
        ("{% if email %}" * 50 + "{% endif %}" * 50, "nested too deeply"),
        ("{{" + "(" * 9999 + "email" + ")" * 9999 + "}}", "too long. Make it simpler"),
    ],
)
def test_t18_a_refusal_says_what_to_do(source: str, told: str):
    assert told in refusal(source)


def test_the_line_is_told():
    assert refusal("a\n\nb {{ nobody }}").startswith("text, line 3: ")
    assert refusal("<p>\n<b {{ email }}>", "html").startswith("html, line 2: ")


def test_a_subject_has_no_links():
    assert "There is no field “unsubscribe_url”" in refusal("{{ unsubscribe_url }}", "subject")


def test_the_deepest_conditions_that_are_taken_can_be_rendered():
    for depth in range(1, 60):
        source = "{% if email %}" * depth + "x" + "{% endif %}" * depth
        try:
            tree = read(source)
        except MessageError:
            break
        assert template_of(tree).render(email="a") == "x"
    assert depth > 10


@pytest.mark.parametrize(
    "html",
    [
        "<p>{{ email }}</p>",
        "1 < 2 {{ email }} & 3",
        '<a href="{{ unsubscribe_url }}">{{ email }}</a>',
        '<a href="https://example.org/?a={{ email | urlencode }}">x</a>',
        "<a href='mailto:x@example.org?subject={{ email }}'>x</a>",
        "<img alt=\"{{ email }}\" title='{{ company }}' aria-label='{{ email }}'>",
        '<a href="https://a.org/{% if email %}b{% else %}c{% endif %}{{ email }}">x</a>',
        "{% if email %}<b>{{ email }}</b>{% else %}<i>-</i>{% endif %}",
        "<style>a > b {}</style>{{ email }}",
        "<!-- a > b --> {{ email }}",
        "<!--[if mso]><table><![endif]-->{{ email }}",
        "<!--[if !mso]><!-->{{ email }}<!--<![endif]-->",
        "<!-->{{ email }}",
        '<!doctype html PUBLIC "-//W3C//DTD">{{ email }}',
        "<p class=a>{{ email }}",
        '<a title=">">{{ email }}',
        "<br/>{{ email }}",
        "<script>'<b title=\"'</script>{{ email }}",
        "<textarea><b title='</textarea>{{ email }}",
    ],
)
def test_t18_a_field_may_stand_here(html: str):
    read(html, "html")


@pytest.mark.parametrize(
    "html",
    [
        "<{{ email }}>",
        "Ann <{{ email }}",
        "</{{ email }}>",
        "<!{{ email }}>",
        "<?{{ email }}>",
        "<b{{ email }}>",
        "<b {{ email }}>",
        "<b title={{ email }}>",
        "<b title=a{{ email }}>",
        "<b title='a'{{ email }}>",
        "<a href='{{ email }}'>x</a>",
        "<a href='https://{{ email }}/'>x</a>",
        "<a href='https://example.org{{ email }}'>x</a>",
        "<a href='//{{ email }}'>x</a>",
        "<a href='javascript:{{ email }}'>x</a>",
        "<a href='data:text/html,{{ email }}'>x</a>",
        "<a HREF = '{{ email }}'>x</a>",
        "<img srcset='{{ email }}'>",
        "<img src='{{ email }}'>",
        "<b onclick='{{ email }}'>x</b>",
        "<b style='color:{{ email }}'>x</b>",
        "<iframe srcdoc='{{ email }}'></iframe>",
        "<style>{{ email }}</style>",
        "<SCRIPT>{{ email }}</SCRIPT>",
        "<script></scripty>{{ email }}</script>",
        "<title>{{ email }}</title>",
        "<!-- {{ email }} -->",
        '<b title=a=">{{ email }}<i title=\'"{{ email }}>',
        "<a href='{% if email %}{% else %}https://a.org/{% endif %}{{ email }}'>x</a>",
        "<a href='{% if email %}https://a/{% else %}https://b/{% endif %}{{ email }}'>x</a>",
        "<a {% if email %}href='{% else %}title='{% endif %}{{ email }}'>x</a>",
        "<a {% if email %}title='{% endif %}{{ email }}'>x</a>",
        "{% if email %}<script>{% endif %}{{ email }}</script>",
        "<a href=\"{{ 'javascript:x' }}\">x</a>",
        "<a href='x",
        "<!-- never closed",
        "<script>",
        "<b",
    ],
)
def test_t18_a_field_may_not_stand_here(html: str):
    assert refusal(html, "html").startswith("html")


@pytest.mark.parametrize(
    "piece",
    ["<", "<a ", "<a x", "a=", '<a b="', "<!--", "</", "</style ", "{{ email }}", "<script>"],
)
def test_a_hundred_kilobytes_of_anything_are_read_and_not_pondered(piece: str):
    """What is quadratic would take minutes; the limit is no measure of speed."""
    source = (piece + " ") * (100_000 // (len(piece) + 1))
    for hostile in (source, f"<style>{source}", f"<a {source}", source.replace(" ", "")):
        begun = time.process_time()
        with suppress(MessageError):
            read(hostile, "html")
        assert time.process_time() - begun < 30
