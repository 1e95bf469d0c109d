"""Hands in cards the way the product does."""

from __future__ import annotations

import io
from datetime import datetime

import segno
from PIL import Image

from listmgr.cards.manual_entry import create_manually
from listmgr.cards.models import Card, CardSource, CardUpload
from listmgr.cards.process_upload import read_upload
from listmgr.cards.review import CardWords, accept_card
from listmgr.cards.upload import (
    CaptureFacts,
    Upload,
    receive,
)
from listmgr.kit.clock import now
from listmgr.kit.transaction import Transaction
from tests.conftest import UnitOfWork

VCARD = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Öztürk;Zoë;;;\r\nFN:Zoë Öztürk\r\nORG:Linde GmbH\r\n"
    "TITLE:Einkauf\r\nEMAIL;TYPE=work:{address}\r\nTEL:+49 30 1234567\r\nEND:VCARD\r\n"
)


def picture(width: int = 60, height: int = 40) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(out, "PNG")
    return out.getvalue()


def codes(*addresses: str) -> bytes:
    """A photo of cards with a QR code each, beside one another."""
    made = []
    for address in addresses:
        out = io.BytesIO()
        segno.make(VCARD.format(address=address), error="m").save(
            out, kind="png", scale=6, border=6
        )
        made.append(Image.open(out).convert("RGB"))
    sheet = Image.new("RGB", (sum(one.width for one in made), made[0].height), "white")
    for number, one in enumerate(made):
        sheet.paste(one, (sum(before.width for before in made[:number]), 0))
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


def typed(
    tx: Transaction,
    operator_id: int,
    address: str = "zoe@example.com",
    *,
    occasion: str = "Buchmesse",
    at: datetime | None = None,
) -> Card:
    """A captured card."""
    at = at or now()
    words = CardWords(address, "Zoë", "Öztürk", "Linde GmbH")
    taken = CaptureFacts(operator_id, at, occasion, "will den Katalog")
    card = create_manually(tx, words, taken, key=None, at=at)
    assert card is not None
    return card


def kept(
    tx: Transaction,
    operator_id: int,
    address: str = "zoe@example.com",
    *,
    occasion: str = "Buchmesse",
    at: datetime | None = None,
) -> Card:
    """A card somebody has looked at."""
    card = typed(tx, operator_id, address, occasion=occasion, at=at)
    words = CardWords(address, "Zoë", "Öztürk", "Linde GmbH")
    return accept_card(tx, card.id, None, words, at=at or now())[0]


def hand_in(uow: UnitOfWork, operator_id: int, *contents: bytes, **more: object) -> list[int]:
    """Hand in files or pictures and read them; the numbers of their uploads."""
    ids = []
    for content in contents:
        source = CardSource.PHOTO if content.startswith(b"\x89PNG") else CardSource.FILE
        with uow() as tx:
            handed = Upload(source, content, "card", **more)
            ids.append(
                receive(tx, CaptureFacts(operator_id, now(), "Buchmesse"), handed, at=now()).id
            )
    for upload_id in ids:
        read_upload(uow, upload_id, now=now)
    return ids


def make_cards(tx: Transaction, operator_id: int) -> tuple[Card, CardUpload]:
    """One card to review with its picture, and the upload it came by."""
    handed = Upload(CardSource.PHOTO, picture(), "IMG_1.png")
    upload = receive(tx, CaptureFacts(operator_id, now(), "Buchmesse"), handed, at=now())
    upload.status, upload.content_type = "read", "image/png"
    card = typed(tx, operator_id, "card@example.com")
    card.upload_id = upload.id
    tx.session.flush()
    return card, upload
