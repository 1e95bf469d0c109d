"""Quoted-printable made in pieces is what it would be in one, and safe to put side by side."""

from __future__ import annotations

import quopri
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from listmgr.delivery.message import mime

UNHURRIED = settings(deadline=None)
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")) | st.text(
    " .=\t\nüx", max_size=200
)


def decoded(encoded: str) -> str:
    return quopri.decodestring(encoded.encode()).decode().replace("\r\n", "\n")


@UNHURRIED
@given(st.lists(ANY))
def test_m12_pieces_side_by_side_are_the_whole(pieces):
    whole = "".join(mime.quoted(piece) for piece in pieces)
    assert decoded(whole) == "".join(pieces)


@UNHURRIED
@given(ANY)
def test_m14_each_line_is_short_ends_in_crlf_and_begins_without_a_dot(text):
    encoded = mime.quoted(text)
    assert encoded.isascii()
    assert encoded == "" or encoded.endswith("\r\n")
    for line in encoded.split("\r\n"):
        assert len(line) <= 76
        assert not line.startswith(".")
        # A blank at the end of a line would be lost on the way (RFC 2045, 6.7).
        assert not line.endswith((" ", "\t"))
        assert re.fullmatch(r"(?:[ -<>-~\t]|=[0-9A-F]{2})*=?", line)


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", ""),
        ("Ann", "Ann=\r\n"),
        ("Ann\n", "Ann\r\n"),
        (".", "=2E=\r\n"),
        ("a.\n.\n", "a.\r\n=2E\r\n"),
        ("a \n", "a=20\r\n"),
        ("a ", "a =\r\n"),
        ("=", "=3D=\r\n"),
        ("ü", "=C3=BC=\r\n"),
        ("x" * 76, "x" * 75 + "=\r\nx=\r\n"),
        ("x" * 75 + ".", "x" * 75 + "=\r\n=2E=\r\n"),
        ("\n", "\r\n"),
    ],
)
def test_what_is_written(text: str, encoded: str):
    assert mime.quoted(text) == encoded


def test_a_body_has_line_feeds_and_ends_in_one():
    assert mime.body_source("a\r\nb\rc") == "a\nb\nc\n"
    assert mime.body_source("a\n") == "a\n"
    assert mime.body_source("") == "\n"


@UNHURRIED
@given(st.text())
def test_cleaning_keeps_everything_but_controls(value):
    cleaned = mime.clean(value)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", cleaned)
    assert mime.clean(cleaned) == cleaned
    if value.isprintable():
        assert cleaned == value


def test_a_boundary_depends_on_the_content_and_stands_in_no_body():
    assert mime.boundary("a", "b") != mime.boundary("ab", "")
    assert mime.boundary("a\ud800") == mime.boundary("a\ud800")
    made = mime.boundary("a")
    assert made not in mime.quoted(made)
    assert len(f'Content-Type: multipart/alternative; boundary="{made}"') <= 76
