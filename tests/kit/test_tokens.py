"""Tokens: one door each, refused when forged, and the fast mint agrees with itsdangerous."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import TimestampSigner

from listmgr.kit.clock import now
from listmgr.kit.tokens import (
    TIMELESS,
    TokenExpired,
    TokenInvalid,
    TokenPurpose,
    fast_token_signer,
    make_token,
    open_token,
)

KEYS = ("new", "old")


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_the_mint_makes_what_itsdangerous_makes(first, second):
    for door in TIMELESS:
        token = fast_token_signer(KEYS, door)(first, second)
        theirs = make_token(KEYS, door, first, second)
        # itsdangerous packs a payload with zlib where that is shorter, and marks it with a dot.
        assert token == theirs or theirs.startswith(".")
        assert open_token(KEYS, door, token) == [first, second]


@pytest.mark.parametrize("door", TokenPurpose)
def test_s27_a_token_opens_in_the_one_way_it_is_written(door):
    token = make_token(KEYS, door, 1, 2)
    assert open_token(KEYS, door, token) == [1, 2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [token[:-1] + last for last in alphabet if last != token[-1]]
    payload, dot, signature = token.rpartition(".")
    others += [token + tail for tail in ("=", "==", "A", "!", "\n", " ", ".")]
    others += [f"{payload}{dot}!{signature}", f"{payload}{dot}{signature[:5]}*{signature[5:]}"]
    for other in others:
        with pytest.raises(TokenInvalid):
            open_token(KEYS, door, other)


@pytest.mark.parametrize(("made", "tried"), list(itertools.permutations(TokenPurpose, 2)))
def test_t20_no_token_opens_another_door(made, tried):
    with pytest.raises(TokenInvalid):
        open_token(KEYS, tried, make_token(KEYS, made, 1, 2))


@given(st.text(max_size=200))
def test_garbage_is_refused_in_one_way(text):
    for door in TokenPurpose:
        with pytest.raises(TokenInvalid):
            open_token(KEYS, door, text)


def at_clock(monkeypatch: pytest.MonkeyPatch, ahead: timedelta) -> None:
    """Sign as a host does whose clock is ahead."""
    moment = int((now() + ahead).timestamp())
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _self: moment)


@pytest.mark.parametrize("door", sorted(set(TokenPurpose) - TIMELESS))
def test_f10_a_link_signed_by_a_clock_that_is_ahead_opens(
    door: TokenPurpose, monkeypatch: pytest.MonkeyPatch
):
    at_clock(monkeypatch, timedelta(hours=47))
    token = make_token(KEYS, door, 7)
    assert open_token(KEYS, door, token, max_age=3600) == [7]
    at_clock(monkeypatch, timedelta(hours=49))
    with pytest.raises(TokenExpired):
        open_token(KEYS, door, make_token(KEYS, door, 7), max_age=3600)


def test_f10_leeway_makes_no_link_live_longer(monkeypatch: pytest.MonkeyPatch):
    at_clock(monkeypatch, -timedelta(seconds=3590))
    assert open_token(
        KEYS, TokenPurpose.CONFIRM, make_token(KEYS, TokenPurpose.CONFIRM, 7), max_age=3600
    ) == [7]
    at_clock(monkeypatch, -timedelta(seconds=3610))
    with pytest.raises(TokenExpired):
        open_token(
            KEYS, TokenPurpose.CONFIRM, make_token(KEYS, TokenPurpose.CONFIRM, 7), max_age=3600
        )
