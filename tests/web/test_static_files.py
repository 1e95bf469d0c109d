"""Files of the pages: kept for a year by their fingerprint, compressed once."""

from __future__ import annotations

import gzip
import re

import pytest

from listmgr.web import static_files

GZIP = {"Accept-Encoding": "br;q=1.0, gzip;q=0.8"}
YEAR = "public, max-age=31536000, immutable"


@pytest.fixture
def linked(client) -> list[str]:
    """Every file that the sign-in page and the front page name."""
    text = client.get("/studio/sign-in").text + client.get("/").text
    return re.findall(r'"(/(?:static|bootstrap/static)/[^"]+)"', text)


def test_b17_linked_files_are_compressed_and_kept_for_a_year(client, linked):
    assert len(linked) == 5
    for link in linked:
        answer = client.get(link, headers=GZIP)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == YEAR
        assert answer.headers["Vary"] == "Accept-Encoding"
        assert answer.headers["Content-Encoding"] == "gzip"
        plain = client.get(link)
        assert "Content-Encoding" not in plain.headers
        assert plain.headers["Vary"] == "Accept-Encoding"
        assert gzip.decompress(answer.data) == plain.data
        assert plain.mimetype == answer.mimetype != "application/octet-stream"
        assert plain.headers["ETag"] != answer.headers["ETag"]
    sizes = [len(client.get(link, headers=GZIP).data) for link in linked]
    assert sum(sizes) < 45_000


def test_b17_a_link_of_another_version_is_not_kept(client):
    for link in ("/static/public.css", "/static/public.css?v=0123456789abcdef"):
        answer = client.get(link)
        assert answer.headers["Cache-Control"] == "no-cache"
        for headers in ({}, GZIP):
            tag = client.get(link, headers=headers).headers["ETag"]
            again = client.get(link, headers={**headers, "If-None-Match": tag})
            assert (again.status_code, again.data) == (304, b"")
            assert again.headers["ETag"] == tag
            assert again.headers["Vary"] == "Accept-Encoding"


def test_b17_who_refuses_gzip_gets_the_file_itself(client):
    for accepted in ("gzip;q=0", "identity", "br"):
        answer = client.get("/static/public.css", headers={"Accept-Encoding": accepted})
        assert "Content-Encoding" not in answer.headers
        assert b"body" in answer.data


def test_b17_a_file_is_compressed_once_a_process(client, linked):
    reads = static_files._read.cache_info().misses
    for _ in range(3):
        for link in linked:
            client.get(link, headers=GZIP)
    assert static_files._read.cache_info().misses - reads <= len(linked)


@pytest.mark.parametrize(
    "path",
    [
        "/static/nothing.css",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/",
        "/bootstrap/static/js/bootstrap.js",
    ],
)
def test_only_files_of_our_pages_are_answered(client, path):
    answer = client.get(path, headers=GZIP)
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"
