"""The places that may hold a credential, one file each."""
