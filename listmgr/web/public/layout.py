"""The frame of pages behind a signed link: the sender, and where to sign up."""

from __future__ import annotations

from collections.abc import Iterable

from flask import render_template

from listmgr.kit.rows import Rows
from listmgr.web.language import speak
from listmgr.web.public.signup_form import frame


def framed(
    template: str, rows: Rows, *, language: str, purpose_ids: Iterable[int], **values: object
) -> str:
    """Render a page in the subscriber's language with the imprint of its lists."""
    speak(language)
    purposes = [purpose_id for purpose_id in purpose_ids if purpose_id]
    senders, form_slug = frame(rows, purposes)
    return render_template(f"pages/{template}", senders=senders, form_slug=form_slug, **values)
