"""Decode QR and other two-dimensional codes in a picture."""

from __future__ import annotations

from typing import Any

from listmgr.cards.imaging.optional_deps import extra
from listmgr.cards.parsing.card_property import several_lines
from listmgr.cards.parsing.limits import MAX_CODE

# A wall of codes is no card.
MAX_CODES = 20


def codes_in(picture: Any) -> list[str]:  # noqa: ANN401 - Pillow's picture
    """Return the texts of the codes; nothing in them is followed."""
    zxing = extra("zxingcpp")
    formats = zxing.BarcodeFormat
    symbologies = (formats.QRCode, formats.MicroQRCode, formats.DataMatrix, formats.Aztec)
    codes = zxing.read_barcodes(picture, formats=symbologies)
    texts = [code.text for code in codes[:MAX_CODES] if code.valid and len(code.text) <= MAX_CODE]
    return list(dict.fromkeys(text for text in texts if text.strip()))


def shown(text: str) -> str:
    """Return a code that holds no card as text for people, without deceptive characters."""
    return several_lines(text, 500)
