"""T-18: a template reaches nothing, and a field is neither a template nor markup."""

from __future__ import annotations

from html.parser import HTMLParser

import nh3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from listmgr.delivery.message.errors import MessageError
from tests.delivery.compiling import (
    ANN,
    UNHURRIED,
    body,
    compiled,
    read,
    render,
)


@pytest.mark.parametrize("part", ["subject", "text", "html"])
@pytest.mark.parametrize(
    "evil",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ first_name.__class__ }}",
        "{{ first_name['__class__'] }}",
        "{{ first_name | attr('__class__') }}",
        "{{ first_name | map('upper') }}",
        "{{ first_name.format() }}",
        "{{ 'a'.upper() }}",
        "{{ first_name() }}",
        "{{ self }}",
        "{{ self.__init__ }}",
        "{{ config }}",
        "{{ range(9) }}",
        "{{ lipsum.__globals__ }}",
        "{{ cycler }}",
        "{{ [1, 2] }}",
        "{{ {'a': 1} }}",
        "{{ ('a', 'b') }}",
        "{{ 'a' * 999999999 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ first_name is defined }}",
        "{% set a = 1 %}",
        "{% for a in first_name %}{% endfor %}",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% import 'x' as y %}",
        "{% macro a() %}{% endmacro %}",
        "{% block a %}{% endblock %}",
        "{% filter upper %}a{% endfilter %}",
        "{% with a = 1 %}{% endwith %}",
        "{% raw %}{{ first_name }}{% endraw %}",
        "{% do first_name %}",
        "{{ first_name | upper(1) }}",
        "{{ first_name | trim(5) }}",
        "{{ first_name | default(value='x') }}",
        "{{ unsubscribe_url | upper }}",
        "{% if first_name > 5 %}{% endif %}",
        "{% if 'a' in (first_name == 'b') %}{% endif %}",
        "{{" + "(" * 9000 + "first_name" + ")" * 9000 + "}}",
        "{{" + "9" * 9000 + "}}",
        "{% if first_name %}" * 150 + "{% endif %}" * 150,
        "{{ first_name" + " | trim" * 9000 + " }}",
        "{{ first_name" + " or first_name" * 9000 + " }}",
        "{% if first_name %}",
        "{{ first_name",
        "{# a",
    ],
    ids=lambda text: text[:40],
)
def test_t18_what_reaches_further_is_refused_when_compiled(part: str, evil: str):
    with pytest.raises(MessageError) as refused:
        compiled(**{part: f"ok\n{evil}" if part != "subject" else evil})
    assert refused.value.part == part
    assert str(refused.value).startswith(f"{part}")
    assert set(refused.value.fields) == {part}


def test_t18_the_refusal_says_where_and_what_to_do():
    with pytest.raises(MessageError) as refused:
        compiled(text="one\ntwo {{ ''.__class__ }}\n")
    assert str(refused.value) == (
        "text, line 2: “Getattr” is not part of the merge language. Use fields, filters and"
        " {% if field %} … {% else %} … {% endif %}."
    )


@UNHURRIED
@given(st.text(min_size=1) | st.sampled_from(["{{ email }}", "{% if a %}", "{{ ''.__class__ }}"]))
def test_t18_a_field_is_never_read_as_a_template(value):
    person = ANN | {"first_name": value, "email": "SECRET"}
    for extra in ("", "{% if company %}{% endif %}"):
        octets = render(
            compiled(text="{{ first_name }}" + extra, subject="{{ first_name }}"), person
        )
        assert b"SECRET" not in octets or "SECRET" in value


EVENTS = ("onerror", "onfocus", "onload", "onmouseover")


class Shape(HTMLParser):
    """The tags, the attributes and the beginnings of the links, as a browser's parser has them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: list[object] = []
        # nh3 reads HTML as browsers do, and writes it down so that nobody can read it otherwise.
        self.feed(
            nh3.clean(
                html,
                tags={"a", "b", "div", "img", "p", "script", "style", "textarea", "title"},
                clean_content_tags=set(),
                attributes={"*": {"href", "src", "title", "autofocus", *EVENTS}},
                url_schemes={"https", "javascript"},
                link_rel=None,
                strip_comments=False,
            )
        )
        self.close()

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        links = [(v or "").partition(":")[0].strip() for n, v in attrs if n in ("href", "src")]
        self.seen.append((tag, names, links))

    def handle_endtag(self, tag):
        self.seen.append(tag)

    def handle_comment(self, data):
        self.seen.append(("comment", data))

    def handle_decl(self, decl):
        self.seen.append(("declaration", decl))

    def handle_pi(self, data):
        self.seen.append(("instruction", data))


EVIL = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "javascript:alert(1)",
    "--><b>",
    "</title></style></textarea><b>",
    "b href=//evil.example onload=x ",
    "!--",
    "/b",
    "<!--",
    "&lt;b&gt;",
    "`x`",
    "\x00<b\x0b>",
]


@UNHURRIED
@given(st.sampled_from(EVIL) | st.text("<>\"'=&;/ -!abx:\t\n", max_size=20))
def test_t18_a_field_adds_no_tag_no_attribute_and_no_link(value):
    html = (
        "<!doctype html><p title='{{ first_name }}'>1 < 2 {{ first_name }}"
        '<a href="https://example.org/{{ first_name }}" title="a {{ first_name }}">x</a>'
        '<a href="{{ unsubscribe_url }}">{{ first_name | upper }}</a><!-- a --></p>'
    )
    calm, evil = ({**ANN, "first_name": name} for name in ("Ann", value))
    for extra in ("", "{% if company %}<b>{{ first_name }}</b>{% endif %}"):
        message = compiled(html=html + extra)
        seen = Shape(body(read(render(message, evil)), "html")).seen
        assert seen == Shape(body(read(render(message, calm)), "html")).seen


MARKUP = r"""< </ <a_ <p> href=" title=' title=" " ' > = _ x https://example.org/ {{first_name}}
    {{first_name}} <!-- --> <! <script> </script> / href= {%if_company%} {%else%} {%endif%}"""


SOUP = st.lists(
    st.sampled_from([piece.replace("_", " ") for piece in MARKUP.split()]), max_size=14
).map(lambda pieces: "".join(pieces).replace("{{first name}}", "{{ first_name }}"))


@UNHURRIED
@given(SOUP, st.sampled_from(EVIL), st.sampled_from(["", "Lee"]))
def test_t18_wherever_a_field_is_taken_it_stays_harmless(html, evil, company):
    try:
        message = compiled(html=f"<div>{html}")
    except MessageError:
        return
    shapes = [
        Shape(body(read(render(message, ANN | {"first_name": name, "company": company})), "html"))
        for name in ("Ann", evil)
    ]
    assert shapes[0].seen == shapes[1].seen
