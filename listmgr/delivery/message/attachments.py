"""Files of a message: pictures the HTML shows and attachments, each encoded once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from email.message import MIMEPart
from email.policy import SMTP
from urllib.parse import unquote

from listmgr.delivery.message.compiled import MessageFile
from listmgr.delivery.message.errors import MessageError
from listmgr.kit.i18n import (
    N_,
    lazy_message,
)

_REFERENCE = re.compile(r"\bcid:([^\"'\s<>)]+)")


@dataclass(frozen=True, slots=True)
class EncodedFiles:
    """The HTML with its pictures' Content-IDs; the inline and the attached parts."""

    html: str
    shown: tuple[str, ...]
    attached: tuple[str, ...]


def enclose(html: str, files: Collection[MessageFile], domain: str) -> EncodedFiles:
    """Sort the files. Raises MessageError if the HTML shows a missing one."""
    by_name = {file.name: file for file in files}
    called: dict[str, str] = {}

    def call(match: re.Match[str]) -> str:
        name = unquote(match[1])
        if name not in by_name:
            raise MessageError(
                lazy_message(
                    N_(
                        "There is no file “%(name)s”. Add it to the campaign, or take"
                        " cid:%(name)s out."
                    ),
                    name=name,
                ),
                part="html",
                line=html.count("\n", 0, match.start()) + 1,
            )
        called[name] = f"{hashlib.sha256(by_name[name].data).hexdigest()[:24]}@{domain}"
        return f"cid:{called[name]}"

    html = _REFERENCE.sub(call, html)
    return EncodedFiles(
        html,
        tuple(_part(by_name[name], cid) for name, cid in called.items()),
        tuple(_part(file, "") for file in files if file.name not in called),
    )


def _part(file: MessageFile, cid: str) -> str:
    """Return a complete part with its header, as the standard library writes it."""
    part = MIMEPart(policy=SMTP)
    main, _, sub = file.media_type.partition("/")
    part.set_content(
        file.data,
        main,
        sub,
        disposition="inline" if cid else "attachment",
        filename=file.name,
        cid=f"<{cid}>" if cid else None,
    )
    return part.as_bytes().decode("ascii")
