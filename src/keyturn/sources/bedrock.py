"""What may hold a credential for Amazon Bedrock: a bearer key, a command, the AWS chain; or nobody."""

from __future__ import annotations

from keyturn.survey import Absent, Offer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.bedrock.export import ExportRedeem
    from keyturn.bedrock.redeeming import ChainRedeem
    from keyturn.bedrock.target import Target
    from keyturn.scene import Scene
    from keyturn.values import Credential

BEARER, SKIP = "AWS_BEARER_TOKEN_BEDROCK", "CLAUDE_CODE_SKIP_BEDROCK_AUTH"


def bearer(scene: Scene) -> Absent | Offer:
    """AWS_BEARER_TOKEN_BEDROCK: a key of Bedrock's own, sent as a bearer token."""
    from keyturn.variables import secret_variable

    setting, secret = scene.variable(BEARER), secret_variable(scene, BEARER)
    if secret is None or setting is None:
        return Absent(why="not set")
    from keyturn.bedrock.target import target_of
    from keyturn.sources import env
    from keyturn.values import CloudToken

    target = target_of(scene)
    credential = CloudToken(
        source="bedrock-bearer-env",
        where=setting.where,
        secret=secret,
        audience=target.audience,
        base_url=target.base_url,
        billing="cloud",
        oauth_beta=False,
        variable=BEARER,
        variables=target.variables,
    )
    return _told(env.offer(credential, remedy=setting.remedy), target)


def export(scene: Scene) -> Absent | Offer:
    """awsCredentialExport: a command of the settings that prints keys."""
    from keyturn.bedrock.export import KEY, ExportRedeem
    from keyturn.bedrock.redeeming import IN_HELPER

    setting = scene.settings.get(KEY)
    if setting is None:
        return Absent(why="not configured")
    if scene.world.variable(IN_HELPER) is not None:
        return Absent(why="this keyturn runs inside of a command that keyturn runs")
    from keyturn.bedrock.target import target_of

    redeem = ExportRedeem(scene, "aws-credential-export")
    remedy = f"{setting.remedy}, then:" if setting.path is not None else setting.remedy
    return _told(
        _keys_offer(redeem, redeem.where(), target_of(scene), remedy, renewable=True), target_of(scene)
    )


def chain(scene: Scene) -> Absent | Offer:
    """The AWS credential chain: keys of the variables, or whatever botocore finds."""
    from keyturn.bedrock import keys
    from keyturn.bedrock.redeeming import ChainRedeem, refresh_setting

    found = keys.environment_keys(scene)
    redeem = ChainRedeem(scene, "aws-chain")
    if found is None:
        return _beyond_variables(scene, redeem)
    from keyturn.bedrock.target import target_of

    target = target_of(scene)
    setting, ambient = scene.variable(keys.ID), keys.ambient_token(scene)
    assert setting is not None  # noqa: S101 - the keys come from it
    offer = _keys_offer(redeem, setting.where, target, setting.remedy, renewable=False).replace(
        expires_at=found.expires_at
    )
    warnings = [f"{ambient} belongs to other keys, and is not used"] if ambient else []
    profile = scene.variable("AWS_PROFILE")
    if profile is not None:
        warnings.append(f"{profile.name} is set, and the keys of {setting.name} come before it")
    if (
        found.expires_at is not None
        and found.expires_at <= scene.world.now()
        and refresh_setting(scene) is None
    ):
        offer = offer.replace(state="expired")
    return _told(offer, target, *warnings)


def skip(scene: Scene) -> Absent | Offer:
    """CLAUDE_CODE_SKIP_BEDROCK_AUTH: requests leave unsigned, and a gateway signs."""
    from keyturn.variables import flag_variable

    if not flag_variable(scene, SKIP):
        return Absent(why="not set")
    from keyturn.bedrock.target import target_of
    from keyturn.values import Secret, Unsigned

    setting, target = scene.variable(SKIP), target_of(scene, secret=False)
    assert setting is not None  # noqa: S101 - it is on
    credential = Unsigned(
        source="skip-auth",
        where=setting.where,
        secret=Secret(""),
        audience=target.audience,
        base_url=target.base_url,
        billing="cloud",
        variables={**target.variables, SKIP: "1"},
    )

    def redeem(rejected: Credential | None) -> Credential:
        del rejected  # there is nothing that could be rejected
        return credential

    offer = Offer(
        base_url=target.base_url,
        billing="cloud",
        kind="none",
        note="requests leave unsigned, for a gateway to sign",
        redeem=redeem,
        remedy=setting.remedy,
        renewable=False,
        state="usable",
        where=setting.where,
    )
    return _told(offer, target)


def _beyond_variables(scene: Scene, redeem: ChainRedeem) -> Absent | Offer:
    from keyturn.bedrock.chain import Link, find
    from keyturn.bedrock.profiles import named_profile
    from keyturn.bedrock.redeeming import refresh_setting
    from keyturn.bedrock.target import target_of

    link, refresh = find(scene), refresh_setting(scene)
    if isinstance(link, Link):
        profile = named_profile(scene)
        remedy = "AWS_PROFILE=OTHER" if link.profile is not None else "--route"
        offer = _keys_offer(redeem, link.where, target_of(scene), remedy, renewable=True)
        by = f" (named by {profile.by})" if profile.by is not None and link.profile is not None else ""
        offer = offer.replace(account=offer.account or link.account, note=f"{link.what}{by}")
        return _told(offer, target_of(scene))
    if refresh is None:
        return Absent(why=link)
    offer = _keys_offer(redeem, refresh.where, target_of(scene), "--route", renewable=True)
    return _told(offer.replace(note=f"{link}; {refresh.key} will be run"), target_of(scene))


def _keys_offer(
    redeem: ChainRedeem | ExportRedeem, where: str, target: Target, remedy: str, *, renewable: bool
) -> Offer:
    known = redeem.known() if renewable else None
    return Offer(
        account=f"account {known.account}" if known is not None and known.account else None,
        base_url=target.base_url,
        billing="cloud",
        expires_at=known.expires_at if known is not None else None,
        kind="aws",
        redeem=redeem,
        remedy=remedy,
        renewable=renewable,
        state="renewable" if renewable else "usable",
        where=where,
    )


def _told(offer: Offer, target: Target, *warnings: str) -> Offer:
    return offer.replace(facts=target.facts, warning="; ".join((*target.warnings, *warnings)) or None)
