"""What is stored of grants and secrets, as front ends see it.

Owns these translations. Pure.
"""

from __future__ import annotations

from openclaw_desktop.security.grants import StoredGrant
from openclaw_desktop.security.secrets import StoredSecret
from openclaw_desktop.service.api import GrantView, SecretView


def secret_view(stored: StoredSecret) -> SecretView:
    """Return a secret without its value."""
    return SecretView(stored.name, stored.host, stored.store, stored.created_at)


def grant_view(stored: StoredGrant) -> GrantView:
    """Return a standing permission."""
    return GrantView(stored.id, stored.grant.capability, stored.grant.scope, stored.created_at)
