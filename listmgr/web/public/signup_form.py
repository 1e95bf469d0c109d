"""What a sign-up form offers: its purposes, each with the exact wording to agree to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from listmgr.kit.errors import NotFound
from listmgr.kit.i18n import N_
from listmgr.kit.rows import Rows
from listmgr.lists.form_fields import (
    AskedField,
    asked_fields,
)


@dataclass(frozen=True, slots=True)
class Choice:
    """One checkbox of a form."""

    list_name: str
    purpose_name: str
    privacy_url: str
    notice_id: int
    words: str
    # The words may be in another language than the page, when nobody has translated them.
    language: str


@dataclass(frozen=True, slots=True)
class Sender:
    """The organisation behind a page, named in its footer."""

    controller: str
    lists: tuple[str, ...]
    imprint: str
    privacy_url: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A form as one visitor sees it. `acceptable` are the notices that can still be agreed to."""

    form_id: int
    slug: str
    title: str
    intro: str
    asks: tuple[AskedField, ...]
    choices: tuple[Choice, ...]
    acceptable: frozenset[int]
    senders: tuple[Sender, ...]


_FORM = """
SELECT id, slug, title_de, title_en, intro_de, intro_en FROM signup_forms
WHERE slug = %(slug)s AND closed_at IS NULL
"""


def find_offer(rows: Rows, slug: str, language: str) -> Offer:
    """Return the open form of a slug. Raises NotFound."""
    records = rows(_FORM, {"slug": slug}) if "\0" not in slug else []
    if not records:
        raise NotFound(N_("There is no such form."))
    form_id, slug, title_de, title_en, intro_de, intro_en = records[0]
    german = language == "de"
    return Offer(
        form_id=form_id,
        slug=slug,
        title=title_de if german else title_en,
        intro=intro_de if german else intro_en,
        asks=asked_fields(rows, form_id),
        choices=_choices(rows, form_id, language),
        acceptable=frozenset(number for (number,) in rows(_ACCEPTABLE, {"form": form_id})),
        senders=_grouped(rows(_LISTS_OF_FORM, {"form": form_id})),
    )


_LISTS = """
SELECT coalesce(nullif(controller, ''), sender_name), imprint, privacy_url, name{more}
FROM mailing_lists WHERE {which} ORDER BY id
"""
_OF_PURPOSES = "id IN (SELECT list_id FROM purposes WHERE id = ANY (%(purposes)s))"
_LISTS_OF = _LISTS.format(which=_OF_PURPOSES, more="")
_LISTS_OF_FORM = _LISTS.format(
    which="id IN (SELECT u.list_id FROM purposes u JOIN signup_form_purposes f"
    " ON f.purpose_id = u.id WHERE f.form_id = %(form)s)",
    more="",
)
_LIVING_LISTS = _LISTS.format(which="archived_at IS NULL", more="")
# With the oldest open form that offers one of the purposes.
_FRAME = _LISTS.format(
    which=_OF_PURPOSES,
    more=""",
  (SELECT f.slug FROM signup_forms f JOIN signup_form_purposes p ON p.form_id = f.id
    WHERE p.purpose_id = ANY (%(purposes)s) AND f.closed_at IS NULL ORDER BY f.id LIMIT 1)""",
)


def senders(rows: Rows, purpose_ids: Iterable[int]) -> tuple[Sender, ...]:
    """Return the senders of these purposes, grouped by imprint.

    Without purposes, return the installation's only sender, if there is just one.
    """
    ids = sorted(set(purpose_ids))
    if ids:
        return _grouped(rows(_LISTS_OF, {"purposes": ids}))
    living = _grouped(rows(_LIVING_LISTS, {}))
    return tuple(replace(sender, lists=()) for sender in living) if len(living) == 1 else ()


def frame(rows: Rows, purpose_ids: Iterable[int]) -> tuple[tuple[Sender, ...], str]:
    """Return the senders of these purposes, and the slug of an open form that offers one of them.

    The slug is empty if there is no such form.
    """
    ids = sorted(set(purpose_ids))
    if not ids:
        return senders(rows, ()), ""
    records = rows(_FRAME, {"purposes": ids})
    return _grouped([record[:4] for record in records]), (records and records[0][4]) or ""


def _grouped(records: Iterable[Sequence[str]]) -> tuple[Sender, ...]:
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for controller, imprint, privacy_url, name in records:
        grouped.setdefault((controller, imprint, privacy_url), []).append(name)
    return tuple(
        Sender(controller, tuple(names), imprint, privacy_url)
        for (controller, imprint, privacy_url), names in grouped.items()
    )


# The newest notice of each purpose, in the reader's language where there is one.
_CHOICES = """
SELECT l.name, u.name_de, u.name_en, l.privacy_url, n.id, n.words, n.language
FROM signup_form_purposes f JOIN purposes u ON u.id = f.purpose_id
JOIN mailing_lists l ON l.id = u.list_id
CROSS JOIN LATERAL (
  SELECT id, words, language FROM notices WHERE purpose_id = u.id
  ORDER BY language = %(language)s DESC, version DESC, id DESC LIMIT 1
) n
WHERE f.form_id = %(form)s AND l.archived_at IS NULL ORDER BY u.id
"""


def _choices(rows: Rows, form_id: int, language: str) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            list_name=list_name,
            purpose_name=german if language == "de" else english,
            privacy_url=privacy_url,
            notice_id=notice_id,
            words=words,
            language=spoken,
        )
        for list_name, german, english, privacy_url, notice_id, words, spoken in rows(
            _CHOICES, {"form": form_id, "language": language}
        )
    )


# Every notice that is not superseded: a page opened before, or copied elsewhere, shows it.
_ACCEPTABLE = """
SELECT n.id FROM notices n JOIN purposes u ON u.id = n.purpose_id
JOIN signup_form_purposes f ON f.purpose_id = u.id JOIN mailing_lists l ON l.id = u.list_id
WHERE f.form_id = %(form)s AND l.archived_at IS NULL AND n.version >= u.least_notice_version
"""
