"""Pictures of business cards that never were, with what stands on them: for tests and figures.

`cards()` gives 72 labelled ones, the same every time: people and companies of three languages, in
ten designs, photographed in twelve ways. The fonts come from wheels of the `test` extra.
"""

from __future__ import annotations

import importlib
import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from listmgr.cards.parsing.reading_order import Line
from tests.cards.people_on_cards import PEOPLE, Printed
from tests.cards.photographed import QUALITY, TAKEN, Picture

HOW_MANY = 72
WIDE, HIGH = 1050, 640

FONTS = {
    "lato": ("fontpkg_lato", "Lato-Regular.ttf", "Lato-Bold.ttf"),
    "light": ("fontpkg_lato", "Lato-Light.ttf", "Lato-SemiBold.ttf"),
    "slanted": ("fontpkg_lato", "Lato-Italic.ttf", "Lato-BoldItalic.ttf"),
    "inter": ("fontpkg_inter", "Inter[opsz,wght].ttf", "Bold"),
    "serif": ("fontpkg_noto_serif", "NotoSerif[wdth,wght].ttf", "Bold"),
    "narrow": ("fontpkg_roboto_condensed", "RobotoCondensed[wght].ttf", "Bold"),
}


@dataclass(frozen=True)
class Card:
    """A picture, what is printed on it, and how it came about."""

    number: int
    picture: Picture
    printed: Printed
    design: str
    taken: str
    kind: str = "JPEG"
    quality: int = 88

    def file(self) -> bytes:
        return file_of(self.picture, self.kind, quality=self.quality)


def file_of(picture: Picture, kind: str = "JPEG", **how: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **how)
    return out.getvalue()


