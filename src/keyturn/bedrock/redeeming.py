"""From what was found to keys that AWS takes; awsAuthRefresh renews them where that may help."""

from __future__ import annotations

from keyturn.bedrock import chain, keeping, keys
from keyturn.bedrock.profiles import marks_of, named_profile
from keyturn.bedrock.target import target_of
from keyturn.errors import AuthError, NoCredential, Rejected
from keyturn.values import AwsKeys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from keyturn.bedrock.keys import Found
    from keyturn.bedrock.target import Target
    from keyturn.scene import Scene
    from keyturn.settings.layers import Setting
    from keyturn.values import Credential

REFRESH = "awsAuthRefresh"
IN_HELPER = "KEYTURN_IN_HELPER"  # as keyturn.commands sets it, which a look has no need to load


def refresh_setting(scene: Scene) -> Setting | None:
    """The command that renews AWS credentials elsewhere; none inside of a command that keyturn runs (L24)."""
    return None if scene.world.variable(IN_HELPER) is not None else scene.settings.get(REFRESH)


class Redeem:
    """What the sources of keys do when they have won; `get` gives keys without renewing them."""

    def __init__(self, scene: Scene, source: str) -> None:
        self.scene = scene
        self._source = source
        self._last: AwsKeys | None = None

    def get(self, spent: Found | None) -> Found:
        """Keys as they are now, other ones than `spent` where there are others. Raises: AuthError."""
        raise NotImplementedError

    def where(self) -> str:
        """Where they come from, for people."""
        raise NotImplementedError

    def forget(self) -> None:
        """Look at everything anew the next time."""
        raise NotImplementedError

    def __call__(self, rejected: Credential | None) -> Credential:
        """The credential. Raises: what getting it raises; Rejected when AWS takes none of them.

        While the last one serves, neither a file that is just being written nor anything else that keeps a
        new one from being got fails a request (I7).
        """
        try:
            credential = self._obtained(rejected)
        except AuthError:
            if rejected is not None or self._last is None or not self._serves(self._last):
                raise
            return self._last
        self._last = credential
        return credential

    def _serves(self, credential: AwsKeys) -> bool:
        ends = credential.expires_at
        return ends is not None and ends - self.scene.world.now() > keeping.SERVE_SECONDS

    def _obtained(self, rejected: Credential | None) -> AwsKeys:
        target = target_of(self.scene)
        spent = _found_of(rejected) if isinstance(rejected, AwsKeys) else None
        try:
            found = self.get(spent)
            if found != spent:
                return found.credential(target, self._source, self.where())
            trouble: AuthError = _not_taken(found.credential(target, self._source, self.where()))
        except AuthError as error:
            if not error.facts.get("renewable"):
                raise
            trouble = error
        setting = refresh_setting(self.scene)
        if setting is None:
            raise trouble
        self.renew(setting, target, spent)
        found = self.get(None)  # as it was just looked at
        if found == spent:
            raise trouble
        return found.credential(target, self._source, self.where())

    def renew(
        self, setting: Setting, target: Target, spent: Found | None = None, *, asked: bool = False
    ) -> bool:
        """Run the command if AWS says that the keys are at an end, and only then (P16); whether it was run.

        Raises: Rejected when it changed nothing, or has failed a short while ago; Unavailable when nobody can
        say whether the keys are good; Refused.
        """
        from keyturn.commands import refresh

        seen: list[Found | None] = []

        def needed() -> bool:
            self.forget()
            try:
                found = self.get(None)
            except AuthError as error:
                if not error.facts.get("renewable"):
                    raise
                seen.append(None)
                return True
            seen.append(found)
            return not self._accepted(found, target)

        def helped() -> bool:
            earlier = seen[-1]
            return not needed() or seen[-1] not in (earlier, spent, None)

        subject = named_profile(self.scene).name
        return refresh(self.scene, setting, needed=needed, helped=helped, asked=asked, subject=subject)

    def _accepted(self, found: Found, target: Target) -> bool:
        from keyturn.bedrock.sts import caller_identity

        try:
            caller_identity(self.scene, found.credential(target, self._source, self.where()))
        except Rejected as error:
            if error.facts.get("renewable"):
                return False
            raise
        return True


class ChainRedeem(Redeem):
    """The AWS chain: keys of the variables as they are, everything else through botocore."""

    def get(self, spent: Found | None) -> Found:
        """As `Redeem`."""
        found = keys.environment_keys(self.scene)
        if found is None:
            return self._keeping().found(spent)
        if found.expires_at is not None and found.expires_at <= self.scene.world.now():
            raise Rejected(
                f"the keys of {self.where()} have expired ({keys.EXPIRATION})",
                hint="set new ones there, or be rid of them: env -u AWS_ACCESS_KEY_ID "
                "-u AWS_SECRET_ACCESS_KEY keyturn …",
                code="aws_expired",
                renewable=True,
            )
        return found

    def where(self) -> str:
        """As `Redeem`."""
        found = self.scene.variable(keys.ID)
        if found is not None:
            return found.where
        link = chain.find(self.scene)
        return link.where if isinstance(link, chain.Link) else "the AWS credential chain"

    def forget(self) -> None:
        """As `Redeem`."""
        self._keeping().forget()

    def known(self) -> Found | None:
        """The keys as last got, without asking for them."""
        return self._keeping().known()

    def _keeping(self) -> keeping.Keeping:
        scene = self.scene
        return keeping.Keeping(scene.world, _name_of(scene), lambda: marks_of(scene), self._from_chain)

    def _from_chain(self) -> Found:
        link = chain.find(self.scene)
        if not isinstance(link, chain.Link):
            raise NoCredential(
                f"the AWS chain has no credentials: {link}",
                hint="log in: aws sso login; or set AWS_PROFILE; see: keyturn explain",
                code="aws_missing",
                renewable=True,
            )
        from keyturn.bedrock.resolve import from_chain

        return from_chain(self.scene, link)


def _name_of(scene: Scene) -> str:
    """One name for each environment that the chain could see: keys of one are none of another's."""
    import hashlib

    from keyturn.bedrock.resolve import environment

    seen = sorted(
        (name, value)
        for name, value in environment(scene).items()
        if name.startswith("AWS_") or name == "HOME"
    )
    return hashlib.sha256(repr(seen).encode("utf-8", "surrogatepass")).hexdigest()


def _found_of(credential: AwsKeys) -> keys.Found:
    return keys.Found(**{name: getattr(credential, name) for name in keys.Found.fields})


def _not_taken(credential: AwsKeys) -> Rejected:
    return Rejected(
        f"{credential.audience} does not take the keys of {credential.where}",
        hint="renew them where they come from (aws sso login), or let keyturn do that: awsAuthRefresh in "
        "your settings; see: keyturn explain",
        code="aws_no_other",
        source=credential.source,
        renewable=True,
    )
