"""What is no password: common ones, patterns, and names everybody knows."""

from __future__ import annotations

import time

import pytest

from listmgr.operators.passwords import MAX_LENGTH, problem_with

WORDS = ("ada.lindqvist@example.org", "Ada Lindqvist", "news.lindenhof.example", "Lindenbrief")


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "123456789012",
        "abcdefabcdef",
        "qwertzuiop12",
        "administrator",
        "ada.lindqvist@example.org",
        "Lindqvist2026",
        "lindenhof2026",
        "Lindenbrief1",
        "aaaaaaaaaaaaaaaaaaaa",
        "iloveyouiloveyou",
    ],
)
def test_s21_what_is_easy_to_guess_is_refused(password):
    assert "too easy to guess" in problem_with(password, WORDS)


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "Kd83hs!qpzm2", "vier Wörter ohne Sinn", "\ud800 lone surrogate",
     "x7" * 250],
)  # fmt: skip
def test_s21_what_is_hard_to_guess_is_taken_whatever_signs_it_has(password):
    assert problem_with(password, WORDS) in ("", problem_with("x7" * 250, WORDS))


def test_s21_the_longest_is_looked_at_in_no_time():
    began = time.process_time()
    problem_with("ab1!" * (MAX_LENGTH // 4), WORDS)
    assert time.process_time() - began < 5