@lru_cache(maxsize=200)
def font(family: str, size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    module, regular, strong = FONTS[family]
    folder = Path(importlib.import_module(module).__file__ or "").parent / "files"
    name = strong if bold and strong.endswith(".ttf") else regular
    made = ImageFont.truetype(folder / name, size)
    if not strong.endswith(".ttf"):
        made.set_variation_by_name("Bold" if bold else "Regular")
    return made


class Sheet:
    """A card being printed: lines one below the other."""

    def __init__(self, family: str, paper: str, ink: str, size: tuple[int, int] = (WIDE, HIGH)):
        self.picture = Image.new("RGB", size, paper)
        self.draw = ImageDraw.Draw(self.picture)
        self.family, self.ink = family, ink
        # What a reader without a fault would see, for tests of all that comes after reading.
        self.picture.info["lines"] = []

    def text(self, x, y, text, size, *, bold=False, ink="", align="left") -> int:
        """Print a line and say where the next one begins."""
        if not text:
            return y
        face = font(self.family, size, bold=bold)
        wide = self.draw.textlength(text, font=face)
        left = {"left": x, "centre": x - wide / 2, "right": x - wide}[align]
        self.draw.text((left, y), text, font=face, fill=ink or self.ink)
        self.picture.info["lines"].append(Line(text, left, y, left + wide, y + size))
        return y + round(size * 1.32)

    def lines(self, x, y, texts, size, **how) -> int:
        for text in texts:
            y = self.text(x, y, text, size, **how)
        return y


def labels(p: Printed, short: bool = False) -> list[str]:
    words = {
        "de": ("Telefon", "Mobil", "E-Mail", "Web"),
        "en": ("Phone", "Mobile", "Email", "Web"),
        "fr": ("Tél.", "Port.", "E-mail", "Web"),
    }[p.language]
    words = ("T", "M", "E", "W") if short else words
    facts = (p.phone, p.mobile, p.email, p.web)
    return [f"{word} {fact}" for word, fact in zip(words, facts, strict=True) if fact]


def plain_facts(p: Printed) -> list[str]:
    return [fact for fact in (p.phone, p.mobile, p.email, p.web) if fact]


def classic(p: Printed) -> Picture:
    sheet = Sheet("lato", "white", "#222222")
    sheet.text(70, 60, p.company, 42, bold=True, ink="#0b3d91")
    y = sheet.text(70, 220, p.shown_name, 40, bold=True)
    y = sheet.lines(70, y, [p.title, p.department], 25)
    sheet.lines(70, 420, labels(p), 25)
    sheet.lines(640, 420, [p.street, p.city], 25)
    return sheet.picture


def centred(p: Printed) -> Picture:
    sheet = Sheet("serif", "#fbf8f0", "#3a2f20")
    y = sheet.text(WIDE / 2, 70, p.shown_name, 44, bold=True, align="centre")
    y = sheet.lines(WIDE / 2, y, [p.title, p.department], 24, align="centre")
    y = sheet.text(WIDE / 2, y + 50, p.company, 32, align="centre", bold=True)
    facts = [f"{p.street} · {p.city}", *plain_facts(p)]
    sheet.lines(WIDE / 2, y + 40, facts, 25, align="centre")
    return sheet.picture


def two_columns(p: Printed) -> Picture:
    sheet = Sheet("inter", "white", "#111111")
    y = sheet.text(60, 90, p.shown_name, 38, bold=True)
    sheet.lines(60, y, [p.title, p.department], 23, ink="#555555")
    sheet.text(60, 520, p.company, 30, bold=True, ink="#a02020")
    sheet.draw.line((560, 60, 560, 580), fill="#a02020", width=3)
    y = sheet.lines(600, 90, [p.street, p.city, p.country], 24)
    sheet.lines(600, y + 60, labels(p, short=True), 24)
    return sheet.picture


def dark(p: Printed) -> Picture:
    sheet = Sheet("lato", "#14213d", "#f2f2f2")
    y = sheet.text(80, 80, p.company, 40, bold=True, ink="#fca311")
    sheet.text(80, y, p.motto, 22)
    y = sheet.text(80, 260, p.shown_name, 38, bold=True)
    sheet.lines(80, y, [p.title, p.department], 24)
    sheet.lines(80, 430, [*plain_facts(p), f"{p.street}, {p.city}"], 24)
    return sheet.picture


def panel(p: Printed) -> Picture:
    sheet = Sheet("inter", "white", "#222222")
    sheet.draw.rectangle((0, 0, 330, HIGH), fill="#0a6e6e")
    sheet.text(30, 290, p.company.split(" ")[0], 34, bold=True, ink="white")
    y = sheet.text(380, 90, p.shown_name, 40, bold=True)
    y = sheet.lines(380, y, [p.title, p.department], 24, ink="#0a6e6e")
    y = sheet.text(380, 260, p.company, 28, bold=True)
    y = sheet.lines(380, y, [p.street, p.city], 24)
    sheet.lines(380, y + 30, labels(p), 24)
    return sheet.picture


def right_aligned(p: Printed) -> Picture:
    sheet = Sheet("narrow", "#f4f4f4", "#202020")
    sheet.text(60, 60, p.company, 46, bold=True, ink="#00512d")
    sheet.text(60, 125, p.motto, 24, ink="#00512d")
    y = sheet.text(990, 240, p.shown_name, 42, bold=True, align="right")
    y = sheet.lines(990, y, [p.title, p.department], 27, align="right")
    sheet.lines(990, y + 20, [*plain_facts(p), p.street, p.city], 27, align="right")
    return sheet.picture


def shouting(p: Printed) -> Picture:
    sheet = Sheet("light", "white", "#333333")
    y = sheet.text(70, 80, p.shown_name.upper(), 44, bold=True)
    sheet.text(70, y, p.title, 26)
    sheet.text(70, 250, p.company, 34, bold=True)
    sheet.text(70, 480, " | ".join(plain_facts(p)[:2]), 24)
    sheet.text(70, 515, f"{p.email} | {p.web}" if p.web else p.email, 24)
    sheet.text(70, 550, f"{p.street} | {p.city}", 24)
    return sheet.picture


def grid(p: Printed) -> Picture:
    """Labels in a column of their own."""
    sheet = Sheet("lato", "white", "#1a1a1a")
    y = sheet.text(70, 70, p.shown_name, 42, bold=True)
    sheet.lines(70, y, [p.title, p.department], 24)
    sheet.text(70, 270, p.company, 30, bold=True)
    y = 340
    for label in [*labels(p), f"Adr. {p.street}", f"     {p.city}"]:
        word, _, fact = label.partition(" ")
        sheet.text(70, y, word, 24, ink="#888888")
        y = sheet.text(230, y, fact.strip(), 24)
    return sheet.picture


def slanted(p: Printed) -> Picture:
    sheet = Sheet("slanted", "#eaf2ff", "#102040")
    y = sheet.text(980, 70, p.company, 38, bold=True, align="right")
    sheet.lines(980, y, [p.street, p.city], 24, align="right")
    y = sheet.text(70, 300, p.shown_name, 40, bold=True)
    y = sheet.text(70, y, p.title, 25)
    sheet.lines(70, y + 40, labels(p), 25)
    return sheet.picture


def upright(p: Printed) -> Picture:
    """A card that stands on its short side."""
    sheet = Sheet("inter", "white", "#222222", (640, 1000))
    sheet.draw.rectangle((0, 0, 640, 24), fill="#c1121f")
    y = sheet.lines(320, 110, two_lines(p.company), 38, bold=True, align="centre", ink="#c1121f")
    y = sheet.text(320, y + 120, p.shown_name, 36, bold=True, align="centre")
    y = sheet.lines(320, y, [p.title, p.department], 24, align="centre")
    facts = [p.street, p.city, *plain_facts(p)]
    sheet.lines(320, y + 120, facts, 24, align="centre")
    return sheet.picture


def two_lines(text: str) -> list[str]:
    words = text.split(" ")
    cut = len(words) if len(text) < 22 else (len(words) + 1) // 2
    return [" ".join(words[:cut]), " ".join(words[cut:])]


DESIGNS: tuple[Callable[[Printed], Picture], ...] = (
    *(classic, centred, two_columns, dark, panel),
    *(right_aligned, shouting, grid, slanted, upright),
)


def cards() -> Iterator[Card]:
    """All of them, drawn one at a time."""
    for number in range(HOW_MANY):
        yield card(number)


def card(number: int) -> Card:
    rng = random.Random(number)
    printed = PEOPLE[number % len(PEOPLE)]
    design = DESIGNS[(number * 3 + number // len(PEOPLE)) % len(DESIGNS)]
    way = (number * 5 + number // 12) % len(TAKEN)
    picture = TAKEN[way](design(printed), rng)
    return Card(
        number, picture, printed, design.__name__, f"{TAKEN[way].__name__} {QUALITY[way]}",
        quality=QUALITY[way],
    )  # fmt: skip
