"""Files of a campaign: pictures in its text and attachments."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session, undefer

from listmgr.campaigns.compose import lock_campaign
from listmgr.campaigns.models import Campaign, CampaignFile, CampaignStatus
from listmgr.kit.errors import InvalidInput, NotFound, Refused
from listmgr.kit.i18n import N_
from listmgr.kit.transaction import Transaction

MAX_NAME = 100
MAX_FILES = 10
MAX_FILE = 2_000_000
# Every mail carries all of them.
MAX_ALL = 5_000_000

_ZIP = b"PK\x03\x04"
_OFFICE = "application/vnd.openxmlformats-officedocument"


@dataclass(frozen=True, slots=True)
class _Type:
    """Media type and magic bytes of a file type; text types have none."""

    name: str
    begins: bytes = b""


TYPES: dict[str, _Type] = {
    "png": _Type("image/png", b"\x89PNG\r\n\x1a\n"),
    "jpg": _Type("image/jpeg", b"\xff\xd8\xff"),
    "jpeg": _Type("image/jpeg", b"\xff\xd8\xff"),
    "gif": _Type("image/gif", b"GIF8"),
    "webp": _Type("image/webp", b"RIFF"),
    "pdf": _Type("application/pdf", b"%PDF-"),
    "ics": _Type("text/calendar"),
    "vcf": _Type("text/vcard"),
    "txt": _Type("text/plain"),
    "csv": _Type("text/csv"),
    "docx": _Type(f"{_OFFICE}.wordprocessingml.document", _ZIP),
    "xlsx": _Type(f"{_OFFICE}.spreadsheetml.sheet", _ZIP),
    "pptx": _Type(f"{_OFFICE}.presentationml.presentation", _ZIP),
    "odt": _Type("application/vnd.oasis.opendocument.text", _ZIP),
    "ods": _Type("application/vnd.oasis.opendocument.spreadsheet", _ZIP),
}


def files_of(session: Session, campaign_id: int, *, whole: bool = False) -> list[CampaignFile]:
    """Return a campaign's files in order of upload; `whole` also loads their bytes."""
    query = sa.select(CampaignFile).where(CampaignFile.campaign_id == campaign_id)
    if whole:
        query = query.options(undefer(CampaignFile.data))
    return list(session.scalars(query.order_by(CampaignFile.id)))


def file_of(session: Session, campaign_id: int, file_id: int) -> CampaignFile:
    """Return one file of a campaign. Raises NotFound."""
    file = session.get(CampaignFile, file_id)
    if file is None or file.campaign_id != campaign_id:
        raise NotFound(N_("There is no such file."))
    return file


def add_file(tx: Transaction, campaign_id: int, name: str, data: bytes) -> CampaignFile:
    """Add a file to a draft, replacing one of the same name. Raises InvalidInput or Refused."""
    _draft(tx, campaign_id)
    name = _name(name)
    kind = _kind(name, data)
    others = [file for file in files_of(tx.session, campaign_id) if file.name != name]
    if len(others) >= MAX_FILES:
        raise InvalidInput(N_("A mail can carry at most ten files."))
    if sum(file.size for file in others) + len(data) > MAX_ALL:
        raise InvalidInput(
            N_(
                "Together the files would be larger than 5 MB, in every mail. Put large ones on"
                " your website and link to them."
            )
        )
    tx.session.execute(
        sa.delete(CampaignFile).where(
            CampaignFile.campaign_id == campaign_id, CampaignFile.name == name
        )
    )
    added = CampaignFile(
        campaign_id=campaign_id, name=name, media_type=kind, size=len(data), data=data
    )
    tx.session.add(added)
    tx.session.flush()
    return added


def remove_file(tx: Transaction, campaign_id: int, file_id: int) -> None:
    """Remove a file from a draft. Raises Refused."""
    _draft(tx, campaign_id)
    tx.session.execute(
        sa.delete(CampaignFile).where(
            CampaignFile.campaign_id == campaign_id, CampaignFile.id == file_id
        )
    )


def copy_files(tx: Transaction, campaign_id: int, to: int) -> None:
    """Copy a campaign's files to another draft."""
    for file in files_of(tx.session, campaign_id, whole=True):
        values = {name: getattr(file, name) for name in ("name", "media_type", "size", "data")}
        tx.session.add(CampaignFile(campaign_id=to, **values))


def _draft(tx: Transaction, campaign_id: int) -> Campaign:
    campaign = lock_campaign(tx, campaign_id)
    if campaign.status is not CampaignStatus.DRAFT:
        raise Refused(
            N_(
                "This campaign has been launched, so its content can no longer be "
                "edited. Copy it instead."
            )
        )
    return campaign


def _name(typed: str) -> str:
    """Return the last part of a path as the mail will show it; spaces would break links to it."""
    name = "-".join(unicodedata.normalize("NFC", typed).replace("\\", "/").split("/")[-1].split())
    if not name or any(unicodedata.category(char)[0] in "CZ" for char in name):
        raise InvalidInput(N_("The file has a name that cannot stand in a mail. Rename it."))
    if len(name) > MAX_NAME:
        raise InvalidInput(N_("The name of the file is longer than 100 characters. Rename it."))
    return name


def _kind(name: str, data: bytes) -> str:
    kind = TYPES.get(name.rpartition(".")[2].lower())
    if kind is None:
        raise InvalidInput(
            N_(
                "This type of file cannot be sent by mail, because mail servers would "
                "refuse it. You can send pictures, PDF, office documents, calendars, "
                "contacts and plain text."
            )
        )
    if not data:
        raise InvalidInput(N_("The file is empty."))
    if len(data) > MAX_FILE:
        raise InvalidInput(
            N_("The file is larger than 2 MB. Put it on your website and link to it.")
        )
    if not data.startswith(kind.begins) or (not kind.begins and not _is_text(data)):
        raise InvalidInput(
            N_("The file is not what its ending says. Save it again in that format.")
        )
    return kind.name


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data
