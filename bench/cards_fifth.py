"""Business cards composed one by one in bench/cards_fifth.txt: the set that checks confidence.

No list is combined by chance here: each card is written as a firm of its trade and country would
order it, before its author had read the reader. Cards with an even number may be looked at one by
one; of the others the benchmark prints totals only.

A card begins with `@ layout typeface paper [photo]`. `|` begins the next area, `*` is a mark, `+`
and `++` are large, `-` is small. `{n:…}` is the name, `{o:…}` the organisation, `{j:…}` the job,
`{e:…}` the address to mail to, `{t:…}` a telephone, `{w:…}` the website, `{a:…}` the postal
address, whose bars break the line; `{n:printed|Given Family}` where another order is printed.

    python bench/cards_fifth.py FOLDER    # pictures
"""

from __future__ import annotations

import html
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy
from cards_second import CHROMIUM
from cards_sets import Truth
from playwright.sync_api import sync_playwright

SEED = "fifth"
FACES = {
    "serif": "Liberation Serif",
    "sans": "Liberation Sans",
    "garamond": "EB Garamond",
    "libertine": "Linux Libertine O",
    "biolinum": "Linux Biolinum O",
    "condensed": "Liberation Sans Narrow",
    "opensans": "Open Sans",
    "spartan": "League Spartan",
    "mono": "DejaVu Sans Mono",
}
# Paper, ink, accent, ink on the accent.
PAPERS = {
    "white": ("#fff", "#1a1a1a", "#444", "#fff"),
    "cream": ("#f7f0df", "#3a2c1c", "#8a5a2b", "#fff8e8"),
    "grey": ("#d9dcdf", "#22262b", "#5a3d7a", "#fff"),
    "kraft": ("#c8a97e", "#2b1d0e", "#5b3413", "#f5e8d0"),
    "navy": ("#fff", "#1c2a44", "#14264d", "#e6c677"),
    "green": ("#f4f7f1", "#23331f", "#2f6b3c", "#fff"),
    "red": ("#fff", "#222", "#b3202a", "#fff"),
    "blue": ("#eef4fa", "#17324d", "#1769aa", "#fff"),
    "black": ("#16171a", "#ececec", "#c9a24b", "#16171a"),
}
CSS = """
*{margin:0;box-sizing:border-box}
body{width:100vw;height:100vh;background:var(--paper);color:var(--ink);font:24px/1.32 var(--face);
 display:flex}
.area{padding:34px 46px;display:flex;flex-direction:column;justify-content:center;flex:1}
.small{font-size:18px}.large{font-size:34px;font-weight:600;margin:6px 0 2px}
.huge{font-size:48px;font-weight:700;line-height:1.1}
.mark{font-size:40px;font-weight:800;color:var(--accent);letter-spacing:1px;line-height:1.05}
.gap{height:20px}
body:not(.columns,.side,.corners){flex-direction:column}
.plain .area{justify-content:flex-start}.right .area{text-align:right}
.centre .area,.tall .area{text-align:center}
.columns .area+.area{border-left:2px solid var(--accent)}.columns .area{padding:30px 34px}
.band .area:first-child,.foot .area:last-child,.side .area:first-child{background:var(--accent);
 color:var(--on)}
.band .area:first-child{flex:0 0 34%}.foot .area:last-child{flex:0 0 30%;font-size:21px}
.side .area:first-child{flex:0 0 32%;padding:30px 24px}
.band .area:first-child .mark,.side .area:first-child .mark{color:var(--on)}
.foot .area:last-child .mark{color:var(--on)}
body.corners{flex-wrap:wrap;font-size:20px}.corners .area{flex:0 0 50%;height:50%;padding:36px 32px}
.corners .area:nth-child(even){text-align:right}
.corners .area:nth-child(n+3){justify-content:flex-end}
"""
SIZES = {"++": "huge", "+": "large", "-": "small", "*": "mark"}
_MARKED = re.compile(r"\{(\w):([^}]*)\}")
_SIZE = re.compile(r"\+\+|[+*-]")


def written() -> list[str]:
    """The cards as they stand in the file."""
    text = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8")
    return [card.strip("\n") for card in re.split(r"^@ ", text, flags=re.MULTILINE)[1:]]


