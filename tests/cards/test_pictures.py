"""Photos of cards, read on this machine: printed lines, codes, and pictures of all that is bad.

Needs the extras: pip install -e '.[scan,ocr]'
"""

from __future__ import annotations

import io
import random

import pytest

from listmgr.cards.imaging import (
    ocr,
    read_image,
    safe_image,
)
from listmgr.cards.imaging.card_detection import cards_in
from listmgr.cards.imaging.optional_deps import (
    OCR,
    SCAN,
    installed,
)
from listmgr.cards.imaging.read_image import read_picture
from listmgr.cards.parsing.parsed_card import Kind

EXTRAS = "pip install -e '.[scan,ocr]'"
if not (installed(SCAN) and installed(OCR)):
    pytest.skip(EXTRAS, allow_module_level=True)

import numpy  # noqa: E402
import segno  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from tests.cards.photographed import on_table  # noqa: E402
from tests.cards.printed import DESIGNS, card, file_of, font  # noqa: E402

VCARD = "BEGIN:VCARD\nVERSION:3.0\nN:Müller;Anna\nEMAIL:anna.mueller@example.org\nEND:VCARD"


def page(*lines):
    image = Image.new("RGB", (1000, 600), "white")
    draw = ImageDraw.Draw(image)
    for number, text in enumerate(lines):
        draw.text((60, 60 + 60 * number), text, font=font("lato", 34), fill="black")
    return image


def code(text, scale=6):
    out = io.BytesIO()
    segno.make(text, micro=False).save(out, kind="png", scale=scale, border=4)
    return Image.open(out).convert("RGB")


def refusal(data):
    result = read_picture(data)
    assert (result.kind, result.cards) == (Kind.PICTURE, ())
    return result.refused[0].reason


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """No model, no link of a code: nothing is fetched while a picture is read."""

    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


# One of each: plain, dark on a table, crooked columns, on its head, sideways, hardly any quality.
@pytest.mark.parametrize("number", [0, 11, 27, 4, 16, 33])
def test_printed_cards_are_read_as_they_were_labelled(number):
    labelled = card(number)
    (read,) = read_picture(labelled.file()).cards
    assert read.fields.email.address == labelled.printed.email
    name = f"{read.fields.first_name.value} {read.fields.last_name.value}"
    assert name.casefold() == labelled.printed.name.casefold()
    assert read.fields.organisation.value == labelled.printed.company
    assert read.fields.email.confidence > 0.7


def test_several_cards_in_one_photo_are_several_cards():
    labelled = [card(number).printed for number in (0, 2, 6)]
    pictures = [DESIGNS[design](p) for design, p in zip((0, 3, 5), labelled, strict=True)]
    heard = []
    photo = file_of(on_table(pictures, random.Random(2), (2000, 1500)))
    result = read_picture(photo, lambda done, of: heard.append((done, of)))
    assert {read.fields.email.address for read in result.cards} == {p.email for p in labelled}
    assert heard == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("seed", [1, 4, 7, 15])
def test_a_dark_card_stands_out_from_a_dark_table_by_its_colour(seed):
    printed = [DESIGNS[design](card(number).printed) for design, number in ((0, 0), (3, 2), (5, 6))]
    photo = safe_image.open_picture(file_of(on_table(printed, random.Random(seed), (2000, 1500))))
    found = cards_in(numpy.asarray(photo))
    assert [0.55 < one.shape[0] / one.shape[1] < 0.7 for one in found] == [True] * 3


def test_the_card_of_a_code_counts_and_is_not_repeated_by_what_is_printed():
    image = page("Anna Müller", "anna.mueller@example.org")
    image.paste(code(VCARD, 4), (600, 250))
    (read,) = read_picture(file_of(image)).cards
    assert read.fields.first_name.value == "Anna"
    assert read.fields.email.confidence == 1.0


@pytest.mark.parametrize("text", [VCARD, "mailto:anna.mueller@example.org"])
def test_a_code_does_not_hide_what_is_printed_beside_it(text):
    image = page("Anna Müller", "Nordlicht Robotik GmbH", "Tel. 030 1234567 Durchwahl 21")
    image.paste(code(text, 4), (700, 300))
    (read,) = read_picture(file_of(image)).cards
    assert read.fields.email.address == "anna.mueller@example.org"
    assert read.fields.email.confidence == 1.0
    assert read.fields.last_name.value == "Müller"
    assert read.fields.organisation.value == "Nordlicht Robotik GmbH"
    assert [phone.number for phone in read.fields.phones] == ["030 1234567 ext. 21"]
    assert read.problems == ()


