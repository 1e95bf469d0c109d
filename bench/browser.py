"""An administrator at the studio, for benchmarks. Not a benchmark itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from place import Place

from listmgr.kit.clock import now
from listmgr.kit.db import db
from listmgr.operators.accounts import create_operator

BASE = "https://news.example.org"
PASSWORD = "correct horse battery"


class Browser:
    """Opens pages as a browser without scripts does; `seen` are the routes it has been to."""

    def __init__(self, at: Place) -> None:
        with at.work() as tx:
            who = {"name": "A", "role": "administrator", "password": PASSWORD, "at": now()}
            create_operator(tx, email="a@example.org", **who)
        self.app = at.leave()
        self.client = self.app.test_client()
        self.seen: set[str] = set()
        with self.app.app_context():
            self.engine = db.engine
        self._token = ""
        self._post("/studio/sign-in", {"email": "a@example.org", "password": PASSWORD})
        self._token = ""

    def get(self, path: str) -> str:
        """The page; anything but a page ends the run."""
        answer = self.client.get(path, base_url=BASE)
        if answer.status_code != 200:
            raise SystemExit(f"{path}: {answer.status_code}")
        endpoint, _values = self.app.url_map.bind("").match(path.partition("?")[0])
        self.seen.add(endpoint.removeprefix("studio."))
        return answer.text

    def search(self, asked: Mapping[str, object]) -> str:
        """The path of the page that shows what a search finds."""
        return f"/studio/subscribers?{urlencode(asked)}"

    def routes(self) -> set[str]:
        """Every page of the studio there is."""
        return {
            rule.endpoint.removeprefix("studio.")
            for rule in self.app.url_map.iter_rules()
            if rule.endpoint.startswith("studio.") and "GET" in (rule.methods or ())
        }

    def _post(self, path: str, data: Mapping[str, object]) -> None:
        if not self._token:
            page = self.client.get("/studio/account", base_url=BASE, follow_redirects=True).text
            found = re.search(r'name="csrf_token" value="([^"]+)"', page)
            assert found is not None
            self._token = found[1]
        told = {"csrf_token": self._token, **data}
        answer = self.client.post(path, data=told, base_url=BASE)
        assert answer.status_code == 303, (path, answer.status_code)
