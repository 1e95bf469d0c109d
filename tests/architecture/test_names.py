"""Names say what a value holds: words that fit every value are refused."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORDS = frozenset({"found", "told", "made", "one", "known", "wanted"})
# A class is a thing: a participle alone names none.
PARTICIPLE = re.compile(
    "_*([A-Z][a-z]+(ed|ing)|Begun|Chosen|Found|Given|Gone|Heard|Held|Kept|Known|Led|Made|Read|Seen"
    "|Sent|Taken|Told|Written)"
)
# `Refused` reads as a sentence after `raise`; the others are nouns.
ALLOWED = frozenset({"Refused", "Speed", "Meaning", "Advertising", "Finding"})


def _bound(node: ast.AST) -> str | None:
    """Return the name that a node of the syntax tree introduces."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            return name
        case ast.arg(arg=name) | ast.alias(asname=str(name)):
            return name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return name
        case (
            ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
        ):
            return name
    return None


def vague_names(source: str) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of each binding that says nothing of its value."""
    for node in ast.walk(ast.parse(source)):
        name = _bound(node)
        if name is None:
            continue
        is_class = isinstance(node, ast.ClassDef)
        if name in WORDS or (is_class and name not in ALLOWED and PARTICIPLE.fullmatch(name)):
            yield getattr(node, "lineno", 0), name


def test_no_name_of_the_package_is_vague() -> None:
    vague = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in sorted((ROOT / "listmgr").rglob("*.py"))
        for line, name in vague_names(path.read_text())
    ]
    assert not vague, "name what the value holds:\n" + "\n".join(vague)


@pytest.mark.parametrize(
    "source",
    [
        "found = 1",
        "for told in rows: pass",
        "total = sum(one for one in rows)",
        "if made := read(): pass",
        "def read(known): pass",
        "order = sorted(rows, key=lambda one: one.id)",
        "def wanted(): pass",
        "class known: pass",
        "class Chosen: pass",
        "class _Loading: pass",
        "class Row:\n    known: int",
        "self.found = 1",
        "from re import match as found",
        "try: read()\nexcept OSError as told: pass",
        "match rows:\n    case [one, *made]: pass",
    ],
)
def test_vague_names_are_noticed_wherever_they_are_bound(source: str) -> None:
    assert list(vague_names(source))


def test_calls_and_texts_may_use_the_words() -> None:
    assert not list(vague_names("row = session.scalars(query).one()\nsql = 'WITH found AS ()'"))
