"""OAuth 2: the protocol as values, the authority, the login flows, the renewal."""
