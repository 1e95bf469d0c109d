"""D9: on a machine that is too slow the story ends in a sentence, with what was seen until then."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

from listmgr.demo import story
from listmgr.kit.clock import now
from listmgr.runtime.dev_mailbox import (
    Store,
    viewer,
)
from tests.conftest import ANCHOR_KEY, SECRET_KEY, SUPPRESSION_KEY
from tests.factories import (
    launched,
    make_confirmed,
    make_list,
)


@pytest.fixture
def env(settings) -> dict[str, str]:
    return {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "LISTMGR_DATA_DIR": str(settings.data_dir),
        "LISTMGR_SECRET_KEY": SECRET_KEY,
        "LISTMGR_SUPPRESSION_KEY": SUPPRESSION_KEY,
        "LISTMGR_ANCHOR_KEY": ANCHOR_KEY,
    }


@pytest.fixture
def mailbox(tmp_path) -> Iterator[tuple[Store, str]]:
    store = Store(tmp_path / "mails")
    server = make_server("127.0.0.1", 0, viewer(store), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield store, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def campaign(uow) -> int:
    with uow() as tx:
        _, purpose, notice = make_list(tx)
        make_confirmed(tx, "a@example.org", notice, now())
        purpose_id = purpose.id
    return launched(uow, purpose_id, at=now())


def test_d09_a_worker_that_stands_still_is_told(env, mailbox, campaign, monkeypatch):
    monkeypatch.setattr(story, "PATIENCE", 0.5)
    with pytest.raises(story.StoryStopped, match="nothing has moved") as stopped:
        story.play(env, mailbox[1])
    assert stopped.value.lines == []


def test_d09_who_is_slow_and_moves_is_waited_for(mailbox, monkeypatch):
    """Ten steps of almost the whole patience each."""
    monkeypatch.setattr(story, "PATIENCE", 0.6)
    store, _ = mailbox
    steps = iter(range(10))
    ended = threading.Event()

    def work() -> None:
        for step in steps:
            ended.wait(0.3)
            store.keep("a@example.org", b"Subject: %d\r\n\r\n" % step)

    worker = threading.Thread(target=work)
    worker.start()

    def kept() -> int:
        return len(store.find("", "", 20))

    story.wait_for("ten", lambda: kept() == 10, kept)
    worker.join()


def test_d09_a_mailbox_that_does_not_answer_is_told(env, campaign):
    with pytest.raises(story.StoryStopped, match="refused"):
        story.play(env, "http://127.0.0.1:1")
