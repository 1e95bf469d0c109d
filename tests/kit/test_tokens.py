"""Tokens: one door each, refused when forged, and the fast mint agrees with itsdangerous."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listmgr.kit.tokens import TIMELESS, Door, TokenInvalid, make_token, open_token, token_mint

KEYS = ("new", "old")


@given(st.integers(0, 2**62), st.integers(0, 2**62))
def test_the_mint_makes_what_itsdangerous_makes(first, second):
    for door in TIMELESS:
        token = token_mint(KEYS, door)(first, second)
        theirs = make_token(KEYS, door, first, second)
        # itsdangerous packs a payload with zlib where that is shorter, and marks it with a dot.
        assert token == theirs or theirs.startswith(".")
        assert open_token(KEYS, door, token) == [first, second]


@pytest.mark.parametrize(("made", "tried"), list(itertools.permutations(Door, 2)))
def test_t20_no_token_opens_another_door(made, tried):
    with pytest.raises(TokenInvalid):
        open_token(KEYS, tried, make_token(KEYS, made, 1, 2))


@given(st.text(max_size=200))
def test_garbage_is_refused_in_one_way(text):
    for door in Door:
        with pytest.raises(TokenInvalid):
            open_token(KEYS, door, text)
