"""What goes over the wire means what the standard library's slow way would have meant."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from html.parser import HTMLParser

import jinja2
import nh3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import escape

from listmgr.delivery.compiler import compile_message
from listmgr.delivery.headers import HeaderRefused
from listmgr.delivery.merge import FILTERS, MessageError
from listmgr.delivery.message import CompiledMessage, MessageContent

DATE = "Mon, 23 Nov 2026 12:00:00 +0000"
BASE = {
    "subject": "News",
    "text": "Hello\n",
    "html": "<p>Hello</p>",
    "from_address": "news@example.org",
    "from_name": "Müller & Töchter",
    "message_id_domain": "example.org",
    "unsubscribe_base": "https://example.org/u/",
    "preferences_base": "https://example.org/p/",
    "list_id": "Our news <news.example.org>",
}
ANN = {
    "first_name": "Ann",
    "last_name": "Lee",
    "company": "Lee & Co",
    "email": "ann@example.org",
    "language": "en",
}
# Two cores are shared with others; how long an example took says nothing.
UNHURRIED = settings(deadline=None)
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)]


def compiled(**content: object) -> CompiledMessage:
    return compile_message(MessageContent(**BASE | content))


def render(message: CompiledMessage, person: dict[str, str] = ANN, **options: str) -> bytes:
    given_ = {"to": "ann@example.org", "token": "to.k-e_n", "message_id": "7.ab", "date": DATE}
    return message.render([person[name] for name in message.fields], **given_ | options)


def read(octets: bytes) -> EmailMessage:
    parsed = message_from_bytes(octets, policy=default)
    assert isinstance(parsed, EmailMessage)
    assert [part.defects for part in parsed.walk() if part.defects] == []
    return parsed


def body(parsed: EmailMessage, subtype: str) -> str:
    part = parsed.get_body((subtype,))
    return part.get_content().replace("\r\n", "\n") if part else ""


def check_wire(octets: bytes, *, unbreakable: tuple[bytes, ...] = (b"List-Unsubscribe: ",)) -> None:
    """CRLF and nothing else ends a line; no line is long; none begins with a dot (M-12, M-14)."""
    assert octets.endswith(b"\r\n")
    for line in octets.split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line
        assert not line.startswith(b".")
        assert len(line) <= (998 if line.startswith(unbreakable) else 78)


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


def test_m01_both_one_click_headers_stand_exactly_so():
    lines = render(compiled(), token="abc.def").split(b"\r\n\r\n")[0].split(b"\r\n")
    assert lines.count(b"List-Unsubscribe: <https://example.org/u/abc.def>") == 1
    assert lines.count(b"List-Unsubscribe-Post: List-Unsubscribe=One-Click") == 1
    assert sum(line.lower().startswith(b"list-unsubscribe") for line in lines) == 2


@pytest.mark.parametrize("base", ["http://example.org/u/", "mailto:a@example.org?", "/u/", ""])
def test_m01_the_link_is_https(base: str):
    with pytest.raises(MessageError, match="must begin with https://"):
        compiled(unsubscribe_base=base)


def test_m03_the_uri_stays_unbroken_however_long():
    base, token = f"https://example.org/{'x' * 470}/", "t" * 400
    octets = render(compiled(unsubscribe_base=base), token=token)
    check_wire(octets)
    assert f"\r\nList-Unsubscribe: <{base}{token}>\r\n".encode() in octets


def test_m04_the_list_has_an_identity_that_people_can_read():
    octets = render(compiled(list_id="Grüße & more <gruesse-1.example.org>"))
    check_wire(octets)
    assert read(octets)["List-Id"] == "Grüße & more <gruesse-1.example.org>"
    assert b" <gruesse-1.example.org>\r\n" in octets


def test_m12_each_header_stands_once_and_the_message_id_is_in_our_domain():
    parsed = read(
        render(
            compiled(
                reply_to="answers@example.org",
                language="de",
                extra_headers=(("Feedback-ID", "7:news"), ("Auto-Submitted", "auto-generated")),
            ),
            message_id="7.abc",
        )
    )
    names = [name.lower() for name in parsed.keys()]  # noqa: SIM118 - a message is no mapping
    assert len(names) == len(set(names))
    assert parsed["Message-ID"] == "<7.abc@example.org>"
    assert parsed["Reply-To"] == "answers@example.org"
    assert parsed["Content-Language"] == "de"
    assert parsed["Feedback-ID"] == "7:news"
    assert parsed["MIME-Version"] == "1.0"


def test_m13_a_local_part_beyond_ascii_stands_as_utf8():
    octets = render(compiled(), to="jörg.ünï+x@xn--bcher-kva.example")
    assert "\r\nTo: jörg.ünï+x@xn--bcher-kva.example\r\n".encode() in octets
    assert str(message_from_bytes(octets, policy=default)["To"]).startswith("jörg.ünï+x@")


@pytest.mark.parametrize("name", ["Bcc", "subject", "List-Unsubscribe", "DATE", "Sender"])
def test_headers_of_the_program_cannot_be_set_twice(name: str):
    with pytest.raises(MessageError, match="is set by the program"):
        compiled(extra_headers=((name, "x"),))


# ---- T-17: nothing breaks out of its header ----


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
@pytest.mark.parametrize(
    "where", ["subject", "from_name", "from_address", "reply_to", "list_id", "unsubscribe_base"]
)
def test_t17_a_control_in_a_header_is_refused_when_compiled(where: str, control: str):
    good = BASE | {"reply_to": "a@example.org"}
    evil = good[where][:3] + control + good[where][3:]
    with pytest.raises(MessageError, match=f"U\\+{ord(control):04X}"):
        compiled(**{where: evil})


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
def test_t17_a_control_in_further_headers_is_refused(control: str):
    for extra in ((("X-A", f"a{control}Bcc: b"),), ((f"X-A{control}B", "a"),)):
        with pytest.raises(MessageError):
            compiled(extra_headers=extra)
    with pytest.raises(MessageError):
        compiled(language=f"de{control}Bcc: b")
    with pytest.raises(MessageError):
        compiled(message_id_domain=f"example.org{control}Bcc: b")


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"U+{ord(c):04X}")
def test_t17_a_control_in_what_a_recipient_brings_is_refused(control: str):
    message = compiled()
    for evil in (
        {"to": f"a{control}b@example.org"},
        {"to": f"ab@example.org{control}"},
        {"token": f"a{control}"},
        {"message_id": f"1{control}"},
        {"date": DATE + control},
    ):
        with pytest.raises(ValueError):
            render(message, **evil)
    with pytest.raises(ValueError):
        render(compiled(text="{{ preferences_url }}"), preferences_token=f"a{control}")


@pytest.mark.parametrize(
    "to",
    [
        "",
        "a",
        "a@",
        "@b",
        "a@b,c@d",
        "a@b>",
        "<a@b",
        "a b@c",
        '"a"@b',
        "a@b@c",
        "a@b;",
        "x(y)@z",
        "a@bü",
        "\ud800@example.org",
    ],
)
def test_t17_an_address_that_would_read_as_another_is_refused(to: str):
    with pytest.raises(ValueError, match="cannot stand in a header"):
        render(compiled(), to=to)


@UNHURRIED
@given(st.text() | st.sampled_from(["A\r\nBcc: e@evil.example", "A\n\n<script>", "\x85b\u2028c"]))
def test_t17_a_field_adds_no_header_and_no_line_to_a_subject(evil):
    subject = "Hi {{ first_name }}, {{ 'one\\r\\nBcc: two' }}"
    octets = render(compiled(subject=subject), ANN | {"first_name": evil})
    check_wire(octets)
    parsed, calm = read(octets), read(render(compiled()))
    assert parsed.keys() == calm.keys()
    assert parsed["Bcc"] is None
    assert parsed["Subject"].count("Bcc") == 1 + evil.count("Bcc")
    assert body(parsed, "html") == body(calm, "html")


@UNHURRIED
@given(st.text())
def test_t17_controls_in_bodies_are_dropped_and_the_rest_is_kept(evil):
    text, html = "[{{ first_name }}]", "<p>{{ first_name }}</p>"
    octets = render(compiled(text=text, html=html), ANN | {"first_name": evil})
    check_wire(octets)
    kept = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]", "", tidy(evil))
    assert body(read(octets), "plain") == f"[{kept}]\n"
    assert body(read(octets), "html") == f"<p>{escape(kept)}</p>\n"


def test_half_a_character_is_refused_or_dropped_never_an_accident():
    with pytest.raises(MessageError):
        compiled(subject="\ud83d")
    assert body(read(render(compiled(text="a\ud83db"))), "plain") == "ab\n"


# ---- T-18: a template reaches nothing, a field is no template ----


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


def test_header_refusals_are_told_as_bad_input():
    assert not issubclass(HeaderRefused, MessageError)
    with pytest.raises(MessageError, match="From needs an address like"):
        compiled(from_address="no address")
    with pytest.raises(MessageError, match="Write a subject"):
        compiled(subject="  ")
    with pytest.raises(MessageError, match="needs a domain like"):
        compiled(message_id_domain="exa mple")