def truth_of(card: str) -> Truth:
    """What is printed on a card."""
    marked: dict[str, list[str]] = {}
    for kind, value in _MARKED.findall(card):
        marked.setdefault(kind, []).append(value)

    def only(kind: str) -> str:
        return " ".join(marked.get(kind, []))

    return Truth(
        name=only("n").rpartition("|")[2],
        organisation=only("o"),
        job=only("j"),
        email=only("e"),
        phones=marked.get("t", []),
        website=only("w"),
        address=re.sub(r"\s[·–-]\s|\|", " ", only("a")),
        style=card.split(maxsplit=1)[0],
    )


def page_of(card: str) -> str:
    """The card as a page."""
    head, _, rest = card.partition("\n")
    layout, face, paper, *_ = head.split()
    colours = zip(("paper", "ink", "accent", "on"), PAPERS[paper], strict=True)
    root = "".join(f"--{name}:{value};" for name, value in colours)
    family = FACES.get(face, face.capitalize())
    areas = "".join(
        f"<div class=area>{''.join(map(_line, area.splitlines()))}</div>"
        for area in re.split(r"^\|\n", rest, flags=re.MULTILINE)
    )
    return (
        f'<meta charset=utf-8><style>:root{{{root}--face:"{family}"}}{CSS}</style>'
        f"<body class={layout}>{areas}"
    )


def _line(line: str) -> str:
    if not line.strip():
        return "<div class=gap></div>"
    size = _SIZE.match(line)
    text = line[size.end() :] if size else line
    shown = _MARKED.sub(
        lambda found: found[2].partition("|")[0] if found[1] == "n" else found[2], text
    )
    name = SIZES[size[0]] if size else "text"
    return f"<div class={name}>{html.escape(shown).replace('|', '<br>')}</div>"


def photographed(card: Any, chance: random.Random) -> Any:
    """The card held to a window: a shadow across it, seen aslant, a hand that moves."""
    high, wide = card.shape[:2]
    grain = numpy.random.default_rng(chance.randrange(2**32))
    room = 90
    shift = grain.uniform(0, 0.055, (4, 2)) * (wide, high) + room * 0.4
    signs = numpy.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    source = numpy.array([[0, 0], [wide, 0], [wide, high], [0, high]], numpy.float32)
    target = (source + room / 2 + shift * signs * 0.6).astype(numpy.float32)
    light = chance.randrange(95, 190)
    table = numpy.full((high + room, wide + room, 3), (light, light - 18, light - 40), numpy.uint8)
    matrix = cv2.getPerspectiveTransform(source, target)
    size = (wide + room, high + room)
    cv2.warpPerspective(card, matrix, size, table, cv2.INTER_AREA, cv2.BORDER_TRANSPARENT)
    y, x = numpy.mgrid[0 : size[1], 0 : size[0]]
    edge = x + chance.uniform(-0.6, 0.6) * y - chance.uniform(0.3, 0.7) * wide
    shadow = 1 - chance.uniform(0.15, 0.4) / (1 + numpy.exp(-edge / 60))
    seen = table * shadow[:, :, None] + grain.normal(0, chance.uniform(2, 5), table.shape)
    long = chance.choice((1, 2, 3))
    moved = numpy.ones((1, long)) / long
    return cv2.filter2D(numpy.clip(seen, 0, 255).astype(numpy.uint8), -1, moved)


def cards(limit: int | None = None) -> Iterator[tuple[Truth, bytes]]:
    """Truth and JPEG of every card, or of `limit` ones spread over the set."""
    every = written()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(device_scale_factor=1.3)
        for number in range(0, len(every), max(1, len(every) // limit) if limit else 1):
            chance = random.Random(f"{SEED}-{number}")
            card = every[number]
            tall = card.startswith("tall")
            page.set_viewport_size({"width": 520 if tall else 880, "height": 860 if tall else 540})
            page.set_content(page_of(card))
            drawn = numpy.frombuffer(page.screenshot(), numpy.uint8)
            picture = cv2.imdecode(drawn, cv2.IMREAD_COLOR)
            if "photo" in card.partition("\n")[0] or number % 4 == 3:
                picture = photographed(picture, chance)
            quality = [cv2.IMWRITE_JPEG_QUALITY, chance.randrange(60, 95)]
            yield truth_of(card), cv2.imencode(".jpg", picture, quality)[1].tobytes()
        browser.close()


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, (_, picture) in enumerate(cards()):
        (folder / f"{number:02}.jpg").write_bytes(picture)


if __name__ == "__main__":
    main()
