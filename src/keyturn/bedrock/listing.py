"""The inference profiles of an account: which of them serves the default model, where it may list them."""

from __future__ import annotations

from keyturn import jsontext
from keyturn.bedrock.models import PREFIXES, default_model, prefix_of
from keyturn.bedrock.region import host, region_of, runtime_url
from keyturn.errors import AuthError
from keyturn.models import DEFAULTS, Chosen
from keyturn.values import AwsKeys
from keyturn.wire import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.auth import Auth

SECONDS = 5.0
_OK = 200
_MOST_PAGES = 5


def chosen_profile(auth: Auth) -> Chosen:
    """The profile of the region's own prefix, else another that serves the default model, else that unasked.

    Whoever may not list, or cannot be reached, gets the region's prefix blindly, as the documents say.
    """
    scene = auth.scene()
    try:
        credential = auth.credential()
        names = inference_profiles(auth, credential) if isinstance(credential, AwsKeys) else ()
    except AuthError:
        names = ()
    region = region_of(scene).value
    model = DEFAULTS["bedrock"].model
    prefix, _ = prefix_of(scene, region)
    for wanted in (prefix, *PREFIXES):
        name = f"{wanted}.{model}"
        if name in names:
            return Chosen(name=name, by="default, listed among the inference profiles")
    return default_model(scene, region)


def inference_profiles(auth: Auth, keys: AwsKeys) -> tuple[str, ...]:
    """The ids of all profiles that AWS defines and the account may list.

    Raises: AuthError when they cannot be listed; no retry, 5 s for each page.
    """
    from urllib.parse import quote

    from keyturn.errors import Unavailable

    found: list[str] = []
    query = "maxResults=1000&typeEquals=SYSTEM_DEFINED"
    for _ in range(_MOST_PAGES):
        page = _page(auth, keys, query)
        listed = page.get("inferenceProfileSummaries")
        if not isinstance(listed, list):
            raise Unavailable("the list of inference profiles is none", code="listing", sent=True)
        ids = (item.get("inferenceProfileId") for item in listed if isinstance(item, dict))
        found += [name for name in ids if isinstance(name, str)]
        token = page.get("nextToken")
        if not isinstance(token, str) or not token:
            break
        query = f"maxResults=1000&nextToken={quote(token, safe='')}&typeEquals=SYSTEM_DEFINED"
    return tuple(found)


def control_url(keys: AwsKeys) -> str:
    """Where Bedrock is asked about itself: a gateway answers for both."""
    if keys.base_url == runtime_url(keys.region):
        return f"https://{host('bedrock', keys.region)}"
    return keys.base_url.rstrip("/")


def _page(auth: Auth, keys: AwsKeys, query: str) -> dict[str, object]:
    from keyturn.bedrock.answers import check_clock, code_of
    from keyturn.bedrock.sigv4 import signature_headers
    from keyturn.errors import Rejected

    url = f"{control_url(keys)}/inference-profiles?{query}"
    now = auth.world.now()
    place = url.partition("://")[2].partition("/")[0]
    signature = signature_headers(keys, "GET", url, {"host": place}, b"", now=now)
    request = Request(method="GET", url=url, headers={"accept": "application/json", **signature}, body=b"")
    response = auth.world.send(request, seconds=SECONDS)
    text = response.body.decode("utf-8", "replace")
    if response.status != _OK:
        check_clock(keys, response.headers, text, now)
        said = code_of(response.headers, text)
        raise Rejected(
            f"inference profiles cannot be listed: {place} answered {response.status} {said}".rstrip(),
            hint="name the model: export ANTHROPIC_MODEL=…; or permit bedrock:ListInferenceProfiles",
            code="listing",
        )
    try:
        return jsontext.parse_object(text)
    except jsontext.NotJson:
        raise Rejected(f"{place} answered with something that is no list", code="listing") from None
