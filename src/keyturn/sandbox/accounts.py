"""The people who can sign in to the sandbox: roles at reserved example domains, no real person."""

from __future__ import annotations

import uuid
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """A person the sandbox knows, with the organization that pays."""

    email: str
    organization: str

    @property
    def uuid(self) -> str:
        """The account's id: the same in every sandbox, so that two runs can be compared."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://sandbox.example/account/{self.email}"))

    @property
    def organization_uuid(self) -> str:
        """The organization's id, the same in every sandbox."""
        return str(
            uuid.uuid5(uuid.NAMESPACE_URL, f"https://sandbox.example/organization/{self.organization}")
        )

    @property
    def initial(self) -> str:
        """One letter for the round badge on the pages."""
        return self.email[:1].upper()

    def as_claims(self) -> dict[str, object]:
        """Return the two members by which a token answer names the account."""
        return {
            "account": {"uuid": self.uuid, "email_address": self.email},
            "organization": {"uuid": self.organization_uuid, "name": self.organization},
        }


# Two in one organization and one elsewhere: enough to show a changed account and a changed organization.
ACCOUNTS = (
    Account("developer@example.com", "Example Org"),
    Account("operations@example.com", "Example Org"),
    Account("billing@example.com", "Other Org"),
)


def account_named(email: str) -> Account | None:
    """Return the account with this address, or None."""
    return next((account for account in ACCOUNTS if account.email == email), None)
