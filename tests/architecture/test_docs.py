"""What the README says is what the program reads."""

from __future__ import annotations

import re

from listmgr import config
from listmgr.schema import resource

ROOT = resource("templates").parent


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
    found = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert found
    for path in found:
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
        for name in re.findall(r"`([\w/]+\.(?:py|sql|lua))`", document.read_text())
        if not any(f"/{path}".endswith(f"/{name}") for path in files)
    ]
    assert missing == []
