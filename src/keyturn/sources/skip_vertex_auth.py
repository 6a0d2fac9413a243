"""CLAUDE_CODE_SKIP_VERTEX_AUTH: requests go to a gateway that signs them itself, and carry no token."""

from __future__ import annotations

from keyturn.survey import Absent, Fact, Offer
from keyturn.values import Secret, Unsigned
from keyturn.variables import flag_variable
from keyturn.vertex.target import BASE_URL, PROJECT, REGION, region_facts, target_of
from keyturn.wire import origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene
    from keyturn.values import Credential

ID = "skip-auth"
VARIABLE = "CLAUDE_CODE_SKIP_VERTEX_AUTH"


def look(scene: Scene) -> Absent | Offer:
    """Raises: ConfigurationError, Refused."""
    if not flag_variable(scene, VARIABLE):
        return Absent(why="not set")
    target = target_of(scene, None)
    setting = scene.variable(VARIABLE)
    where = setting.where if setting is not None else VARIABLE
    pointed = scene.variable(BASE_URL) is not None
    given = {"CLAUDE_CODE_USE_VERTEX": "1", VARIABLE: "1", REGION: target.region}
    if target.project is not None:
        given[PROJECT] = target.project
    if pointed:
        given[BASE_URL] = target.base_url
    credential = Unsigned(
        audience=str(origin(target.base_url)),
        base_url=target.base_url,
        billing="gateway",
        secret=Secret(""),
        source=ID,
        variables=given,
        where=where,
    )

    def redeem(rejected: Credential | None) -> Credential:
        del rejected  # a gateway's 401 is the caller's own: nothing of keyturn's was refused
        return credential

    return Offer(
        base_url=target.base_url,
        billing="gateway",
        facts=(
            Fact(name="project", value=target.project or "not known yet", origin=target.project_where),
            Fact(name="region", value=target.region, origin=target.region_where),
            *region_facts(scene),
        ),
        kind="none",
        note="requests carry no token; a gateway must add one",
        redeem=redeem,
        remedy=setting.remedy if setting is not None else "--route",
        renewable=False,
        state="usable",
        warning=None if pointed else f"{VARIABLE} is on, and {BASE_URL} names no gateway: Google will refuse",
        where=where,
    )
