"""`listmgr evidence verify` says of any file in one sentence whether it is sound."""

from __future__ import annotations

import copy
import json

import pytest
from click.testing import CliRunner

from listmgr.cli.evidence import evidence
from listmgr.consent.proof import proof
from tests.conftest import NOW
from tests.factories import (
    make_confirmed,
    make_list,
)


@pytest.fixture
def exported(uow) -> dict:
    with uow() as tx:
        _, _, notice = make_list(tx)
        made = make_confirmed(tx, "anna@example.com", notice, NOW)
        return json.loads(json.dumps(proof(tx.session, made.id)))


def verify_file(tmp_path, content: bytes) -> tuple[int, str]:
    file = tmp_path / "proof.json"
    file.write_bytes(content)
    result = CliRunner().invoke(evidence, ["verify", str(file)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"format": "listmgr-consent-proof-1"}',
        b'{"format": "listmgr-consent-proof-1", "consent_id": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda content: repr(content[:20]),
)
def test_s19_what_is_no_proof_is_refused_in_a_sentence(tmp_path, content):
    code, told = verify_file(tmp_path, content)
    assert code == 1
    assert told.startswith("Error: Not sound: ")
    assert len(told.splitlines()) == 1


ODD = [None, True, 7, 1.5, "", "x", "é" * 32, "\ud800", [], {}, [[]], {"a": 1}, -1, 10**400]


def test_s19_no_odd_value_anywhere_is_sound_or_ends_in_a_traceback(tmp_path, exported):
    def check(forged: object) -> None:
        code, told = verify_file(tmp_path, json.dumps(forged).encode())
        assert (code, "Not sound" in told) == (1, True), told

    assert verify_file(tmp_path, json.dumps(exported).encode())[0] == 0
    for value in ODD:
        for key in exported:
            check(exported | {key: value})
        check(exported | {"events": [value]})
        for key in exported["events"][0]:
            forged = copy.deepcopy(exported)
            forged["events"][0][key] = value
            check(forged)
    for at in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-23T12:00:00"):
        forged = copy.deepcopy(exported)
        forged["events"][0]["at"] = at
        check(forged)


def test_s19_keys_that_stand_twice_or_are_unknown_are_refused(tmp_path, exported):
    text = json.dumps(exported)
    for forged in (
        text.replace('"facts": ', '"facts": "{}", "facts": ', 1),
        text.replace('"status": ', '"status": "confirmed", "status": ', 1),
        json.dumps(exported | {"also_agreed_to": "phone calls"}),
        json.dumps(exported | {"events": [e | {"note": "x"} for e in exported["events"]]}),
    ):
        assert verify_file(tmp_path, forged.encode())[0] == 1


def test_s19_octets_do_not_move_between_evidence_and_salt(tmp_path, exported):
    forged = copy.deepcopy(exported)
    event = next(one for one in forged["events"] if "evidence" in one)
    event["salt"] += event["evidence"][:3].encode().hex()
    event["evidence"] = event["evidence"][3:]
    assert verify_file(tmp_path, json.dumps(forged).encode())[0] == 1
    half = copy.deepcopy(exported)
    del next(one for one in half["events"] if "evidence" in one)["salt"]
    assert verify_file(tmp_path, json.dumps(half).encode())[0] == 1