def test_several_codes_in_one_picture():
    image = Image.new("RGB", (1200, 600), "white")
    image.paste(code(VCARD), (20, 50))
    image.paste(code("MECARD:N:Beispiel,Bernd;EMAIL:bernd@example.org;;"), (700, 80))
    result = read_picture(file_of(image.rotate(12, expand=True, fillcolor="white")))
    assert {read.fields.email.address for read in result.cards} == {
        "anna.mueller@example.org",
        "bernd@example.org",
    }


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "https://127.0.0.1:1/vcard.vcf", "<script>alert(1)</script>"]
)
def test_a_code_that_holds_no_card_is_shown_as_text_and_not_followed(text):
    result = read_picture(file_of(code(text), "PNG"))
    assert result.codes == (text,)
    assert result.cards == ()
    assert result.refused[0].reason == read_image.A_CODE_ONLY


def test_what_the_camera_noted_of_the_way_up_is_heeded():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = file_of(Image.new("RGB", (40, 20), "white"), exif=exif)
    assert safe_image.open_picture(data).size == (20, 40)


def test_the_first_frame_of_a_moving_picture_is_read():
    frames = [page("Anna Müller", "anna.mueller@example.org"), page("Nobody")]
    data = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    (read,) = read_picture(data).cards
    assert read.fields.email.address == "anna.mueller@example.org"


def test_what_is_transparent_lies_on_white():
    opened = safe_image.open_picture(file_of(Image.new("RGBA", (10, 10), (0, 0, 0, 0)), "PNG"))
    assert opened.getpixel((5, 5)) == (255, 255, 255)


def test_a_photo_of_fifty_megabytes_is_refused():
    assert refusal(b"\xff\xd8\xff" + bytes(50 * 1024 * 1024)) == safe_image.TOO_LARGE


@pytest.mark.parametrize("size", [(9_000, 9_000), (14_000, 14_000)])
def test_a_picture_that_would_burst_is_refused_before_it_is_decoded(size):
    data = file_of(Image.new("1", size), "PNG")
    assert len(data) < 200_000
    assert refusal(data) == safe_image.TOO_MANY_PIXELS


@pytest.mark.parametrize("cut", [20, 300, -300])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP"])
def test_a_broken_picture_is_refused(kind, cut):
    data = file_of(page("Anna Müller", "anna@example.org"), kind)
    assert refusal(data[:cut]) == safe_image.BROKEN


@pytest.mark.parametrize("size", [(20, 3000), (3000, 20), (1, 1), (40, 40)])
def test_ribbons_and_dots_hold_no_text(size):
    assert refusal(file_of(Image.new("RGB", size, "white"))) == read_image.NO_TEXT


def test_a_picture_of_something_else():
    assert refusal(file_of(Image.effect_noise((600, 400), 20))) == read_image.NO_TEXT
    assert refusal(file_of(page("Ausgang", "Bitte Türe schließen"))) == read_image.NO_CARD


def test_without_the_extras_it_says_which_line_installs_them(monkeypatch):
    data = file_of(page("Anna Müller", "anna@example.org"))
    monkeypatch.setattr(read_image, "installed", lambda modules: "rapidocr" not in modules)
    assert "pip install 'listmgr[ocr]'" in refusal(data)
    coded = read_picture(file_of(code(VCARD), "PNG"))
    assert coded.cards[0].fields.email.address == "anna.mueller@example.org"
    monkeypatch.setattr(read_image, "installed", lambda _modules: False)
    assert "pip install 'listmgr[scan,ocr]'" in refusal(data)


def test_the_models_lie_in_the_wheel_and_nothing_is_asked_for_them(monkeypatch):
    assert ocr.models_are_here()
    monkeypatch.setattr(ocr, "MODELS", {"Det.model_path": "not-there.onnx"})
    assert not ocr.models_are_here()
    assert refusal(file_of(page("anna@example.org"))) == read_image.NO_OCR
