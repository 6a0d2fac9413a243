"""All that a source may consult: the world, the configuration, and the chosen profile with its store."""

from __future__ import annotations

from keyturn.errors import ConfigurationError, Refused
from keyturn.settings.watch import Watch
from keyturn.values import API_ORIGIN
from keyturn.variables import text_variable, undo_of, where_of
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from keyturn.settings.config import Config, Profile
    from keyturn.settings.layers import Setting, Settings
    from keyturn.stores import LoginStore
    from keyturn.world import World

BASE_URL = "ANTHROPIC_BASE_URL"


class Scene:
    """One profile on one machine; cheap to make, asks nothing by itself."""

    def __init__(
        self,
        world: World,
        config: Config,
        profile: Profile,
        chosen_by: str,
        store: LoginStore | None = None,
        watch: Watch | None = None,
    ) -> None:
        self.world = world
        self.config = config
        self.profile = profile
        self.chosen_by = chosen_by
        self._store = store
        self.watch = watch or Watch(world)
        world.network = self.watch.network
        self.tolerant = False

    @property
    def settings(self) -> Settings:
        """The settings files together with the environment.

        Raises: ConfigurationError for a damaged file of the administrator, of the user or of a trusted
        project, unless this scene is a tolerant one.
        """
        found = self.watch.settings()
        if found.damages and not self.tolerant:
            raise found.damages[0]
        return found

    def variable(self, name: str) -> Setting | None:
        """A variable of the settings, else of the environment. Raises: as `settings`."""
        return self.settings.variable(name)

    def in_spite_of_damage(self) -> Scene:
        """The same scene for whoever explains: a damaged file counts for nothing, and stops nobody."""
        if self.tolerant:
            return self
        other = Scene(self.world, self.config, self.profile, self.chosen_by, self._store, self.watch)
        other.tolerant = True
        return other

    def with_profile(self, profile: Profile) -> Scene:
        """The same machine, with another configuration of the profile than the one that is written."""
        other = Scene(self.world, self.config, profile, self.chosen_by, self._store, self.watch)
        other.tolerant = self.tolerant
        return other

    @property
    def store(self) -> LoginStore:
        """Where the profile's login is kept. Raises: ConfigurationError."""
        if self._store is None:
            from keyturn.stores import KINDS, open_store

            if self.profile.store not in KINDS:
                raise ConfigurationError(
                    f"{self.config.path}: profiles.{self.profile.name}.store is {self.profile.store!r}, "
                    "which this version of keyturn does not have",
                    hint=f"use one of: {', '.join(KINDS)}",
                    profile=self.profile.name,
                )
            self._store = open_store(self.world, self.profile.name, self.profile.store)
        return self._store

    def follow(self, kind: str) -> None:
        """Go on with the store that the profile's login was moved to. Raises: ConfigurationError."""
        from keyturn.stores import open_store

        self._store = open_store(self.world, self.profile.name, kind)

    def pointed_url(self) -> str | None:
        """The ANTHROPIC_BASE_URL a person has set. Raises: ConfigurationError."""
        url = text_variable(self, BASE_URL)
        if url is not None:
            try:
                origin(url)
            except ValueError as error:
                raise ConfigurationError(
                    f"{where_of(self, BASE_URL)} is not a usable address: {error}",
                    hint=f"correct it, or {undo_of(self, BASE_URL)}",
                    variable=BASE_URL,
                ) from None
        return url

    def free_url(self) -> str:
        """Where a credential goes that the person may point anywhere (sources 1, 4, 6).

        Raises: ConfigurationError; Refused for plain http to another machine.
        """
        url = self.pointed_url() or self.profile.api_base_url or API_ORIGIN
        return self.confidential(url, allowed=self.config.allow_http_origins)

    def oauth_url(self, name: str) -> str:
        """Where an OAuth token of the environment goes: to its audience and to no gateway by accident.

        Raises: ConfigurationError, Refused naming both addresses.
        """
        url = self.pointed_url()
        if url is None:
            return API_ORIGIN
        if str(origin(url)) not in (API_ORIGIN, *_origins(self.config.allow_oauth_origins)):
            raise Refused(
                f"the token of {name} is for {API_ORIGIN}, "
                f"and {where_of(self, BASE_URL)} points to {origin(url)}",
                hint=f"{undo_of(self, BASE_URL)}; "
                f"or list the address in allow_oauth_origins of {self.config.path}",
                code="audience",
            )
        return self.confidential(url)

    def bound_url(self, url: str, what: str) -> str:
        """Where a login goes that is bound to `url`.

        Raises: Refused naming both addresses when ANTHROPIC_BASE_URL is another one.
        """
        pointed = self.pointed_url()
        if pointed is not None and origin(pointed) != origin(url):
            raise Refused(
                f"{what} is for {origin(url)}, and {where_of(self, BASE_URL)} points to {origin(pointed)}",
                hint=f"{undo_of(self, BASE_URL)}; or use another profile: --profile NAME",
                code="audience",
            )
        return self.confidential(pointed or url)

    def confidential(self, url: str, allowed: Sequence[str] = ()) -> str:
        """The URL, if a secret may travel there. Raises: Refused."""
        place = origin(url)
        if place.confidential or str(place) in _origins(allowed):
            return url
        raise Refused(
            f"a secret would go to {place} without encryption",
            hint="use https, or, for API keys and gateway tokens, "
            f"list it in allow_http_origins of {self.config.path}",
            code="plain_http",
        )


def _origins(listed: Sequence[str]) -> list[str]:
    found = []
    for entry in listed:
        try:
            found.append(str(origin(entry)))
        except ValueError:
            continue  # an entry that is no address allows nothing
    return found
