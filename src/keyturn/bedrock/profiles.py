"""The shared files of the AWS tools: which profile counts, and what lies in it. Asks nobody, runs nothing.

What a profile's keys mean is botocore's to say; here it is only looked at, so that `explain` can say what
will be used, and an error can name the file.
"""

from __future__ import annotations

from keyturn.errors import ConfigurationError
from keyturn.values import Value
from keyturn.world import files, foreign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.scene import Scene
    from keyturn.world import World

DEFAULT = "default"
Sections = dict[str, dict[str, str]]


class Named(Value):
    """The AWS profile that counts; `by` is what names it, None when nothing does."""

    __slots__ = ("by", "name")
    by: str | None
    name: str


class Files(Value):
    """Both shared files; a profile's own keys are in `credentials` and `config`, by its name."""

    __slots__ = ("config", "config_path", "credentials", "credentials_path")
    config: Mapping[str, Mapping[str, str]]
    config_path: str
    credentials: Mapping[str, Mapping[str, str]]
    credentials_path: str

    def __repr__(self) -> str:
        return f"Files({self.credentials_path}, {self.config_path})"

    def knows(self, profile: str) -> bool:
        """Whether either file has the profile."""
        return profile in self.credentials or profile in self.config

    @property
    def names(self) -> tuple[str, ...]:
        """Every profile, in order."""
        return tuple(sorted({*self.credentials, *self.config}))

    def merged(self, profile: str) -> Mapping[str, str]:
        """A profile's keys of both files, as botocore reads them: the credentials file comes first."""
        return {**self.config.get(profile, {}), **self.credentials.get(profile, {})}

    def get(self, profile: str, key: str) -> tuple[str, str] | None:
        """A key's value and the file it is in; the credentials file comes first, as for a region (R18)."""
        for path, sections in (
            (self.credentials_path, self.credentials),
            (self.config_path, self.config),
        ):
            value = sections.get(profile, {}).get(key, "").strip()
            if value:
                return value, path
        return None


def named_profile(scene: Scene) -> Named:
    """The AWS profile: AWS_PROFILE, AWS_DEFAULT_PROFILE, keyturn's own profile, `default`.

    Raises: ConfigurationError.
    """
    for variable in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        found = scene.variable(variable)
        if found is not None and found.value.strip():
            return Named(name=found.value.strip(), by=found.name)
    if scene.profile.aws_profile:
        return Named(
            name=scene.profile.aws_profile, by=f"profile {scene.profile.name} of {scene.config.path}"
        )
    return Named(name=DEFAULT, by=None)


def paths_of(scene: Scene) -> tuple[str, str]:
    """Where the credentials file and the config file lie, whether or not they are there."""
    return (
        _path(scene, "AWS_SHARED_CREDENTIALS_FILE", "credentials"),
        _path(scene, "AWS_CONFIG_FILE", "config"),
    )


def marks_of(scene: Scene) -> tuple[object, ...]:
    """What changes whenever a profile, or a login of the AWS tools, does; costs a few stats (P18)."""
    home = aws_directory(scene.world)
    logins = [
        (name, files.mark(f"{home}/{folder}/cache/{name}.json"))
        for folder in ("sso", "login")
        for name in files.names(f"{home}/{folder}/cache", ".json")
    ]
    return (*(files.mark(path) for path in paths_of(scene)), *logins)


def read_files(scene: Scene) -> Files:
    """Both files as they are; empty where there are none.

    Raises: ConfigurationError with file and line for what is not such a file.
    """
    credentials_path, config_path = paths_of(scene)
    credentials, config = _sections(credentials_path), _sections(config_path)
    return Files(
        config={name: keys for section, keys in config.items() if (name := _profile_of(section))},
        config_path=config_path,
        credentials=credentials,
        credentials_path=credentials_path,
    )


def aws_directory(world: World) -> str:
    """Where the AWS tools keep their things."""
    return f"{home_of(world)}/.aws"


def home_of(world: World) -> str:
    """The home directory, as the AWS tools find it."""
    return world.home()


def _path(scene: Scene, variable: str, name: str) -> str:
    found = scene.variable(variable)
    if found is None:
        return f"{aws_directory(scene.world)}/{name}"
    text = found.value
    if text == "~" or text.startswith("~/"):
        text = home_of(scene.world) + text[1:]
    return foreign.absolute(scene.world, text)


def _sections(path: str) -> Sections:
    found = foreign.read_foreign(path)
    if found is None:
        return {}
    import configparser

    parser = configparser.RawConfigParser(default_section="\0none", strict=False)
    try:
        parser.read_string(found.text)
    except configparser.Error as error:
        # the error's own text repeats the line, which may be a key
        line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", ())), ("?",))[0]
        raise ConfigurationError(
            f"{path}, line {line}: it is no file of AWS profiles",
            hint="correct it by hand: a line in brackets begins a profile, `name = value` stands below it",
            path=path,
            line=line,
        ) from None
    return {section: dict(parser.items(section)) for section in parser.sections()}


def _profile_of(section: str) -> str | None:
    """The profile that a section of the config file is about; None for sections of other kinds."""
    if section == DEFAULT:
        return section
    kind, _, name = section.strip().partition(" ")
    name = name.strip().strip("\"'")
    return name if kind == "profile" and name else None
