"""Export formats of eight other programs: how to recognize them and what their columns mean.

Layouts as documented by their makers or written by their sources: listmonk `cmd/subscribers.go`,
Keila `contacts_csv_export.ex`, phpList `admin/structure.php`, Mailchimp's audience export, Brevo's
API reference "Export contacts", rapidmail's help on exporting double opt-in data, CleverReach's
receiver fields, HubSpot's contact properties and its export of opt-outs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from listmgr.imports.plan import Target
from listmgr.imports.row_outcomes import Meaning

_T, _M = Target, Meaning
LEAST_MARKS = 2


@dataclass(frozen=True, slots=True)
class Foreign:
    """One program. `signs` are sets of column names; one complete set identifies the program."""

    key: str
    title: str
    signs: tuple[frozenset[str], ...]
    columns: Mapping[str, str]
    words: Mapping[str, Meaning] = field(default_factory=dict)
    # How its people say yes, where the program itself asked them.
    how: str = ""


def _signs(*sets: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(names.split("|")) for names in sets)


FOREIGN: tuple[Foreign, ...] = (
    Foreign(
        "listmonk",
        "listmonk",
        _signs("uuid|email|name|attributes|status"),
        {
            "email": "email",
            "name": _T.FULL_NAME,
            "attributes": _T.ATTRIBUTES,
            "status": _T.STATUS,
        },
        # A disabled subscriber gets no campaign there; the export does not say why.
        {"disabled": _M.UNSUBSCRIBED, "blocklisted": _M.UNSUBSCRIBED},
    ),
    Foreign(
        "mailchimp",
        "Mailchimp",
        _signs("email address|member_rating|leid", "email address|optin_time|confirm_time"),
        {
            "email address": "email",
            "first name": "first_name",
            "last name": "last_name",
            "company": "company",
            "confirm_time": _T.AGREED_AT,
            "confirm_ip": _T.IP,
            "tags": _T.TAGS,
            "unsub_time": _T.OPTED_OUT_AT,
            "clean_time": _T.BOUNCED,
        },
        how="Double opt-in: the link in Mailchimp's confirmation mail",
    ),
    Foreign(
        "brevo",
        "Brevo",
        _signs("email|added_time|modified_time", "contact id|email|added_time"),
        {
            "email": "email",
            "firstname": "first_name",
            "vorname": "first_name",
            "prenom": "first_name",
            "lastname": "last_name",
            "nachname": "last_name",
            "nom": "last_name",
            "company": "company",
            "double_opt-in": _T.CONFIRMED,
            "email_marketing": _T.STATUS,
            "email marketing": _T.STATUS,
            "email_blocklisted": _T.OPTED_OUT,
            "email_blacklisted": _T.OPTED_OUT,
            "emailblacklisted": _T.OPTED_OUT,
            "blocklisted": _T.OPTED_OUT,
            "blacklisted": _T.OPTED_OUT,
        },
    ),
    Foreign(
        "cleverreach",
        "CleverReach",
        _signs("email|registered|activated|deactivated", "email|registriert|aktiviert|deaktiviert"),
        {
            "email": "email",
            "firstname": "first_name",
            "vorname": "first_name",
            "lastname": "last_name",
            "nachname": "last_name",
            "company": "company",
            "firma": "company",
            "activated": _T.AGREED_AT,
            "aktiviert": _T.AGREED_AT,
            "deactivated": _T.OPTED_OUT_AT,
            "deaktiviert": _T.OPTED_OUT_AT,
            "source": _T.HOW,
            "quelle": _T.HOW,
            "bounced": _T.BOUNCED,
            "doi_ip": _T.IP,
            "tags": _T.TAGS,
        },
    ),
    Foreign(
        "rapidmail",
        "rapidmail",
        _signs("email|status|created|activated", "email|status|created_ip|activated_ip"),
        {
            "email": "email",
            "firstname": "first_name",
            "lastname": "last_name",
            "activated": _T.AGREED_AT,
            "activated_ip": _T.IP,
            "status": _T.STATUS,
        },
        {"new": _M.UNCONFIRMED, "abused": _M.COMPLAINED, "deleted": _M.UNSUBSCRIBED},
        how="Double opt-in: the link in rapidmail's confirmation mail",
    ),
    Foreign(
        "hubspot",
        "HubSpot",
        _signs("record id|email", "contact id|email|marketing contact status")
        + _signs("email|portal unsubscribe", "email|portal bounce"),
        {
            "email": "email",
            "first name": "first_name",
            "last name": "last_name",
            "company name": "company",
            "preferred language": "language",
            "unsubscribed from all email": _T.OPTED_OUT,
            "portal unsubscribe": _T.OPTED_OUT,
            "email hard bounce reason": _T.BOUNCED,
            "portal bounce": _T.BOUNCED,
            "global bounce": _T.BOUNCED,
            "portal spam report": _T.COMPLAINED,
        },
    ),
    Foreign(
        "phplist",
        "phpList",
        _signs("email|is this subscriber confirmed", "email|is this user confirmed")
        + _signs("email|confirmed|blacklisted|bouncecount"),
        {
            "email": "email",
            "is this subscriber confirmed": _T.CONFIRMED,
            "is this user confirmed": _T.CONFIRMED,
            "confirmed": _T.CONFIRMED,
            "is this subscriber blacklisted": _T.OPTED_OUT,
            "is this user blacklisted": _T.OPTED_OUT,
            "blacklisted": _T.OPTED_OUT,
            "is this account disabled?": _T.OPTED_OUT,
            "disabled": _T.OPTED_OUT,
            "first name": "first_name",
            "last name": "last_name",
            "name": _T.FULL_NAME,
        },
    ),
    Foreign(
        "keila",
        "Keila",
        _signs("email|first name|last name|data|status", "email|first name|last name|data"),
        {
            "email": "email",
            "first name": "first_name",
            "last name": "last_name",
            "data": _T.ATTRIBUTES,
            "status": _T.STATUS,
        },
        {"active": _M.SUBSCRIBED, "unreachable": _M.BOUNCED},
    ),
)


def recognise(names: Collection[str]) -> Foreign | None:
    """Return the program whose export has these lower-case column names, or None.

    One complete sign identifies a program. If columns are missing or renamed, two names that no
    other program uses suffice, provided most of the names belong to one program.
    """
    names = frozenset(names)
    whole = [(len(sign), program) for program in FOREIGN for sign in program.signs if sign <= names]
    if whole:
        return max(whole, key=lambda rated: rated[0])[1]
    rated = sorted(
        ((len(_marks(program) & names), program.key) for program in FOREIGN), reverse=True
    )
    (most, key), (second, _key) = rated[:2]
    if most < LEAST_MARKS or most == second:
        return None
    return next(program for program in FOREIGN if program.key == key)


def _marks(program: Foreign) -> frozenset[str]:
    """Return the column names that are specific to a program's exports."""
    return frozenset().union(*program.signs, program.columns) - _EVERYBODYS


# Columns of any file of people.
_EVERYBODYS = frozenset(
    {"blacklisted", "blocklisted", "bounced", "company", "company name", "confirmed", "contact id"}
    | {"created", "data", "disabled", "email", "email address", "firma", "first name", "firstname"}
    | {"last name", "lastname", "nachname", "name", "nom", "preferred language", "prenom", "quelle"}
    | {"record id", "source", "status", "tags", "uuid", "vorname"}
)
