"""How much of an upload is read, and why no more: an inbox is reviewed by people, card by card."""

from __future__ import annotations

# An address book of a thousand people with their photos; what is larger is no visit to a fair.
MAX_FILE = 20 * 1024 * 1024
# Nobody reviews more in a week, and a list of this length belongs into an import.
MAX_CARDS = 2_000
# Long enough for a note of several pages; photos and keys are longer and are dropped unread.
MAX_LINE = 64 * 1024
# A card of a phone that syncs three services has about a hundred lines.
MAX_LINES_OF_A_CARD = 1_000
# Real ones have at most a dozen; 10^5 of them are an attack.
MAX_PARAMETERS = 50
# What stands before the colon; longer is no property.
MAX_HEAD = 2_000
# Somebody with more addresses is a list in the shape of a card.
MAX_EMAILS = 20
MAX_PHONES = 20
MAX_POSTAL_LINES = 10
MAX_URLS = 10
# One line of a field, as elsewhere; several lines of a note.
MAX_VALUE = 300
MAX_NOTE = 4_000
# Pasted signatures; a whole thread of mails is cut here.
MAX_SIGNATURE_LINES = 60
# A code of the largest QR version holds 4,296 characters.
MAX_CODE = 8_000
