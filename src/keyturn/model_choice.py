"""Which model the requests of an Auth ask: as somebody named it, else the route's own default."""

from __future__ import annotations

from keyturn.models import Chosen, choose_model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.auth import Auth

BY_DEFAULT = "default"


def first_choice(auth: Auth, named: str | None = None) -> Chosen:
    """The model, asking nobody: on Bedrock the default under the region's prefix.

    Raises: UsageError, ConfigurationError for a name no request can carry.
    """
    chosen = choose_model(auth.scene(), auth.route, named)
    if auth.route != "bedrock" or chosen.by != BY_DEFAULT:
        return chosen
    from keyturn.bedrock.models import default_model
    from keyturn.bedrock.region import region_of

    return default_model(auth.scene(), region_of(auth.scene()).value)


def settled_choice(auth: Auth, named: str | None = None) -> Chosen:
    """The model for a request that is about to be made.

    On Bedrock, where nobody names one, the inference profiles are listed for it; 5 s, and no permission or
    answer is needed. Raises: as `first_choice`.
    """
    chosen = choose_model(auth.scene(), auth.route, named)
    if auth.route != "bedrock" or chosen.by != BY_DEFAULT:
        return chosen
    from keyturn.bedrock.listing import chosen_profile

    return chosen_profile(auth)
