"""Files on a campaign's page: put there, shown in the preview, saved, taken away."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest

from listmgr.campaigns import compose
from listmgr.kit.clock import now
from tests.conftest import UnitOfWork
from tests.web.studio.conftest import Desk

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def draft(uow: UnitOfWork, sample: dict[str, int]) -> str:
    with uow() as tx:
        words = compose.Draft("Juni", sample["purpose_id"], "Juni", body="![Wir](cid:logo.png)")
        made = compose.create(tx, words, operator_id=None, at=now())
        return f"/studio/campaigns/{made.id}"


def put(desk: Desk, page: str, *files: tuple[str, bytes]) -> None:
    sent = [(BytesIO(data), name) for name, data in files]
    assert desk.post(f"{page}/files", {"file": sent}).status_code == 303


def test_a_picture_is_put_there_shown_and_taken_away(desk: Callable[..., Desk], draft: str):
    marketer = desk("marketer")
    assert "There is no file “logo.png”" in marketer.get(draft).text
    put(marketer, draft, ("logo.png", PNG), ("preise.txt", b"zwei Euro"))
    page = marketer.get(draft).text
    assert "![](cid:logo.png)" in page
    assert "the fast way" in page
    assert "data:image/png;base64,iVBOR" in marketer.get(f"{draft}/mail").text
    link = page.split(f'href="{draft}/files/')[2].split('"')[0]
    saved = marketer.get(f"{draft}/files/{link}")
    assert saved.data == b"zwei Euro"
    assert saved.headers["Content-Disposition"] == "attachment; filename=preise.txt"
    assert marketer.post(f"{draft}/files/{link}/remove").status_code == 303
    assert "preise.txt" not in marketer.get(draft).text


def test_what_may_not_go_along_is_told(desk: Callable[..., Desk], draft: str):
    marketer = desk("marketer")
    put(marketer, draft, ("fine.txt", b"x"), ("run.exe", b"MZ"))
    page = marketer.get(draft).text
    assert "run.exe: This type of file cannot be sent by mail" in page
    assert "fine.txt" not in page


def test_conditions_are_said_to_take_longer(admin: Desk, uow: UnitOfWork, sample: dict[str, int]):
    with uow() as tx:
        body = "{% if company %}Firma{% endif %}"
        words = compose.Draft("Juli", sample["purpose_id"], "Juli", body=body)
        made = compose.create(tx, words, operator_id=None, at=now())
    assert "evaluated for each person" in admin.get(f"/studio/campaigns/{made.id}").text


def test_a_file_of_another_campaign_is_not_found(admin: Desk, draft: str, sample: dict[str, int]):
    assert admin.get(f"{draft}/files/{sample['file_id']}").status_code == 404
