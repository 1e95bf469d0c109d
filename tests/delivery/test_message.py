"""What goes over the wire means what the standard library's slow way would have meant."""

from __future__ import annotations

import re
from email.message import EmailMessage
from email.policy import SMTP

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from listmgr.delivery.message.template_language import FILTERS
from tests.delivery.compiling import (
    ANN,
    DATE,
    UNHURRIED,
    body,
    check_wire,
    compiled,
    read,
    render,
)

# ---- what people and writers type ----

SPECIMENS = [
    "",
    "Ann",
    "Zoë",
    "👩‍👩‍👧‍👦 Łukasz",
    "שלום עולם",
    "\u202eمرحبا\u202c",
    "北京" * 60,
    "x" * 400,
    "a b " * 90,
    ".",
    "..",
    ".dot",
    "trailing  ",
    "\ttab\t",
    "=3D=?utf-8?q?=41?=",
    "=?utf-8?b?QQ==?= =?utf-8?b?QQ==?=",
    "From me",
    "a\r\nb",
    "a\n.\nb",
    "\r\n.\r\n",
    "a\rb ",
    "{{ email }}{% if x %}",
    "<b>&amp;\"'",
    "e\u0301" * 50,
    "\u2028x\u0085y\u00a0z",
]
LETTERS = st.characters(exclude_categories=["Cs", "Cc"])
WORDS = st.sampled_from(SPECIMENS) | st.text(LETTERS, max_size=90)
# What a writer puts between the fields; braces and markup come from the pieces below.
LITERALS = WORDS.map(lambda text: re.sub("[{}]", "(", text))
PEOPLE = st.fixed_dictionaries(dict.fromkeys(ANN, WORDS))
FIELDS = st.sampled_from(
    [
        "{{ first_name }}",
        "{{ last_name | upper }}",
        "{{ company | default('nobody <&>') | title }}",
        "{{ email }}",
        "{{ first_name | trim | lower }}",
        "{{ 'fixed ë <' }}",
    ]
)
LINKS = st.sampled_from(["{{ unsubscribe_url }}", "{{ preferences_url }}"])
DECIDING = st.sampled_from(
    [
        "{{ first_name ~ ' & ' ~ company }}",
        "{{ company or last_name }}",
        "{% if company and company != 'Ann' %}ä {{ company }}.{% elif email %}\n.{% endif %} ",
        "{{ 'x<' if 'a' in first_name else '=' }}",
    ]
)


def source(*pieces: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.one_of(*pieces), max_size=8).map("".join)


TEXTS = source(LITERALS, LITERALS, FIELDS, LINKS, DECIDING) | source(LITERALS, FIELDS, LINKS)
HTML_LITERALS = LITERALS.map(lambda text: str(escape(text))) | st.sampled_from(
    ["<p>", "</p>\n", '<a title="ü">', "<br>", "<table width='1'>" * 20]
)
HTMLS = source(HTML_LITERALS, FIELDS, LINKS, DECIDING) | source(HTML_LITERALS, FIELDS, LINKS)
# Blanks at the ends of a header mean nothing; controls are refused (test_t17…).
SUBJECTS = source(
    st.text(LETTERS.filter(lambda c: c not in "{}\u2028\u2029"), max_size=60), FIELDS
).filter(lambda text: text.strip())


def tidy(value: str) -> str:
    return re.sub(r"\r\n?", "\n", value)


def one_line(value: str) -> str:
    return re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", value)


def flat(person: dict[str, str]) -> dict[str, str]:
    return {name: one_line(value) for name, value in person.items()}


def plain_jinja(template: str, person: dict[str, str], *, html: bool) -> str:
    environment = jinja2.Environment(autoescape=html, keep_trailing_newline=True)
    environment.filters.update(FILTERS)
    return environment.from_string(template).render(
        person,
        unsubscribe_url="https://example.org/u/to.k-e_n",
        preferences_url="https://example.org/p/to.k-e_n",
    )


def the_slow_way(subject: str, text: str, html: str, person: dict[str, str]) -> EmailMessage:
    """One message for one person as the standard library makes it."""
    line = one_line(plain_jinja(subject, flat(person), html=False)).strip()
    person = {name: tidy(value) for name, value in person.items()}
    mail = EmailMessage(policy=SMTP)
    mail["From"] = "Müller & Töchter <news@example.org>"
    mail["To"] = "ann@example.org"
    mail["Subject"] = line
    mail["Date"] = DATE
    mail["Message-ID"] = "<7.ab@example.org>"
    mail["List-Unsubscribe"] = "<https://example.org/u/to.k-e_n>"
    mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail["List-Id"] = "Our news <news.example.org>"
    mail.set_content(plain_jinja(tidy(text), person, html=False), cte="quoted-printable")
    if html.strip():
        mail.add_alternative(
            plain_jinja(tidy(html), person, html=True), subtype="html", cte="quoted-printable"
        )
    return mail


