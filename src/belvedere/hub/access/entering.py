"""What a person still owes before the hub serves them, and which secrets open a session at all."""

from belvedere.foundation.settings import HubSettings
from belvedere.hub.access.sessions import SignedIn
from belvedere.hub.access.users import User


def passkey_only(settings: HubSettings, user: User) -> bool:
    """Whether passwords are off for this person's role."""
    return not user.roles.isdisjoint(settings.passkey_only_roles)


def password_shut(settings: HubSettings, user: User) -> bool:
    """Whether a right password opens no session: passwords are for the first start and for recovery."""
    return passkey_only(settings, user) or (user.has_passkey and not settings.password_after_passkey)


def must_add_passkey(settings: HubSettings, session: SignedIn) -> bool:
    """Whether nothing but adding a passkey is open to this session."""
    return passkey_only(settings, session.user) and not session.user.has_passkey


def must_change_password(settings: HubSettings, session: SignedIn) -> bool:
    """Whether a password (or a passkey) has to be chosen before anything else: a one-time code does not come back."""
    user = session.user
    unsettled = session.by_code or not (user.has_password or session.by_council)
    return settings.password_after_code and not user.has_passkey and unsettled
