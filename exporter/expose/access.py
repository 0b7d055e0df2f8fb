"""Who may do what: the push token, and the host names that we answer to."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def bears(token: str, authorization: str) -> bool:
    """Whether an Authorization header shows the token."""
    scheme, _, shown = authorization.partition(" ")
    return scheme.lower() == "bearer" and compare_digest(shown.strip().encode(), token.encode())


@dataclass(frozen=True, slots=True)
class Access:
    """The rules of one exporter."""

    token: str
    token_required: bool
    hosts: frozenset[str]

    def may_push(self, authorization: str) -> bool:
        """A wrong token is never right; a missing one is, where only this machine can reach us."""
        if not authorization:
            return not self.token_required
        return bears(self.token, authorization)

    def knows_host(self, host: str) -> bool:
        """Whether the Host header means us: a web page of another name must not reach loopback."""
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        return name.lower() in self.hosts


def access(token: str, *, on_loopback: bool, host: str, allowed: tuple[str, ...]) -> Access:
    """The rules of an exporter that listens on `host`."""
    return Access(token, not on_loopback, frozenset(name.lower() for name in (*_LOOPBACK_NAMES, host, *allowed)))