@UNHURRIED
@given(SUBJECTS, TEXTS, HTMLS, PEOPLE)
def test_m12_it_means_what_the_standard_library_would_have_sent(subject, text, html, person):
    octets = render(compiled(subject=subject, text=text, html=html), person)
    check_wire(octets)
    ours, theirs = read(octets), the_slow_way(subject, text, html, person)
    typed = one_line(plain_jinja(subject, flat(person), html=False)).strip()
    assert ours["Subject"] == typed
    # The standard library decodes what merely looks encoded; we send what was typed.
    skipped = {"Content-Type", "Content-Transfer-Encoding", "=?" in typed and "Subject"}
    for name in set(theirs.keys()) - skipped:
        assert ours[name] == str(theirs[name]), name
        assert len(ours.get_all(name)) == 1
    assert ours.get_content_type() == theirs.get_content_type()
    for subtype in ("plain", "html"):
        # The standard library ends a body with a line feed of its own.
        assert body(ours, subtype).rstrip("\n") == body(theirs, subtype).rstrip("\n")


@UNHURRIED
@given(TEXTS, HTMLS, PEOPLE, PEOPLE)
def test_one_person_leaves_no_trace_in_the_mail_of_the_next(text, html, first, second):
    message = compiled(subject="{{ first_name }}!", text=text, html=html)
    alone = render(message, second)
    render(message, first)
    assert render(message, second) == alone


@UNHURRIED
@given(TEXTS, PEOPLE)
def test_both_ways_of_rendering_write_the_same(text, person):
    quick = compiled(text=text, html="")
    slow = compiled(text="{% if first_name and not first_name %}{% endif %}" + text, html="")
    assert slow.kind == "template"
    assert body(read(render(quick, person)), "plain") == body(read(render(slow, person)), "plain")


def test_only_fields_that_are_used_are_fetched_and_conditions_take_the_slower_way():
    message = compiled(subject="{{ last_name }}", text="{{ first_name }}", html="{{ last_name }}")
    assert (message.fields, message.kind) == (("last_name", "first_name"), "slots")
    assert compiled().fields == ()
    message = compiled(text="{% if company == 'x' %}{{ email }}{% endif %}", html="")
    assert (set(message.fields), message.kind) == ({"company", "email"}, "template")
    # A subject is one line, remembered whole; it may decide without making the bodies slower.
    message = compiled(subject="{% if company %}{{ company }}{% else %}you{% endif %}")
    assert (message.fields, message.kind) == (("company",), "slots")
    assert read(render(message, ANN | {"company": ""}))["Subject"] == "you"


def test_values_must_be_as_many_as_fields():
    with pytest.raises(ValueError, match="2 values are needed: first_name, company"):
        compiled(text="{{ first_name }}{{ company }}").render(
            ["Ann"], to="a@example.org", token="t", message_id="1", date=DATE
        )


def test_without_html_it_is_one_plain_part():
    parsed = read(render(compiled(html="  \n", text="Grüße\n")))
    assert parsed.get_content_type() == "text/plain"
    assert body(parsed, "plain") == "Grüße\n"


def test_links_carry_their_own_tokens():
    text = "{{ unsubscribe_url }} {{ preferences_url }} {{ unsubscribe_url }}"
    for extra in ("", "{% if first_name %}{% endif %}"):
        octets = render(compiled(text=text + extra), token="AA", preferences_token="BB")
        assert body(read(octets), "plain").split() == [
            "https://example.org/u/AA",
            "https://example.org/p/BB",
            "https://example.org/u/AA",
        ]


def test_a_base_url_is_escaped_in_html_and_left_as_it_is_in_text():
    options = {"unsubscribe_base": "https://example.org/u?a=1&t=", "text": "{{ unsubscribe_url }}"}
    html = '<a href="{{ unsubscribe_url }}">x</a>'
    for extra in ("", "{% if first_name %}{% endif %}"):
        parsed = read(render(compiled(html=html + extra, **options), token="AA"))
        assert body(parsed, "plain") == "https://example.org/u?a=1&t=AA\n"
        assert body(parsed, "html").startswith('<a href="https://example.org/u?a=1&amp;t=AA">')


# ---- headers ----


# ---- T-17: nothing breaks out of its header ----


# ---- T-18: a template reaches nothing, a field is no template ----
