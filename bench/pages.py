"""What is opened in the studio and what is looked for there. Not a benchmark itself."""

from __future__ import annotations

import random

NAMES = ["muller", "schmidt", "weber", "fischer", "wagner"]


def searches(told: random.Random, people: int) -> dict[str, dict[str, object]]:
    """A word for each kind of search, another one each time."""
    number = told.randrange(people)
    return {
        "everyone": {},
        "address, beginning": {"query": f"{told.choice(NAMES)}.{number % 0xFFF:x}"},
        "address, rare part": {"query": f"{number:x}"[-5:] + "1"},
        "address, frequent part": {"query": told.choice(NAMES)[1:]},
        "address, part nobody has": {"query": "qxzv" + str(number)},
        "domain, frequent": {"query": "@gmail.com"},
        "domain, rare": {"query": f"@firma{number % 30000}.example"},
        "name": {"query": f"Vorname{number % 3000}"},
        "name and part": {"query": f"Vorname{number % 3000} web"},
        "two frequent words nobody has": {"query": "weber gmail"},
        "tag, rare": {"tag": "vip"},
        "tag, frequent": {"tag": "messe"},
        "tag nobody has": {"tag": "nobody"},
        "field": {"field": "number", "value": str(number % 100_000)},
        "field, frequent": {"field": "city", "value": told.choice(["Köln", "Kiel", "Ulm"])},
        "language": {"field": "language", "value": "en"},
        "list": {"list": told.randrange(2, 6)},
        "list and station": {"list": 2, "status": told.choice(["pending", "withdrawn"])},
        "station": {"status": "captured"},
        "source, rare": {"source": "card"},
        "source and station": {"source": "card", "status": "withdrawn"},
        "list, station and part": {"list": 2, "status": "withdrawn", "query": f"{number % 99}"},
        "dates": {"since": "2024-03-01", "until": f"2024-03-{told.randrange(2, 29):02}"},
        "dates and station": {"since": "2024-01-01", "until": "2024-12-31", "status": "withdrawn"},
        "dates and tag": {"since": "2024-01-01", "until": "2024-12-31", "tag": "vip"},
    }


def pages(told: random.Random, people: int, made: dict[str, int]) -> dict[str, str]:
    """Every page, by what the tables call it."""
    number = told.randrange(1, people // 20) * 20 + told.randrange(1, 17)
    found = {"overview": "", "audit log": "audit", "audit log of one": "audit?operator=1"}
    found |= _of_people(number, people, made)
    found |= _of_campaigns(told, people, made)
    found |= {
        "lists": "lists",
        "a list": "lists/2",
        "a list, form": "lists/2/edit",
        "a list's sending": "lists/2/sending",
        "a new list": "lists/new",
        "a purpose": "lists/purposes/1",
        "a purpose, new words": "lists/purposes/1/publish",
        "a new purpose": "lists/2/purposes/new",
        "sign-up forms": "forms",
        "a sign-up form": f"forms/{made['form_id']}",
        "a sign-up form, form": f"forms/{made['form_id']}/edit",
        "a new sign-up form": "forms/new",
        "imports (60)": "imports",
        "an import of everybody": f"imports/{made['import_id']}",
        "its progress": f"imports/{made['import_id']}/progress",
        "an import, described": f"imports/{made['described_id']}/describe",
        "a new import": "imports/new",
        "cards, inbox": "cards",
        **{f"cards, {heap}": f"cards?heap={heap}" for heap in ("kept", "confirmed", "overdue")},
        "a card": f"cards/{made['card_id']}",
        "a card, erased": f"cards/{made['card_id']}/erase",
        "cards, restricted": "cards?heap=restricted",
        "cards by occasion": "cards/occasions",
        "cards being read": "cards/reading",
        "new cards": "cards/new",
        "a card, typed": "cards/type",
        "cards on the phone": "capture/",
        "fields": "fields",
        "a field": f"fields/{made['field_id']}",
        "a field, form": f"fields/{made['field_id']}/edit",
        "a new field": "fields/new",
        "senders": "senders",
        "a sender": f"senders/{made['sender_id']}",
        "a sender, form": f"senders/{made['sender_id']}/edit",
        "a sender's pace": f"senders/{made['sender_id']}/pace",
        "a new sender": "senders/new",
        "operators": "operators",
        "an operator": f"operators/{made['operator_id']}",
        "a new operator": "operators/new",
        "API keys": "keys",
        "the own account": "account",
        "record of processing": "record",
        "record of processing, file": "record.csv",
    }
    return {name: f"/studio/{path}" for name, path in found.items()}


def _of_people(number: int, people: int, made: dict[str, int]) -> dict[str, str]:
    act, export = made["act_id"], made["export_id"]
    return {
        "subscribers, a page in the middle": f"subscribers?below={people // 2 + number % 9}",
        "subscribers, back from the middle": f"subscribers?above={people // 2 + number % 9}",
        "a subscriber": f"subscribers/{number}",
        "a subscriber, corrected": f"subscribers/{number}/correct",
        "a subscriber, erased": f"subscribers/{number}/erase",
        "a proof": f"subscribers/consents/{number}/proof",
        "a proof as text": f"subscribers/consents/{number}/proof.txt",
        "a proof as JSON": f"subscribers/consents/{number}/proof.json",
        "segments": "segments",
        "a segment": f"segments/{made['segment_id']}",
        "a segment, three rules": f"segments/{made['rules_id']}",
        "a segment, rare": f"segments/{made['rare_id']}",
        "a segment, editor with live count": f"segments/{made['rules_id']}/edit",
        "a rare segment, editor with live count": f"segments/{made['rare_id']}/edit",
        "a new segment": "segments/new",
        "mass updates (60)": "bulk",
        "a mass update of everybody": f"bulk/{act}",
        "a mass update, progress": f"bulk/{act}/progress",
        "a new mass update, everybody": "bulk/new?scope=found",
        "a new mass update, station": "bulk/new?scope=found&status=withdrawn",
        "a new mass update, dates": "bulk/new?scope=found&since=2024-01-01&until=2024-12-31",
        "a new mass update, segment": f"bulk/new?scope=segment&segment={made['rules_id']}",
        "exports (60)": "exports",
        "an export of everybody": f"exports/{export}",
        "an export, progress": f"exports/{export}/progress",
        "a new export, segment": f"exports/new?scope=segment&segment={made['segment_id']}",
    }


def _of_campaigns(told: random.Random, people: int, made: dict[str, int]) -> dict[str, str]:
    after, finished = told.randrange(people), f"campaigns/{made['finished']}"
    segment = made["rules_id"]
    return {
        "campaigns (52)": "campaigns",
        "a draft": f"campaigns/{made['draft']}",
        "a draft to a segment": f"campaigns/{made['to_segment']}",
        "a draft, form": f"campaigns/{made['draft']}/edit",
        "a draft, its reach": f"campaigns/reach?purpose_id=1&audience_segment_id={segment}",
        "a new campaign": "campaigns/new",
        "a mail": f"campaigns/{made['finished']}/mail",
        "a running campaign": f"campaigns/{made['running']}",
        "a running campaign, progress": f"campaigns/{made['running']}/progress",
        "a finished campaign": finished,
        "not mailed, by reason": f"{finished}/not-mailed",
        "not mailed, refused": f"{finished}/not-mailed/people?why=failed:5.1.1:&after={after}",
        "not mailed, held back": f"{finished}/not-mailed/people",
        "not mailed, held back, the last": f"{finished}/not-mailed/people?after={people - 4000}",
        "not mailed, of a running one": f"campaigns/{made['running']}/not-mailed/people",
    }
