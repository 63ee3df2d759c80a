"""Methods about API keys, and who used them."""

from __future__ import annotations

from typing import Optional

from ..documents import ApiKey, KeyRequest, NewApiKey, PageApiKey, PageAuditEntry, Scope
from ._exchange import Ask
from ._operation import AsyncGroup, BlockingGroup, operation, pages
from ._read import When, document, moment

__all__ = ["BlockingKeys", "Keys"]


class KeyMethods:
    """What can be done with API keys. All of it needs the scope ``admin``."""

    subject = "keys"

    @operation("GET", "/api/keys")
    def list(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> Ask[PageApiKey]:
        """One page of all keys, revoked and expired ones included. Never the keys themselves."""
        return Ask(document(PageApiKey), query={"limit": limit, "cursor": cursor})

    iterate = pages(list, lambda page: page["items"])

    @operation("POST", "/api/keys")
    def create(
        self, name: str, scope: Scope, *, expires_at: Optional[When] = None
    ) -> Ask[NewApiKey]:
        """Makes a key. The answer's ``key`` is the only place where it appears. It lasts 30 days
        unless told otherwise. It is never repeated by itself."""
        request: KeyRequest = {"name": name, "scope": scope}
        if expires_at is not None:
            request["expires_at"] = moment("expires_at", expires_at)
        return Ask(document(NewApiKey), body=request)

    @operation("DELETE", "/api/keys/{id}")
    def revoke(self, id: str) -> Ask[ApiKey]:
        """Revokes a key at once; its open connections are closed."""
        return Ask(document(ApiKey), {"id": id})

    @operation("GET", "/api/audit")
    def audit(
        self,
        *,
        since: Optional[When] = None,
        until: Optional[When] = None,
        key_id: Optional[str] = None,
        action: Optional[str] = None,
        subject: Optional[str] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Ask[PageAuditEntry]:
        """One page of who did what, newest first; of the last week unless told otherwise."""
        query = {"from": moment("since", since), "to": moment("until", until)}
        asked = {"key_id": key_id, "action": action, "subject": subject}
        return Ask(
            document(PageAuditEntry),
            query={**query, **asked, "limit": limit, "cursor": cursor},
        )

    iterate_audit = pages(audit, lambda page: page["items"])


class Keys(KeyMethods, AsyncGroup):
    """What can be done with API keys."""


class BlockingKeys(KeyMethods, BlockingGroup):
    """What can be done with API keys."""
