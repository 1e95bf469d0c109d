"""Check by DNS whether a domain accepts mail at all."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import dns.exception
import dns.nameserver
import dns.resolver

from listmgr.config import dns_server

# The visitor waits for this, so it is short; without an answer the sign-up goes on.
PATIENCE_SECONDS = 1.5
OFF = ("off",)


def takes_no_mail(domain: str, servers: Sequence[str]) -> bool:
    """Whether a domain certainly cannot get mail: it does not exist, says so, or has no host.

    RFC 7505 (a null MX) and RFC 5321 section 5.1 (an address record replaces a missing MX). False
    if the DNS is unreachable, slow or unsure: doubt never costs anybody a subscription.
    """
    if tuple(servers) == OFF:
        return False
    try:
        return _refuses(_resolver(tuple(servers)), domain)
    except dns.resolver.NXDOMAIN:
        return True
    except (dns.exception.DNSException, OSError):
        return False


def _refuses(resolver: dns.resolver.Resolver, domain: str) -> bool:
    answer = resolver.resolve(domain, "MX", lifetime=PATIENCE_SECONDS, raise_on_no_answer=False)
    if answer.rrset is not None:
        return all(entry.exchange == dns.name.root for entry in answer.rrset)
    return not any(_has(resolver, domain, kind) for kind in ("A", "AAAA"))


def _has(resolver: dns.resolver.Resolver, domain: str, kind: str) -> bool:
    answer = resolver.resolve(domain, kind, lifetime=PATIENCE_SECONDS, raise_on_no_answer=False)
    return answer.rrset is not None


@lru_cache(maxsize=4)
def _resolver(servers: tuple[str, ...]) -> dns.resolver.Resolver:
    """Return one resolver for each process, so that its cache is used."""
    resolver = dns.resolver.Resolver(configure=not servers)
    if servers:
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(*dns_server(address)) for address in servers
        ]
    resolver.cache = dns.resolver.LRUCache(10_000)
    resolver.timeout = PATIENCE_SECONDS / 2
    # A search list would find mail.our-company.example for a mistyped name.
    resolver.search = []
    resolver.use_search_by_default = False
    return resolver
