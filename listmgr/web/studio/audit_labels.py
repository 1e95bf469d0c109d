"""What the audit log calls an act: the thing it was done to, and what was done."""

from __future__ import annotations

from flask_babel import gettext

from listmgr.kit.i18n import N_

_THINGS = {
    "api_key": N_("API key"),
    "bulk": N_("Mass update"),
    "campaign": N_("Campaign"),
    "card": N_("Business card"),
    "card_upload": N_("File with business cards"),
    "consent": N_("Consent"),
    "export": N_("Exported file"),
    "field": N_("Field"),
    "form": N_("Sign-up form"),
    "import": N_("Import"),
    "installation": N_("Installation"),
    "list": N_("List"),
    "notice": N_("Words agreed to"),
    "operator": N_("Operator"),
    "proof": N_("Proof"),
    "purpose": N_("Purpose"),
    "record": N_("Record of processing"),
    "segment": N_("Segment"),
    "sender": N_("Sending account"),
    "subscriber": N_("Subscriber"),
    "unmailed": N_("Who was not mailed"),
}
_OF_NOTHING = {
    "page.seen": N_("Page looked at"),
    "sign-in.refused": N_("Signing in refused"),
    "signed-in": N_("Signed in"),
    "signed-in.by-link": N_("Signed in by a link"),
}
_DEEDS = {
    "address asked": N_("another mailbox asked"),
    "address cancelled": N_("change of address cancelled"),
    "archived": N_("archived"),
    "asked": N_("asked for"),
    "brought": N_("uploaded"),
    "cancel": N_("cancelled"),
    "cancelled": N_("cancelled"),
    "closed": N_("closed"),
    "copied": N_("copied"),
    "corrected": N_("corrected"),
    "created": N_("created"),
    "deleted": N_("deleted"),
    "described": N_("described and looked through"),
    "disabled": N_("disabled"),
    "discarded": N_("discarded"),
    "edited": N_("changed"),
    "enabled": N_("enabled again"),
    "erased": N_("erased"),
    "exported": N_("taken as a file"),
    "fetched": N_("fetched"),
    "file_added": N_("file added"),
    "file_removed": N_("file removed"),
    "handed out": N_("own data handed out"),
    "held": N_("mail held: perhaps not the database that ran here"),
    "joined": N_("another record joined"),
    "kept": N_("kept"),
    "launch": N_("launched"),
    "link": N_("sign-in link made"),
    "made": N_("created"),
    "notice": N_("person informed"),
    "objected": N_("objection written down"),
    "paced": N_("limits changed"),
    "parted": N_("a joined record taken away"),
    "password": N_("password set"),
    "pause": N_("paused"),
    "prepared": N_("prepared"),
    "published": N_("published"),
    "read-otherwise": N_("read in another way"),
    "refused-taken": N_("rows not taken in were fetched"),
    "released": N_("mail may go again"),
    "reopened": N_("opened again"),
    "replied": N_("reply sent"),
    "restored": N_("brought back"),
    "restricted": N_("processing restricted"),
    "restriction lifted": N_("restriction lifted"),
    "resume": N_("resumed"),
    "revoked": N_("revoked"),
    "role": N_("role changed"),
    "rows-seen": N_("rows looked at"),
    "run": N_("taken in"),
    "saved": N_("changed"),
    "seen": N_("looked at"),
    "sending": N_("sender or quiet hours changed"),
    "session ended": N_("a browser signed out"),
    "sign_up_shown": N_("sign-up page shown"),
    "start": N_("started"),
    "stated": N_("statement stored"),
    "taken": N_("taken"),
    "tried": N_("tried out"),
    "tried_again": N_("failed mails tried again"),
    "undo": N_("undone"),
    "withdrawn": N_("withdrawn on the person's word"),
}


def audited(action: str) -> str:
    """An act in words; one nobody has named as it stands in the log."""
    if action in _OF_NOTHING:
        return str(gettext(_OF_NOTHING[action]))
    thing, _, deed = action.partition(".")
    if deed not in _DEEDS or thing not in _THINGS:
        return action
    return f"{gettext(_THINGS[thing])}: {gettext(_DEEDS[deed])}"


def audited_thing(thing: str) -> str:
    """The kind of what it was done to."""
    named = _THINGS.get(thing.replace(" ", "_"))
    return str(gettext(named)) if named else thing.replace("_", " ")
