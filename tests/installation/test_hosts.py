"""D2: hosts of one installation have the same keys, or do not start."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from listmgr.cards.intake import objection
from listmgr.consent import staff_requests
from listmgr.consent.gate import count_mailable
from listmgr.kit.clock import now
from listmgr.kit.installation_state import HoldReason
from listmgr.runtime.ports import free_port
from listmgr.subscribers.models import Subscriber
from tests.conftest import SECRET_KEY
from tests.factories import (
    make_confirmed,
    make_list,
)
from tests.installation.conftest import Host

KEYS = ("SECRET_KEY", "SUPPRESSION_KEY", "ANCHOR_KEY")
OTHER = "another key".ljust(40, ".")
COMMANDS = (
    ("worker", "--burst"),
    ("scheduler",),
    ("migrate",),
    ("evidence", "export", "1"),
    ("installation", "show"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_d02_a_host_with_an_empty_data_directory_is_refused(host: Host, tmp_path: Path, command):
    second = host.another(tmp_path / "second")
    env = {name: told for name, told in second.env.items() if name[8:] not in KEYS}
    refused = subprocess.run(
        [sys.executable, "-m", "listmgr", *command],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 1
    assert "LISTMGR_SECRET_KEY and LISTMGR_SUPPRESSION_KEY" in refused.stderr
    assert "Copy the folder `secrets`" in refused.stderr
    assert "Traceback" not in refused.stderr
    # The way out.
    secrets = tmp_path / "second" / "secrets"
    for name, key in (
        ("secret_key", SECRET_KEY),
        ("suppression_key", host.settings.suppression_key.decode()),
        ("anchor_key", host.settings.anchor_key.decode()),
    ):
        (secrets / name).write_text(key)
    joined = subprocess.run(
        [sys.executable, "-m", "listmgr", "worker", "--burst"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert joined.returncode == 0, joined.stderr
    assert host.installation().held_at is None


def test_d02_the_web_does_not_start_with_other_keys(host: Host, tmp_path: Path):
    second = host.another(tmp_path / "second", suppression_key=OTHER.encode())
    web = subprocess.run(
        [sys.executable, "-m", "gunicorn", "listmgr.app:create_app()",
         f"--bind=127.0.0.1:{free_port()}"],
        env=second.env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert web.returncode != 0
    assert "Error: LISTMGR_SUPPRESSION_KEY: this host has other keys" in web.stderr


def test_d02_the_secret_key_can_be_rotated_host_by_host(host: Host, tmp_path: Path):
    new, newest = "new".ljust(40, "."), "newest".ljust(40, ".")
    rotated = host.another(tmp_path / "rotated", secret_keys=(new, SECRET_KEY))
    assert rotated.run("installation", "show").returncode == 0
    # A host that has not been told yet, then one that has let the old key go.
    assert host.run("installation", "show").returncode == 0
    assert (
        host.another(tmp_path / "x", secret_keys=(new,)).run("installation", "show").returncode == 0
    )
    stranger = host.another(tmp_path / "y", secret_keys=(newest,))
    assert stranger.run("installation", "show").returncode == 1
    known = host.installation().secret_keys
    assert len(known) == 2
    assert all(len(told) == 64 and SECRET_KEY[:11] not in told for told in known)


def test_d02_an_older_database_tells_its_key_by_its_people(host: Host, tmp_path: Path):
    """One that is met for the first time after an upgrade must not take a stranger's keys."""
    with host.uow() as tx:
        make_confirmed(tx, "a@example.org", make_list(tx)[2], now())
        tx.session.execute(sa.text("DELETE FROM installation"))
    stranger = host.another(tmp_path / "second", suppression_key=OTHER.encode())
    refused = stranger.run("worker", "--burst")
    assert refused.returncode == 1
    assert "LISTMGR_SUPPRESSION_KEY" in refused.stderr


def test_d02_a_data_directory_serves_one_installation(host: Host, tmp_path: Path):
    with host.uow() as tx:
        tx.session.execute(sa.text("UPDATE installation SET id = 'another'"))
    keys = host.run("installation", "show")
    assert keys.returncode == 1
    # Keys are known by fingerprints of this installation alone, so they are other keys there.
    assert "other keys" in keys.stderr


def test_d02_lost_keys_are_replaced_and_blocks_of_subscribers_stay(host: Host, tmp_path: Path):
    with host.uow() as tx:
        _, purpose, notice = make_list(tx)
        for name in ("stays", "objects"):
            make_confirmed(tx, f"{name}@example.org", notice, now() - timedelta(days=1))
        objector = tx.session.scalars(
            sa.select(Subscriber.id).where(Subscriber.address == "objects@example.org")
        ).one()
        staff_requests.record_objection(tx, objector, how="phone", actor="operator:1", at=now())
        purpose_id = purpose.id
    new = host.another(
        tmp_path / "new",
        secret_keys=(OTHER,), suppression_key=OTHER.encode(), anchor_key=OTHER.encode(),
    )  # fmt: skip
    adopted = new.run("installation", "adopt", "--yes")
    assert adopted.returncode == 0, adopted.stderr
    assert new.installation().held_because is HoldReason.NEW_KEYS
    assert host.run("installation", "show").returncode == 1
    with new.uow() as tx:
        assert objection(tx, ["objects@example.org"]) is not None
        assert objection(tx, ["stays@example.org"]) is None
        assert count_mailable(tx.session, new.settings, purpose_id) == 1
    assert new.run("installation", "go-on").returncode == 0
    assert replace(new.settings).data_dir == tmp_path / "new"
