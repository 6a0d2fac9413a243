"""From what was found to a token that Google takes: kept, renewed ahead, signed in for again by a command."""

from __future__ import annotations

from keyturn.errors import AuthError, ConfigurationError, NoCredential, Rejected
from keyturn.variables import checked_text
from keyturn.vertex import adc
from keyturn.vertex.lifetime import state_of
from keyturn.vertex.said import Said, path_of, said
from keyturn.vertex.target import Target, checked_project, child_regions, target_of
from keyturn.vertex.token import GoogleToken
from keyturn.wire import origin
from keyturn.world import foreign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from keyturn.scene import Scene
    from keyturn.survey import Survey
    from keyturn.values import Credential
    from keyturn.vertex.grant import Token

ID = "google-adc"
REFRESH = "gcpAuthRefresh"
QUOTA_PROJECT = "GOOGLE_CLOUD_QUOTA_PROJECT"
# after a renewal ahead of time that failed, the next try of this process
AHEAD_PAUSE_SECONDS = 30.0
_REREAD_SECONDS = 0.1
# one renewal that a rejection drives, as for logins (L19)
REJECTION_PAUSE_SECONDS = 60.0


class Redeem:
    """Gets tokens, time after time; looks at the credentials file before each, and keeps the last token."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._found: adc.Adc | None = None
        self._token: Token | None = None
        self._project: str | None = None
        self._ahead_after = 0.0
        self._rejected_until = 0.0

    def __call__(self, rejected: Credential | None) -> Credential:
        """The kept token, or a new one. Raises: as `grant.fetch`; what `gcpAuthRefresh` raises."""
        try:
            place = adc.find(self._scene)
        except ConfigurationError as error:
            return self._after_refresh(error)
        if isinstance(place, str):
            return self._after_refresh(nothing(place))
        token, found = self._token, self._found
        if token is not None and found is not None and found.place == place:
            state = state_of(token, self._scene.world, rejected.secret if rejected is not None else None)
            if state == "fresh":
                return self._credential(found, token)
            if state == "ahead":
                return self._renewed_ahead(found, token)
            if rejected is not None and rejected.secret == token.secret:
                self._check_rejection(rejected)
        try:
            return self._renewed(place)
        except AuthError as error:
            if not is_curable(error):
                raise
            return self._after_refresh(error)

    def _renewed(self, place: adc.Place) -> Credential:
        from keyturn.vertex import grant

        try:
            found = adc.read(place)
        except ConfigurationError:
            self._scene.world.sleep(_REREAD_SECONDS)  # somebody may be in the middle of writing it (L23)
            found = adc.read(place)
        token = grant.fetch(self._scene.world, found, patient=self._token is not None)
        self._found, self._token = found, token
        return self._credential(found, token)

    def _renewed_ahead(self, found: adc.Adc, token: Token) -> Credential:
        """While the token serves, no trouble of renewal is anybody's error (I7)."""
        if self._scene.world.clock() >= self._ahead_after:
            try:
                return self._renewed(found.place)
            except AuthError:
                self._ahead_after = self._scene.world.clock() + AHEAD_PAUSE_SECONDS
        return self._credential(found, token)

    def _check_rejection(self, rejected: Credential) -> None:
        from keyturn.oauth.outcomes import REJECTED_AGAIN

        now = self._scene.world.clock()
        if now < self._rejected_until:
            raise Rejected(
                f"{rejected.audience} rejected the Google token of {rejected.where}, and a new one too",
                hint="check that the account may use Vertex AI in this project (roles/aiplatform.user); "
                "see: keyturn explain",
                code=REJECTED_AGAIN,
                source=ID,
            )
        self._rejected_until = now + REJECTION_PAUSE_SECONDS

    def sign_in(self) -> bool:
        """Because a person asks: get a token, by `gcpAuthRefresh` if it must be; whether that was run.

        Raises: as `__call__`.
        """
        try:
            self._renewed_now()
        except AuthError as error:
            if not is_curable(error):
                raise
            self._after_refresh(error, asked=True)
            return True
        return False

    def _after_refresh(self, error: AuthError, *, asked: bool = False) -> Credential:
        """What `gcpAuthRefresh` makes of it (R32). Raises: the error, without a command; what that raises."""
        refresh = self._scene.settings.get(REFRESH)
        if refresh is None:
            raise error
        from keyturn import commands

        cure = _Cure(self._scene, self._renewed)
        needed, helped, subject = cure.needed, cure.helped, cure.subject
        commands.refresh(self._scene, refresh, needed=needed, helped=helped, asked=asked, subject=subject)
        return cure.credential or self._renewed_now()

    def _renewed_now(self) -> Credential:
        place = adc.find(self._scene)
        if isinstance(place, str):
            raise nothing(place)
        return self._renewed(place)

    def _credential(self, found: adc.Adc, token: Token) -> Credential:
        scene = self._scene
        target = target_of(scene, found)
        project = target.project or self._project
        if project is None and found.place.host is not None:
            from keyturn.vertex import metadata

            named = metadata.project(scene.world, found.place.host)
            if named is not None:
                checked_project(Said(text=named, where=found.place.where))
            project = self._project = named
        quota = quota_project(scene, found)
        return GoogleToken(
            account=found.account,
            audience=str(origin(target.base_url)),
            base_url=target.base_url,
            billing="cloud",
            expires_at=token.expires_at,
            project=project,
            quota_project=quota[0] if quota is not None else None,
            region=target.region,
            secret=token.secret,
            source=ID,
            variables=_variables(scene, found, target, project),
            where=found.place.where,
        )


