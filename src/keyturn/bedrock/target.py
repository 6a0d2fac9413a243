"""Where the requests of this route go: region and address, as every source of the route says them."""

from __future__ import annotations

from keyturn.bedrock.region import base_url_of, region_of, variables_of
from keyturn.values import Value
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from keyturn.scene import Scene
    from keyturn.survey import Fact


class Target(Value):
    """A region and an address; `variables` tell a child of them, `warnings` are for the person."""

    __slots__ = ("base_url", "facts", "region", "variables", "warnings")
    base_url: str
    facts: tuple[Fact, ...]
    region: str
    variables: Mapping[str, str]
    warnings: tuple[str, ...]

    @property
    def audience(self) -> str:
        """The origin that a credential is bound to."""
        return str(origin(self.base_url))


def target_of(scene: Scene, *, secret: bool = True) -> Target:
    """Where requests go; with `secret`, only where one may travel. Raises: ConfigurationError, Refused."""
    from keyturn.bedrock.models import model_facts

    region = region_of(scene)
    url = base_url_of(scene, region.value)
    if secret:
        scene.confidential(url)
    return Target(
        base_url=url,
        facts=(region.fact, *model_facts(scene, region.value)),
        region=region.value,
        variables=variables_of(region.value, url),
        warnings=region.complaints,
    )
