"""Long pages of the studio are compressed, unless another site may have chosen what is in them."""

from __future__ import annotations

import gzip

import pytest

PAGE = "/studio/subscribers?q=anna"
OURS = {"Sec-Fetch-Site": "same-origin", "Accept-Encoding": "gzip, deflate, br, zstd"}


def test_b17_a_long_page_our_own_page_asks_for_is_compressed(admin, sample):
    answer = admin.get(PAGE, headers=OURS)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.content_length == len(answer.data)
    text = gzip.decompress(answer.data).decode()
    assert "anna" in text
    assert len(answer.data) < len(text.encode()) / 3
    assert {"Accept-Encoding", "Sec-Fetch-Site"} <= set(answer.vary)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": ""},
        {"Accept-Encoding": "gzip;q=0, br"},
    ],
)
def test_b17_what_another_site_may_have_asked_for_is_not_compressed(admin, sample, headers):
    answer = admin.get(PAGE, headers=OURS | headers)
    assert "Content-Encoding" not in answer.headers
    assert "csrf_token" in answer.text


def test_b17_the_length_of_a_compressed_page_varies(admin, sample):
    answers = [admin.get(PAGE, headers=OURS) for _ in range(8)]
    assert len({len(answer.data) for answer in answers}) > 1


def test_b17_short_pages_and_public_ones_are_left_as_they_are(client, sample):
    assert "Content-Encoding" not in client.get("/studio/sign-in", headers=OURS).headers
    assert "Content-Encoding" not in client.get("/", headers=OURS).headers
