"""A person's data as a download, for the person or for staff who were asked."""

from __future__ import annotations

import json
from typing import Any

from flask import Response
from flask_babel import gettext as _


def own_data_file(document: dict[str, Any]) -> Response:
    """Return the file; the source and retention of a card are told in the page's language."""
    cards = [
        {**card, "purpose": _(card["purpose"]), "kept": _(card["kept"])}
        for card in document["business_cards"]
    ]
    return Response(
        json.dumps({**document, "business_cards": cards}, ensure_ascii=False, indent=2),
        mimetype="application/json",
        headers={"Content-Disposition": 'attachment; filename="my-data.json"'},
    )
