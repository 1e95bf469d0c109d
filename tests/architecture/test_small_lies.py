"""What pages and modules say of themselves is so."""

from __future__ import annotations

import re

from flask import Flask, render_template_string

from listmgr.consent import withdraw
from listmgr.delivery.smtp.connection import Reply
from listmgr.schema import resource

FIELD = """{% from "studio/macros.html" import choice, field %}
{{ field({"a": ""}, {}, "a", "A", hint="H") }}{{ field({"b": ""}, {"b": "P"}, "b", "B") }}
{{ field({"c": ""}, {"c": "P"}, "c", "C", hint="H") }}{{ field({"d": ""}, {}, "d", "D") }}
{{ choice({"e": ""}, {"e": "P"}, "e", "E", [("", "x")]) }}"""


def test_w13_what_describes_a_field_is_there(app: Flask):
    with app.test_request_context("/studio/"):
        page = render_template_string(FIELD)
    described = re.findall(r'aria-describedby="([^"]*)"', page)
    assert described == ["a-hint", "b-problem", "c-problem c-hint", "e-problem"]
    for name in " ".join(described).split():
        assert f'id="{name}"' in page


def test_w13_every_description_in_the_studio_can_be_left_out():
    """An id is named where it may not exist unless a condition stands around it."""
    for path in (resource("templates") / "studio").rglob("*.html"):
        for line in path.read_text().splitlines():
            for found in re.finditer(r'aria-describedby="[^"{]*-problem', line):
                before = line[: found.start()]
                assert before.rfind("{% if") > before.rfind("{% endif"), f"{path.name}: {line[:80]}"


def test_w13_nothing_is_kept_for_its_name_alone():
    assert not hasattr(withdraw, "HOW")
    assert "line feeds" in (Reply.__doc__ or "")


def test_w06_the_languages_stand_in_one_place():
    """No module lists them again."""
    several = re.compile(r"""[("{\[ ]["'](?:de|en)["'](?:, |: "[A-Z][a-z]+", )["'](?:de|en)["']""")
    product = resource("templates").parent / "listmgr"
    lists = [
        f"{path.name}: {line.strip()}"
        for path in product.rglob("*.py")
        if "demo" not in path.parts
        for line in path.read_text().splitlines()
        if several.search(line) and not line.lstrip().startswith("LANGUAGES = {")
    ]
    assert lists == []
