"""What the AWS credential chain would use on this machine: seen from outside, by files and variables alone.

botocore decides when the keys are needed (`keyturn.bedrock.resolve`); this is for whoever explains, and it
keeps a machine that has nothing from waiting for a metadata service that is not there.
"""

from __future__ import annotations

from keyturn.bedrock.profiles import named_profile, read_files
from keyturn.errors import ConfigurationError
from keyturn.values import Value
from keyturn.variables import flag_variable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.bedrock.profiles import Files, Named
    from keyturn.scene import Scene

# the profiles whose credential_process are being asked on the way to here, one a line (L24)
IN_CHAIN = "KEYTURN_IN_AWS_PROFILE"
_CONTAINER = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
_EC2_FIRMWARE = "Amazon EC2"
_ID, _SECRET = "aws_access_key_id", "aws_secret_access_key"


class Link(Value):
    """What the chain would use: `kind` in botocore's words, `what` for people, `where` its place.

    `account` is whom the keys will be of, as far as the files say it.
    """

    __slots__ = ("account", "kind", "profile", "what", "where")
    account: str | None
    kind: str
    profile: str | None
    what: str
    where: str


def find(scene: Scene) -> Link | str:
    """What the chain would use, or why there is nothing.

    Raises: ConfigurationError for a profile that does not exist, half a pair of keys, a damaged file, and a
    credential_process that is keyturn asking this same profile again.
    """
    profile, files = named_profile(scene), read_files(scene)
    if profile.by is not None and not files.knows(profile.name):
        raise _unknown_profile(profile, files)
    found = _of_profile(profile, files) or _of_web_identity(scene) or _of_profile_keys(profile, files)
    if found is not None:
        _check_recursion(scene, found)
        return found
    return _of_machine(scene, profile, files)


def _of_profile(profile: Named, files: Files) -> Link | None:
    """A role that the profile names comes first of all."""
    keys, found = files.merged(profile.name), files.get(profile.name, "role_arn")
    if found is None:
        return None
    role, path = found
    where = f"profile {profile.name} in {path}"
    if keys.get("web_identity_token_file"):
        what, kind = f"the role {role}, by web identity", "assume-role-with-web-identity"
    elif source := keys.get("source_profile"):
        what, kind = f"the role {role}, with the keys of profile {source}", "assume-role"
        if not files.knows(source):
            raise ConfigurationError(
                f"{where} takes its keys from profile {source}, which does not exist",
                hint=f"correct source_profile there; there are: {', '.join(files.names)}",
                profile=profile.name,
            )
    elif source := keys.get("credential_source"):
        what, kind = f"the role {role}, with the keys of {source}", "assume-role"
    else:
        raise ConfigurationError(
            f"{where} names a role, and neither source_profile nor credential_source",
            hint="name there whose keys assume the role: source_profile = NAME",
            profile=profile.name,
        )
    return Link(account=role, kind=kind, profile=profile.name, what=what, where=where)


def _of_web_identity(scene: Scene) -> Link | None:
    token, role = scene.variable("AWS_WEB_IDENTITY_TOKEN_FILE"), scene.variable("AWS_ROLE_ARN")
    if token is None:
        return None
    if role is None:
        raise ConfigurationError(
            f"{token.name} is set, and AWS_ROLE_ARN is not",
            hint="set the role that the token is for: export AWS_ROLE_ARN=…",
            variable="AWS_ROLE_ARN",
        )
    return Link(
        kind="assume-role-with-web-identity",
        account=role.value.strip(),
        profile=None,
        what=f"the role {role.value.strip()}, by web identity",
        where=token.where,
    )


def _of_profile_keys(profile: Named, files: Files) -> Link | None:
    """In botocore's order: SSO, the credentials file, a console login, a command, keys of the config file."""
    config, credentials = files.config.get(profile.name, {}), files.credentials.get(profile.name, {})
    both = files.merged(profile.name)
    in_config, in_credentials = (
        f"profile {profile.name} in {path}" for path in (files.config_path, files.credentials_path)
    )

    def place(*keys: str) -> str:
        return in_credentials if any(credentials.get(key) for key in keys) else in_config

    def link(kind: str, what: str, where: str, account: str | None = None) -> Link:
        return Link(account=account, kind=kind, profile=profile.name, what=what, where=where)

    if both.get("sso_session") or both.get("sso_start_url"):
        role, account = both.get("sso_role_name", "?"), both.get("sso_account_id", "?")
        what = f"{role} in account {account}, by IAM Identity Center"
        return link("sso", what, place("sso_session", "sso_start_url"), f"{role} in account {account}")
    if _has_pair(credentials, in_credentials):
        return link("shared-credentials-file", "keys", in_credentials)
    if both.get("login_session"):
        return link("login", "the console login of `aws login`", place("login_session"))
    if both.get("credential_process"):
        return link("custom-process", "what its credential_process gives", place("credential_process"))
    if _has_pair(config, in_config):
        return link("config-file", "keys", in_config)
    return None


def _of_machine(scene: Scene, profile: Named, files: Files) -> Link | str:
    for variable in _CONTAINER:
        found = scene.variable(variable)
        if found is not None:
            return Link(
                kind="container-role", profile=None, what="the role of this container", where=found.where
            )
    if not flag_variable(scene, "AWS_EC2_METADATA_DISABLED"):
        endpoint = scene.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
        if endpoint is not None or _EC2_FIRMWARE in scene.world.machine():
            where = endpoint.where if endpoint is not None else "the metadata service of this machine"
            return Link(kind="iam-role", profile=None, what="the role of this EC2 instance", where=where)
    named = "has no keys" if files.knows(profile.name) else "is not there"
    return (
        f"no keys in the environment, profile {profile.name} {named} ({files.config_path}), "
        "and this is no container and no EC2 instance with a role"
    )


def _has_pair(keys: Mapping[str, str], where: str) -> bool:
    key, secret = keys.get(_ID, "").strip(), keys.get(_SECRET, "").strip()
    if bool(key) != bool(secret):
        there, missing = (_ID, _SECRET) if key else (_SECRET, _ID)
        raise ConfigurationError(
            f"{where} has {there} and no {missing}: half a pair of keys",
            hint=f"add {missing} there, or take {there} out",
            key=missing,
        )
    return bool(key)


def _unknown_profile(profile: Named, files: Files) -> ConfigurationError:
    there = ", ".join(files.names)
    return ConfigurationError(
        f"{profile.by} names the AWS profile {profile.name[:64]!r}, which neither {files.config_path} "
        f"nor {files.credentials_path} has",
        hint=f"there are: {there}" if there else "make it: aws configure sso --profile NAME",
        profile=profile.name,
    )


def _check_recursion(scene: Scene, link: Link) -> None:
    asked = (scene.world.variable(IN_CHAIN) or "").split("\n")
    # nothing but a credential_process starts programs; a role may have its keys of one
    to = {"custom-process": "of {}", "assume-role": "that {} leads to"}.get(link.kind)
    if to is not None and link.profile in asked:
        raise ConfigurationError(
            f"the credential_process {to.format(link.where)} is keyturn, and it asks this same profile again",
            hint="let it ask another one: credential_process = env AWS_PROFILE=OTHER keyturn --route bedrock "
            "token; or take it out",
            code="chain_recursion",
            profile=link.profile,
        )