class _Cure:
    """Whether a command has to run, and whether it has helped; keeps the credential it was tried with."""

    def __init__(self, scene: Scene, renewed: Callable[[adc.Place], Credential]) -> None:
        self._scene = scene
        self._renewed = renewed
        self._tried: adc.Place | str | None = self._place()
        self.credential: Credential | None = None

    @property
    def subject(self) -> str:
        """Which credentials the command is about: others are none of its business."""
        return str(path_of(self._scene, adc.VARIABLE) or foreign.gcloud_directory(self._scene.world))

    def needed(self) -> bool:
        """Whether there is still no token; what has just been tried is not tried again (R33)."""
        return not self._changed() or not self._works()

    def helped(self) -> bool:
        """Whether the credentials are valid, or are others than before and tell their own trouble."""
        changed = self._changed()
        return self._works() or changed

    def _changed(self) -> bool:
        return self._place() != self._tried

    def _works(self) -> bool:
        self._tried = place = self._place()
        if not isinstance(place, adc.Place):
            return False
        try:
            self.credential = self._renewed(place)
        except AuthError as error:
            if not is_curable(error):
                raise
            return False
        return True

    def _place(self) -> adc.Place | str | None:
        try:
            return adc.find(self._scene)
        except ConfigurationError:
            return None


def nothing(why: str, found: Survey | None = None) -> NoCredential:
    """The error for a machine without Google credentials."""
    return NoCredential(
        f"no Google credentials: {why}",
        hint=f"log in: {adc.LOGIN_COMMAND}; or name a key: export {adc.VARIABLE}=/path/to/key.json",
        code="no_google_credentials",
        survey=found,
    )


def is_curable(error: AuthError) -> bool:
    """Whether signing in again could help: expired or not loadable, and not the network (R33)."""
    if isinstance(error, NoCredential):
        return True
    codes = ("google_login_ended", "reauth_needed", "google_source")
    return error.code in codes or (isinstance(error, ConfigurationError) and "path" in error.facts)


def _variables(scene: Scene, found: adc.Adc, target: Target, project: str | None) -> Mapping[str, str]:
    """What a child needs to sign for itself in the same way."""
    given = {"CLAUDE_CODE_USE_VERTEX": "1", "CLOUD_ML_REGION": target.region}
    if project is not None:
        given["ANTHROPIC_VERTEX_PROJECT_ID"] = project
    if scene.variable("ANTHROPIC_VERTEX_BASE_URL") is not None:
        given["ANTHROPIC_VERTEX_BASE_URL"] = target.base_url
    if found.place.path is not None:
        given[adc.VARIABLE] = found.place.path
    quota = said(scene, QUOTA_PROJECT)
    if quota is not None:
        given[QUOTA_PROJECT] = quota.text
    return given | child_regions(scene)


def quota_project(scene: Scene, found: adc.Adc | None) -> tuple[str, str] | None:
    """The project whose quota is used, in google-auth's order: the variable, then the file.

    Raises: ConfigurationError for what no header can carry.
    """
    value = said(scene, QUOTA_PROJECT)
    if value is not None:
        return value.text, value.where
    named = found.info.get("quota_project_id") if found is not None else None
    if found is None or not isinstance(named, str):
        return None
    text = checked_text(named, f"quota_project_id in {found.place.path}")
    return (text, f"{found.place.path}") if text is not None else None
