"""Tests that README and docs agree with the program and with each other."""

from __future__ import annotations

import re
from pathlib import Path

from listmgr import config
from listmgr.schema import resource

ROOT = resource("templates").parent
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def test_every_setting_stands_in_the_readme():
    names = config.setting_names() | {"DATABASE_URL", "REDIS_URL"}
    readme = (ROOT / "README.md").read_text()
    assert len(names) > 20
    assert sorted(name for name in names if f"`{name}`" not in readme) == []


def test_the_readme_names_no_setting_that_is_not_read():
    readme = set(re.findall(r"`(LISTMGR_[A-Z_]+)`", (ROOT / "README.md").read_text()))
    assert readme - config.setting_names() == set()


def test_every_mail_has_subject_text_and_html():
    for folder in (ROOT / "templates" / "mail").glob("*/*/"):
        assert {path.name for path in folder.iterdir()} >= {"subject.txt", "body.txt", "body.html"}


def test_every_decision_says_context_decision_consequences_and_alternatives():
    assert DECISIONS
    for path in DECISIONS:
        for heading in ("Context", "Decision", "Consequences", "Alternatives"):
            assert f"**{heading}.**" in path.read_text(), path.name


def test_every_file_the_documents_name_exists():
    files = {
        str(path.relative_to(ROOT))
        for folder in ("listmgr", "tests", "bench", "migrations")
        for path in (ROOT / folder).rglob("*.*")
    } | {path.name for path in ROOT.iterdir()}
    missing = [
        f"{document.name}: {name}"
        for document in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
        if document.name != "CHANGELOG.md"
        for name in re.findall(r"(?<![\w./-])([\w/]+\.(?:py|sql|lua))\b", document.read_text())
        if not any(f"/{path}".endswith(f"/{name}") for path in files)
    ]
    assert missing == []


def test_every_number_in_a_tests_name_is_explained():
    """Look up each number of a test (`test_l14_`, `test_s13_f11_`) in docs/requirements.md."""
    numbers = {
        number.upper()
        for path in (ROOT / "tests").rglob("test_*.py")
        for prefix in re.findall(r"def test((?:_[lmtfsdbw]\d\d)+)_", path.read_text())
        for number in re.findall(r"[a-z]\d\d", prefix)
    }
    rows = re.findall(r"^\| ([A-Z])-?(\d\d) \|", _read("docs/requirements.md"), re.MULTILINE)
    assert len(numbers) > 100
    assert sorted(numbers - {letter + digits for letter, digits in rows}) == []
    assert len(rows) == len(set(rows))


def test_every_decision_is_in_the_index():
    index = _read("docs/decisions/README.md")
    numbers = re.findall(r"^\| \[?(\d{4})", index, re.MULTILINE)
    present = sorted(path.name for path in DECISIONS)
    assert [name for name in present if f"]({name})" not in index] == []
    assert numbers == sorted(set(numbers))


def test_every_link_between_documents_leads_to_a_file_and_heading():
    broken = []
    for document in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", document.read_text()):
            name, _, heading = target.partition("#")
            path = document.parent / name if name else document
            if not path.exists() or (heading and heading not in _headings(path)):
                broken.append(f"{document.name}: {target}")
    assert broken == []


def _read(name: str) -> str:
    return (ROOT / name).read_text()


def _headings(path: Path) -> set[str]:
    """Return the anchors GitHub gives the headings of a document."""
    lines = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in lines}
