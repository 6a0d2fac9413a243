"""Which model Bedrock is asked for: the table's default, under the inference profile of the region."""

from __future__ import annotations

from keyturn.models import DEFAULTS, SMALL_VARIABLE, VARIABLE, Chosen, sent_name
from keyturn.survey import Fact
from keyturn.variables import text_variable, where_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.scene import Scene

ROUTE = "bedrock"
PREFIX_VARIABLE = "ANTHROPIC_BEDROCK_REGION_PREFIX"
PREFIXES = ("us", "eu", "apac", "jp", "au", "global")
GOVERNMENT = "us-gov"
# the inference profiles of a region, by what its name begins with; in any other the global ones
_BY_REGION = (("us-", "us"), ("eu-", "eu"), ("ap-", "apac"))


def prefix_of(scene: Scene, region: str) -> tuple[str, str]:
    """The prefix of inference profiles, and who said so: the variable where it is one, else the region.

    In the government's regions there is only theirs. Raises: ConfigurationError.
    """
    if region.startswith(f"{GOVERNMENT}-"):
        return GOVERNMENT, f"region {region}"
    named = text_variable(scene, PREFIX_VARIABLE)
    if named in PREFIXES:
        return str(named), where_of(scene, PREFIX_VARIABLE)
    found = next((prefix for start, prefix in _BY_REGION if region.startswith(start)), "global")
    return found, f"region {region}"


def default_model(scene: Scene, region: str) -> Chosen:
    """The table's model under the region's prefix. Raises: ConfigurationError."""
    prefix, said_by = prefix_of(scene, region)
    return Chosen(name=f"{prefix}.{DEFAULTS[ROUTE].model}", by=f"default, prefix of {said_by}")


def model_facts(scene: Scene, region: str) -> tuple[Fact, ...]:
    """The model and the small one, and who chose them; what a look can know, so nothing is listed."""
    named = text_variable(scene, VARIABLE)
    if named is not None:
        named = sent_name(named)
        facts = [Fact(name="model", value=named, origin=where_of(scene, VARIABLE))]
    else:
        chosen = default_model(scene, region)
        facts = [Fact(name="model", value=chosen.name, origin=chosen.by)]
    small = text_variable(scene, SMALL_VARIABLE)
    if small is not None:
        facts.append(Fact(name="small model", value=sent_name(small), origin=where_of(scene, SMALL_VARIABLE)))
    elif named is None:
        prefix, said_by = prefix_of(scene, region)
        name = f"{prefix}.{DEFAULTS[ROUTE].small}"
        facts.append(Fact(name="small model", value=name, origin=f"default, prefix of {said_by}"))
    else:
        # who names one model has perhaps no other: background work goes to that one, too
        facts.append(Fact(name="small model", value=named, origin=where_of(scene, VARIABLE)))
    return tuple(facts)
