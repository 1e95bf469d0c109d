"""The catalogues: every text of every page has its German, and the compiled file is up to date."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from listmgr.schema import resource

ROOT = resource("templates").parent
CATALOGUES = sorted((ROOT / "listmgr" / "translations").glob("*/LC_MESSAGES/messages.po"))


def catalogue(path: Path) -> Catalog:
    return read_po(io.BytesIO(path.read_bytes()))


@pytest.fixture(scope="module")
def extracted(tmp_path_factory) -> set[str]:
    """The first form of every message in code and templates, by pyproject.toml's own mapping."""
    template = tmp_path_factory.mktemp("pot") / "messages.pot"
    command = ["babel.messages.frontend", "-q", "extract", "-F", "pyproject.toml", "-o"]
    subprocess.run([sys.executable, "-m", *command, str(template), "."], cwd=ROOT, check=True)
    with template.open("rb") as file:
        return {m.id if isinstance(m.id, str) else m.id[0] for m in read_po(file) if m.id}


def test_there_is_a_german_catalogue_and_texts_for_it(extracted):
    assert [path.parent.parent.name for path in CATALOGUES] == ["de"]
    assert "Unsubscribe now" in extracted
    assert "Too many requests at once. Please try again in an hour." in extracted


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_no_text_lacks_its_translation(path, extracted):
    known = catalogue(path)
    wanting = {
        text
        for text in extracted
        if (found := known.get(text)) is None
        or found.fuzzy
        or not (all(found.string) if isinstance(found.string, tuple) else found.string)
    }
    assert not wanting, "see [tool.babel] in pyproject.toml for what to do"


def test_no_text_hides_in_an_f_string_where_it_is_not_extracted():
    hidden = [
        f"{path.name}:{call.lineno}"
        for path in (ROOT / "listmgr").rglob("*.py")
        for joined in ast.walk(ast.parse(path.read_text()))
        if isinstance(joined, ast.JoinedStr)
        for call in ast.walk(joined)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in {"_", "N_", "gettext", "ngettext"}
        and any(isinstance(told, ast.Constant) for told in call.args)
    ]
    assert hidden == []


# Sentences that programs and operators of the machine read, not people in front of a page.
NOT_SHOWN = ("api", "cli", "demo", "runtime", "headers.py", "identity.py", "proof.py")
NOT_SHOWN += ("register.py", "erasure_registry.py", "pool.py")


def test_w12_no_sentence_is_put_together_by_an_f_string():
    """It would be in no catalogue: `filled(N_("…%(gap)s…"), gap=…)` says it in each language."""
    paths = [
        path
        for path in (ROOT / "listmgr").rglob("*.py")
        if not {*path.relative_to(ROOT / "listmgr").parts} & {*NOT_SHOWN}
    ]
    sentences = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in paths
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr) and _is_sentence(node)
    ]
    assert sentences == []


def _is_sentence(joined: ast.JoinedStr) -> bool:
    """Whether people could read it: several words of small letters, and a stop at the end."""
    text = "".join(
        str(part.value) if isinstance(part, ast.Constant) else "X" for part in joined.values
    )
    return bool(re.fullmatch(r"[A-Z“][^\n<{]* [a-z]+ [a-z]+[^\n<{]*[.!?]\)?", text))


def test_every_sentence_of_a_room_is_in_the_catalogue():
    known = {
        one
        for message in catalogue(CATALOGUES[0])
        for one in (message.id if isinstance(message.id, tuple) else (message.id,))
    }
    unknown = []
    for path in (ROOT / "listmgr").rglob("*.py"):
        if {*path.relative_to(ROOT / "listmgr").parts} & {*NOT_SHOWN}:
            continue
        tree = ast.parse(path.read_text())
        # Docstrings, and what is put together and so is no sentence of its own.
        other = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr | ast.JoinedStr)
            and (isinstance(node, ast.JoinedStr) or isinstance(node.value, ast.Constant))
            for part in ast.walk(node)
        }
        unknown += [
            f"{path.name}:{node.lineno} {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and id(node) not in other
            and isinstance(node.value, str)
            and re.fullmatch(r"[A-Z“][^\n]* [^\n]*\.", node.value)
            and node.value not in known
        ]
    assert unknown == [], "N_() puts them there"


def test_what_is_counted_has_a_form_for_one():
    things = "people|persons|rows|mails|events|consents|subscribers|columns|files|fields|cards"
    counted = re.compile(rf"(?<!about )%\((?!number|found)\w+\)[sd] (?:{things})\b")
    for path in CATALOGUES:
        alone = [m.id for m in catalogue(path) if isinstance(m.id, str) and counted.search(m.id)]
        assert alone == [], "these say “1 people”: ngettext knows the other form"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_the_compiled_catalogue_says_the_same(path):
    def told(found: Catalog) -> dict[object, object]:
        # With and without a plural: a text, or some in whatever kind of sequence.
        def plain(text):
            return text if isinstance(text, str) else tuple(text)

        return {plain(m.id): plain(m.string) for m in found if m.id}

    compiled = read_mo(io.BytesIO(path.with_suffix(".mo").read_bytes()))
    assert told(compiled) == told(catalogue(path))


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_a_translation_fills_in_the_same_fields(path):
    def fields(text: str) -> set[str]:
        return set(re.findall(r"%\(\w+\)[sd]|%%", text))

    for message in catalogue(path):
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        for text in texts if message.id else ():
            assert fields(text) <= fields(" ".join(ids)), text
            assert message.pluralizable or fields(text) == fields(ids[0]), text
