"""Files of a message: shown or attached, made once, and what the standard library would make."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listmgr.delivery.message.compiled import MessageFile
from listmgr.delivery.message.errors import MessageError
from tests.delivery.test_message import ANN, check_wire, compiled, read, render

PNG = MessageFile("logo.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4)
PDF = MessageFile("Preisliste für Mai.pdf", "application/pdf", b"%PDF-1.7\n.\n\r\n.\r\n")
NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\"), min_size=1, max_size=60
)


def files_in(mail: EmailMessage) -> list[tuple[str | None, str, bytes]]:
    found = []
    for part in mail.walk():
        if part.get_filename() is not None:
            octets = part.get_payload(decode=True)
            assert isinstance(octets, bytes)
            found.append((part.get_filename(), part.get_content_type(), octets))
    return found


@settings(deadline=None, max_examples=40)
@given(
    names=st.lists(NAMES, min_size=1, max_size=4, unique=True),
    data=st.lists(st.binary(max_size=400), min_size=4, max_size=4),
    html=st.sampled_from(["", "<p>{{ first_name }}</p>"]),
)
def test_m12_attached_files_are_what_the_standard_library_would_have_sent(names, data, html):
    files = tuple(
        MessageFile(name, "application/pdf", octets)
        for name, octets in zip(names, data, strict=False)
    )
    octets = render(compiled(html=html, text="{{ first_name }}\n", files=files))
    check_wire(octets)
    ours = read(octets)
    theirs = EmailMessage(policy=SMTP)
    theirs.set_content("Ann\n")
    if html:
        theirs.add_alternative("<p>Ann</p>\n", subtype="html")
    for one in files:
        theirs.add_attachment(one.data, "application", "pdf", filename=one.name)
    assert [part.get_content_type() for part in ours.walk()] == [
        part.get_content_type() for part in theirs.walk()
    ]
    assert files_in(ours) == files_in(theirs)
    assert all(part.is_attachment() for part in ours.iter_attachments())


def test_a_picture_the_html_names_is_shown_and_the_rest_is_attached():
    html = '<p>{{ first_name }} <img src="cid:logo.png"></p>'
    mail = read(render(compiled(html=html, files=(PNG, PDF))))
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ]
    picture = next(part for part in mail.walk() if part.get_content_type() == "image/png")
    page = mail.get_body(("html",))
    assert page is not None
    cid = picture["Content-ID"].strip("<> ")
    assert cid.endswith("@example.org")
    assert f'<img src="cid:{cid}">' in page.get_content()
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content() == PNG.data
    assert [part.get_filename() for part in mail.iter_attachments()] == ["Preisliste für Mai.pdf"]


def test_a_picture_is_named_as_browsers_write_names():
    named = MessageFile("größe.png", "image/png", PNG.data)
    mail = read(render(compiled(html='<img src="cid:gr%C3%B6%C3%9Fe.png">', files=(named,))))
    assert mail.get_content_type() == "multipart/alternative"
    assert [name for name, *_ in files_in(mail)] == ["größe.png"]


def test_a_picture_that_is_not_there_is_told_with_its_line():
    with pytest.raises(MessageError, match=r"html, line 2: There is no file “logo\.png”"):
        compiled(html='<p>\n<img src="cid:logo.png"></p>')


def test_files_are_encoded_once():
    message = compiled(html='<img src="cid:logo.png"> {{ first_name }}', files=(PNG, PDF))
    assert message.kind == "slots"
    first, second = render(message), render(message, ANN | {"first_name": "Zoë"})
    assert files_in(read(first)) == files_in(read(second))
    assert sum(len(part) for part in message._parts) >= len(first) - 200


@pytest.mark.parametrize("evil", ['x"; filename="a.exe', "a\u2028b.pdf", "=?utf-8?q?a?=.pdf"])
def test_t17_a_name_adds_no_header(evil: str):
    mail = read(render(compiled(files=(MessageFile(evil, "application/pdf", b"%PDF-"),))))
    part = next(mail.iter_attachments())
    assert {name.lower() for name in part} == {
        "content-type",
        "content-transfer-encoding",
        "content-disposition",
    }
    assert part.get_content_type() == "application/pdf"
