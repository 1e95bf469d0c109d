"""The mailbox provider of a domain: few names, so that counting by them stays cheap."""

from __future__ import annotations

from functools import lru_cache

OTHERS = "others"

_PROVIDERS = {
    "Apple": "icloud.com me.com mac.com",
    "freenet": "freenet.de",
    "GMX, WEB.DE, mail.com": "web.de mail.com email.de caramail.com 1und1.de",
    "Google": "gmail.com googlemail.com",
    "La Poste": "laposte.net",
    "Libero": "libero.it virgilio.it",
    "mailbox.org": "mailbox.org",
    "Microsoft": "msn.com passport.com",
    "Orange": "orange.fr wanadoo.fr",
    "Posteo": "posteo.de posteo.net",
    "Proton": "proton.me protonmail.com pm.me",
    "Telekom": "t-online.de magenta.de",
    "Vodafone, Arcor": "arcor.de vodafone.de vodafonemail.de",
    "Yahoo, AOL": "aol.com aol.de ymail.com rocketmail.com aim.com",
}
_DOMAINS = {domain: name for name, domains in _PROVIDERS.items() for domain in domains.split()}
NAMES = frozenset(_PROVIDERS)
# Known in many countries under the same first label.
_FAMILIES = {
    "gmx": "GMX, WEB.DE, mail.com",
    "hotmail": "Microsoft",
    "live": "Microsoft",
    "outlook": "Microsoft",
    "yahoo": "Yahoo, AOL",
}


@lru_cache(4096)
def provider(domain: str) -> str:
    """Return the provider of a lower-case domain; OTHERS for the many small ones."""
    first, _, rest = domain.partition(".")
    family = _FAMILIES.get(first) if rest.count(".") <= 1 and len(rest) <= 6 else None
    return _DOMAINS.get(domain) or family or OTHERS


@lru_cache(4096)
def scope_of(domain: str) -> str:
    """Return what limits and back-off count by: the provider, or the domain itself."""
    name = provider(domain)
    return domain if name == OTHERS else name
