"""What one message costs to make: ours with slots, ours with conditions, EmailMessage for each.

    python bench/render.py [--quick]

CPU time of this process; medians of rounds in which the ways take turns, so that a noisy machine
is noisy for all of them. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import jinja2

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from listmgr.delivery.message.compiled import (
    CompiledMessage,
    MessageContent,
)
from listmgr.delivery.message.compiler import compile_message
from listmgr.delivery.message.template_language import (
    FILTERS,
    KNOWN_FIELDS,
)

Person = dict[str, str]
TARGET_MICROSECONDS = 10
DATE = "Mon, 23 Nov 2026 12:00:00 +0000"
HOST = "https://news.example.org"
SUBJECT = "{{ first_name }}, neu im Mai: Räder für die Stadt"
CONDITION = "{% if company %}<p>Für {{ company }} gilt Ihr Rahmenvertrag.</p>{% endif %}"
FIRST = ["Änne", "Bernd", "Chloé", "Dmitri", "Eva", "Fatma", "Gül", "Hans", "Ida", "José"]
LAST = ["Müller", "Schmidt", "Yılmaz", "O'Neill", "Nowak", "García", "Weiß", "Łukasiewicz"]


_CELL = (
    '<td align="left" valign="top" width="33%" style="margin:0;padding:12px 16px 12px 16px;'
    "border-collapse:collapse;background-color:#ffffff;color:#333333;font-family:'Open Sans',"
    "Arial,Helvetica,sans-serif;font-size:15px;line-height:22px;mso-line-height-rule:exactly;"
    '-webkit-text-size-adjust:100%">'
)


def _cell(words: str) -> str:
    return (
        f'{_CELL}<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
        ' style="border-spacing:0;mso-table-lspace:0pt;mso-table-rspace:0pt"><tr>'
        f"{_CELL}{words}</td></tr></table></td>\n"
    )


def newsletter() -> str:
    """About 42 kB of HTML as editors write it: mostly tables and inline styles, some 3 kB of words;
    ten links, personal fields here and there.
    """
    teaser = (
        '<tr><td><table role="presentation" width="600" cellpadding="0" cellspacing="0"><tr>'
        + _cell("<h2>Räder, Körbe & Licht für {{ first_name }}</h2>")
        + _cell("<p>Wir haben die Werkstatt umgebaut, damit die Durchsicht schneller geht.</p>" * 2)
        + _cell(f'<p><a href="{HOST}/artikel/%d?w=mai" style="color:#0a58ca">Weiterlesen</a></p>')
        + _cell("&nbsp;") * 2
        + "</tr></table></td></tr>\n"
    )
    rows = "".join(teaser.replace("%d", str(number)) for number in range(10))
    return (
        "<!doctype html><html><body><table width='600'>\n"
        "<tr><td>Guten Tag {{ first_name | default('zusammen') }} {{ last_name }},</td></tr>\n"
        f"{rows}</table>\n<p>An {{{{ email }}}}. <a href='{{{{ unsubscribe_url }}}}'>Abmelden</a>"
        " · <a href='{{ preferences_url }}'>Einstellungen</a></p></body></html>\n"
    )


TEXT = (
    "Guten Tag {{ first_name | default('zusammen') }} {{ last_name }},\n\n"
    + "wir haben die Werkstatt umgebaut, damit die Durchsicht schneller geht.\n" * 45
    + "\nAbmelden: {{ unsubscribe_url }}\n"
)


def people(count: int) -> list[Person]:
    """Names repeat as they do in life; addresses and tokens are everybody's own."""
    return [
        {
            "first_name": FIRST[n % len(FIRST)],
            "last_name": LAST[n * 7 % len(LAST)],
            "company": "Rad & Tat GmbH" if n % 3 else "",
            "email": f"person.{n}@example.net",
            "language": "de",
            "token": f"v1.{n:012x}.Zm9vYmFyYmF6cXV4cXV1eA",
        }
        for n in range(count)
    ]


def compiled(html: str) -> CompiledMessage:
    return compile_message(
        MessageContent(
            subject=SUBJECT,
            text=TEXT,
            html=html,
            from_name="Rad & Tat",
            from_address="news@example.org",
            message_id_domain="example.org",
            unsubscribe_base=f"{HOST}/u/",
            preferences_base=f"{HOST}/p/",
            list_id="Neues aus der Werkstatt <mai.news.example.org>",
            language="de",
        )
    )


