"""The region and the address of Bedrock, each with who said so."""

from __future__ import annotations

from keyturn.bedrock.profiles import named_profile, read_files
from keyturn.errors import ConfigurationError
from keyturn.survey import Fact
from keyturn.values import Value
from keyturn.variables import text_variable
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from keyturn.scene import Scene

DEFAULT_REGION = "us-east-1"
VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
BASE_URL = "ANTHROPIC_BEDROCK_BASE_URL"
# the domains of AWS's partitions, by what their regions begin with (botocore's endpoints file)
_DOMAINS = {
    "cn-": "amazonaws.com.cn",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
    "eusc-": "amazonaws.eu",
}
_LONGEST = 32


class Region(Value):
    """A region and who said so; `complaints` are lines about what was set and is none."""

    __slots__ = ("complaints", "origin", "value")
    complaints: tuple[str, ...]
    origin: str
    value: str

    @property
    def fact(self) -> Fact:
        """For people."""
        return Fact(name="region", value=self.value, origin=self.origin)


def region_of(scene: Scene) -> Region:
    """AWS_REGION, AWS_DEFAULT_REGION, keyturn's profile, the AWS profile, us-east-1 (R18).

    What is no region is skipped, and said. Raises: ConfigurationError.
    """
    complaints: list[str] = []
    for value, said_by in _candidates(scene):
        if is_region(value):
            return Region(value=value, origin=said_by, complaints=tuple(complaints))
        complaints.append(f"{said_by} names no region and is skipped; for example: {DEFAULT_REGION}")
    return Region(value=DEFAULT_REGION, origin="default", complaints=tuple(complaints))


def is_region(text: str) -> bool:
    """Whether it is formed like one; a host name is made of it."""
    parts = text.split("-")
    plain = all(part.isascii() and part.isalnum() and part == part.lower() for part in parts)
    return plain and len(parts) > 2 and parts[-1].isdigit() and len(text) <= _LONGEST  # noqa: PLR2004 - us-east-1


def host(service: str, region: str) -> str:
    """The host of one of AWS's services in a region."""
    domain = next((name for start, name in _DOMAINS.items() if region.startswith(start)), "amazonaws.com")
    return f"{service}.{region}.{domain}"


def runtime_url(region: str) -> str:
    """Where Bedrock itself is asked."""
    return f"https://{host('bedrock-runtime', region)}"


def base_url_of(scene: Scene, region: str) -> str:
    """ANTHROPIC_BEDROCK_BASE_URL, else Bedrock in that region. Raises: ConfigurationError."""
    return address(scene, BASE_URL) or runtime_url(region)


def address(scene: Scene, variable: str) -> str | None:
    """The address that a variable holds. Raises: ConfigurationError."""
    url = text_variable(scene, variable)
    try:
        if url is not None:
            origin(url)
    except ValueError as error:
        raise ConfigurationError(
            f"{variable} is not a usable address: {error}",
            hint=f"correct it, or unset it: env -u {variable} keyturn …",
            variable=variable,
        ) from None
    return url


def variables_of(region: str, base_url: str) -> dict[str, str]:
    """What says to a child where requests go; some for programs for Claude, some for AWS's."""
    where = {"CLAUDE_CODE_USE_BEDROCK": "1", "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
    if base_url == runtime_url(region):
        return where
    return {**where, BASE_URL: base_url, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": base_url}


def _candidates(scene: Scene) -> Iterator[tuple[str, str]]:
    for variable in VARIABLES:
        found = scene.variable(variable)
        if found is not None and found.value.strip():
            yield found.value.strip(), found.name
    if scene.profile.aws_region:
        yield scene.profile.aws_region, f"profile {scene.profile.name} of {scene.config.path}"
    profile = named_profile(scene)
    said = read_files(scene).get(profile.name, "region")
    if said is not None:
        yield said[0], f"profile {profile.name} in {said[1]}"
