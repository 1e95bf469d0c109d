"""Business cards: what reading them costs, and how much of what is read is right.

    python bench/cards.py [--quick]

vCards: CPU time of this process for 2,000 cards, in rounds in which ours and vobject take turns
(`pip install vobject`; without it ours is measured alone). Pictures: the 72 labelled cards of
tests/cards/printed.py, each file read as an upload is (`pip install -e '.[scan,ocr,test]'`);
`--quick` reads every twelfth. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from listmgr.cards.extras import OCR, SCAN, installed
from listmgr.cards.picture import read_picture
from listmgr.cards.vcard import parse_vcards

CARDS = 2_000
TARGETS = {"address": 0.98, "name": 0.90, "organisation": 0.85}
ONE = """BEGIN:VCARD\r
VERSION:3.0\r
PRODID:-//Apple Inc.//iOS 17//EN\r
N:Müller{n};Anna;;Dr.;\r
FN:Dr. Anna Müller{n}\r
ORG:Nordlicht Robotik GmbH;Vertrieb\r
TITLE:Leiterin Vertrieb Süd\r
item1.EMAIL;type=INTERNET;type=pref:anna{n}@example.org\r
item1.X-ABLabel:_$!<Work>!$_\r
EMAIL;type=INTERNET;type=HOME:a{n}@example.com\r
TEL;type=CELL;type=VOICE:+49 171 {n}\r
TEL;type=WORK;type=FAX:+49 30 {n}\r
ADR;type=WORK:;;Hauptstraße 12;Berlin;;10115;Germany\r
URL;type=WORK:https://example.org\r
NOTE:Getroffen auf der Messe\\, Halle 5\\nwill den Prospekt und noch viel mehr, so l\r
 ang diese Zeile auch sei\r
REV:2024-01-01T00:00:00Z\r
END:VCARD\r
"""


def vcards(rounds: int) -> dict[str, list[float]]:
    """CPU seconds for the whole address book, a list for each way of reading it."""
    text = "".join(ONE.replace("{n}", str(n)) for n in range(CARDS))
    data = text.encode()
    ways: dict[str, Callable[[], int]] = {"ours": lambda: len(parse_vcards(data).cards)}
    if importlib.util.find_spec("vobject"):
        import vobject  # noqa: PLC0415 - only where it is installed

        ways["vobject"] = lambda: sum(1 for _ in vobject.readComponents(text))
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, read in ways.items():
            begun = time.process_time()
            assert read() == CARDS
            taken[name].append(time.process_time() - begun)
    return taken


def pictures(every: int) -> dict[str, Any]:
    """How many of the labelled pictures are read right, and the seconds each took."""
    from tests.cards.printed import HOW_MANY, card  # noqa: PLC0415 - needs Pillow and the fonts

    read_picture(card(0).file())  # The models are loaded once a process.
    right = dict.fromkeys(TARGETS, 0)
    seconds: list[float] = []
    for number in range(0, HOW_MANY, every):
        labelled = card(number)
        data = labelled.file()
        begun, cpu = time.perf_counter(), time.process_time()
        result = read_picture(data)
        seconds.append(time.process_time() - cpu)
        wall = time.perf_counter() - begun
        wrong = []
        for what, (found, meant) in compared(result, labelled.printed).items():
            right[what] += found == meant
            wrong += [f"{what}: {found!r}, not {meant!r}"] if found != meant else []
        shown = f"{number:3} {labelled.design:14} {labelled.taken:15} {wall:5.1f} s"
        print(shown, "; ".join(wrong))
    return {"right": right, "seconds": seconds, "pictures": len(seconds)}


def compared(result: Any, printed: Any) -> dict[str, tuple[str, str]]:
    """What was read beside what is printed; the address by every character."""
    fields = result.cards[0].fields if result.cards else None
    if fields is None:
        return dict.fromkeys(TARGETS, ("", "something"))
    name = f"{fields.first_name.value} {fields.last_name.value}"
    return {
        "address": (fields.email.address if fields.email else "", printed.email),
        # Some cards shout.
        "name": (name.casefold(), printed.name.casefold()),
        "organisation": (fields.organisation.value, printed.company),
    }


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="under 40 seconds")
    quick = options.parse_args().quick
    taken = vcards(3 if quick else 9)
    medians = {name: statistics.median(found) for name, found in taken.items()}
    print(f"Python {platform.python_version()}, CPU s for {CARDS:,} vCards:")
    for name, median in medians.items():
        print(f"  {name:10}{median:7.3f}   {median / medians['ours']:5.1f}x")
    outcome: dict[str, Any] = {
        "bench": "cards",
        "vcards": CARDS,
        "vcard_cpu_s": {name: round(found, 3) for name, found in medians.items()},
        "vcards_met": medians["ours"] < 1.0,
    }
    if installed(SCAN) and installed(OCR):
        outcome |= shown_pictures(12 if quick else 1)
    else:
        print("Pictures need: pip install -e '.[scan,ocr,test]'")
    print(json.dumps(outcome))


def shown_pictures(every: int) -> dict[str, Any]:
    found = pictures(every)
    count = found["pictures"]
    shares = {what: number / count for what, number in found["right"].items()}
    print(f"\n{count} pictures:")
    for what, share in shares.items():
        print(f"  {what:14}{share:7.1%}   target {TARGETS[what]:.0%}")
    median = statistics.median(found["seconds"])
    print(f"  CPU s a picture, median {median:.2f}, most {max(found['seconds']):.2f}")
    return {
        "pictures": count,
        "right": {what: round(share, 3) for what, share in shares.items()},
        "cpu_s_a_picture": round(median, 2),
        "pictures_met": all(shares[what] >= TARGETS[what] for what in TARGETS),
    }


if __name__ == "__main__":
    main()