def ours(html: str) -> Callable[[Person], bytes]:
    message = compiled(html)

    def make(person: Person) -> bytes:
        return message.render(
            [person[name] for name in message.fields],
            to=person["email"],
            token=person["token"],
            message_id="7.aaaaaaaaaaaaaaaaaaaaaaaa",
            date=DATE,
        )

    return make


def theirs(html: str, encoding: str) -> Callable[[Person], bytes]:
    """Templates compiled once; the message built for each person, as Flask-Mail and others do."""
    environments = [jinja2.Environment(autoescape=escaped) for escaped in (False, True)]
    for environment in environments:
        environment.filters.update(FILTERS)
    plain, escaping = environments
    subject, text = plain.from_string(SUBJECT), plain.from_string(TEXT)
    page = escaping.from_string(html)

    def make(person: Person) -> bytes:
        values = {name: person[name] for name in KNOWN_FIELDS} | {
            "unsubscribe_url": f"{HOST}/u/{person['token']}",
            "preferences_url": f"{HOST}/p/{person['token']}",
        }
        mail = EmailMessage(policy=SMTP)
        mail["From"] = "Rad & Tat <news@example.org>"
        mail["To"] = person["email"]
        mail["Subject"] = subject.render(values)
        mail["Date"] = DATE
        mail["Message-ID"] = "<7.aaaaaaaaaaaaaaaaaaaaaaaa@example.org>"
        mail["List-Unsubscribe"] = f"<{values['unsubscribe_url']}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["List-Id"] = "Neues aus der Werkstatt <mai.news.example.org>"
        mail["Content-Language"] = "de"
        mail.set_content(text.render(values), cte=encoding)
        mail.add_alternative(page.render(values), subtype="html", cte=encoding)
        return mail.as_bytes()

    return make


def microseconds(make: Callable[[Person], bytes], crowd: list[Person]) -> float:
    """CPU µs a message. Each message is dropped before the next, as after it was sent."""
    begun = time.process_time_ns()
    for person in crowd:
        make(person)
    return (time.process_time_ns() - begun) / 1000 / len(crowd)


def measure(rounds: int, size: int) -> dict[str, list[float]]:
    html = newsletter()
    ways = {
        "ours (slots)": (ours(html), size),
        "ours (template)": (ours(html.replace("</table>", f"</table>{CONDITION}")), size // 4),
        "EmailMessage, q-p": (theirs(html, "quoted-printable"), max(20, size // 250)),
        # Faster, since Base64 is done in C, and a third larger on the wire.
        "EmailMessage, Base64": (theirs(html, "base64"), max(20, size // 250)),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    crowd = people(size * rounds)
    for name, (make, _) in ways.items():
        print(f"{name}: {len(make(crowd[0])):,} octets")
    for turn in range(rounds):
        for name, (make, count) in ways.items():
            # Nobody is met twice: what is remembered of names helps, as it would in a campaign.
            taken[name].append(microseconds(make, crowd[turn * size :][:count]))
    return taken


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--quick", action="store_true", help="under 20 seconds")
    rounds, size = (7, 5_000) if options.parse_args().quick else (15, 20_000)
    taken = measure(rounds, size)
    medians = {name: statistics.median(found) for name, found in taken.items()}
    least = medians["ours (slots)"]
    print(f"\nHTML {len(newsletter().encode()):,} octets, {rounds} alternating rounds,")
    print(f"Python {platform.python_version()}, CPU µs a message:\n")
    print(f"{'':22}{'median':>10}{'lowest':>10}{'ratio':>10}")
    for name, median in medians.items():
        print(f"{name:22}{median:10.1f}{min(taken[name]):10.1f}{median / least:9.1f}x")
    print(f"\nTarget for slots: {TARGET_MICROSECONDS} µs or less.")
    print(
        json.dumps(
            {
                "bench": "render",
                "cpu_us_per_message": {name: round(found, 2) for name, found in medians.items()},
                "ratio": {name: round(found / least, 1) for name, found in medians.items()},
                "target_us": TARGET_MICROSECONDS,
                "met": least <= TARGET_MICROSECONDS,
            }
        )
    )


if __name__ == "__main__":
    main()
