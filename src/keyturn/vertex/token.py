"""The credential of the Vertex route."""

from __future__ import annotations

from keyturn.values import Credential

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class GoogleToken(Credential):
    """A Google access token; `project` and `region` say what requests are about.

    `quota_project` is charged for the quota, if one is named. A child signs by itself, with the same
    credentials file, so `variables` hold no token.
    """

    __slots__ = ("project", "quota_project", "region", "variables")
    kind = "google"
    # `variables` hold the last two again where they count
    displaces = (
        "CLAUDE_CODE_SKIP_VERTEX_AUTH",
        "ANTHROPIC_VERTEX_BASE_URL",
        "GOOGLE_APPLICATION_CREDENTIALS",
    )
    project: str | None
    quota_project: str | None
    region: str
    variables: Mapping[str, str]

    def headers(self) -> dict[str, str]:
        """`Authorization`, and the project whose quota is used."""
        headers = {"Authorization": f"Bearer {self.secret.reveal()}"}
        if self.quota_project:
            headers["x-goog-user-project"] = self.quota_project
        return headers

    def environment(self) -> Mapping[str, str]:
        """The route, project, region and credentials file; no token, for nothing takes one from there."""
        return self.variables

    def serves(self, place: str) -> bool:
        """As ever; and Google's own hosts for Vertex, one a region, are one audience."""
        return place == self.audience or (_is_google_vertex(self.audience) and _is_google_vertex(place))


def is_sendable(text: str) -> bool:
    """Whether a header can carry it as a token."""
    return bool(text) and all("!" <= character <= "~" for character in text)


def _is_google_vertex(place: str) -> bool:
    if not place.startswith("https://") or "/" in place[8:]:
        return False
    host = place[8:]
    if host in (
        "aiplatform.googleapis.com",
        "aiplatform.us.rep.googleapis.com",
        "aiplatform.eu.rep.googleapis.com",
    ):
        return True
    region, mark, rest = host.partition("-aiplatform.googleapis.com")
    return bool(region and mark and not rest) and "." not in region
