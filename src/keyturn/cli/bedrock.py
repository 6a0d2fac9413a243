"""`keyturn login` for Amazon Bedrock: what is there, a region, a verifying call, the model; then it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.auth import Auth
from keyturn.bedrock import chain, keys
from keyturn.bedrock.profiles import named_profile, read_files
from keyturn.bedrock.redeeming import ChainRedeem, refresh_setting
from keyturn.bedrock.region import DEFAULT_REGION, is_region, region_of
from keyturn.bedrock.sts import caller_identity
from keyturn.bedrock.target import target_of
from keyturn.clean import clean
from keyturn.cli.chosen import auth_of
from keyturn.cli.logged_in import answer
from keyturn.cli.person import TerminalPerson
from keyturn.cli.typed import check_rememberable, remember
from keyturn.errors import AuthError, LoginRefused, NoCredential
from keyturn.settings.config import read_config
from keyturn.values import AwsKeys

if TYPE_CHECKING:
    from argparse import Namespace

    from keyturn.cli.terminal import Terminal
    from keyturn.scene import Scene

ROUTE = "bedrock"
_TRIES = 3


def log_in(options: Namespace, terminal: Terminal) -> int:
    """Say what logging in means here, and get to credentials that AWS takes. Raises: AuthError."""
    auth = auth_of(options, terminal)
    terminal.note("on Amazon Bedrock keyturn keeps no login: it uses the credentials of the AWS tools")
    found = auth.explain()
    winner = found.winner
    if winner is None:
        if TerminalPerson(terminal).present:
            return set_up(options, terminal)
        _ = auth.credential()  # raises what there is to say about it
    _renew(auth, terminal)
    credential = auth.credential()
    if not isinstance(credential, AwsKeys):
        text, who = f"{clean(credential.where)} is used; there is nothing to log in to", None
    else:
        who = caller_identity(auth.scene(), credential).arn
        text = f"the keys of {clean(credential.where)} work: {who}"
    facts = {"profile": auth.scene().profile.name, "route": ROUTE, "changed": False, "account": who}
    answer(terminal, text, facts)
    return 0


def log_out(options: Namespace, terminal: Terminal) -> int:
    """Say what logging out means here; nothing is removed. Raises: ConfigurationError."""
    auth = auth_of(options, terminal, tolerant=True)
    link = chain.find(auth.scene())
    named = f" --profile {link.profile}" if isinstance(link, chain.Link) and link.profile else ""
    name = auth.scene().profile.name
    terminal.note(f"to end the login of the AWS tools: aws sso logout{named}")
    terminal.note(f"what profile {name} holds is as it was; to remove that: keyturn --route anthropic logout")
    text = "on Amazon Bedrock keyturn keeps no login, so there is nothing to remove"
    answer(terminal, text, {"profile": name, "route": ROUTE, "changed": False})
    return 0


def set_up(options: Namespace, terminal: Terminal) -> int:
    """The walk: whose keys, which region, does AWS take them, which model; kept in keyturn's profile.

    Raises: LoginRefused when the person stops, NoCredential, and whatever the verifying call meets.
    """
    person, world = TerminalPerson(terminal), terminal.world
    config = read_config(world)
    auth = auth_of(options, terminal)
    name = auth.scene().profile.name
    typed: dict[str, object] = {"route": ROUTE}
    typed |= _profile(auth.scene(), person)
    scene = _with(auth.scene(), typed)
    typed |= _region(scene, person)
    scene = _with(scene, typed)
    check_rememberable(world, config, name, typed)
    redeem = ChainRedeem(scene, "aws-chain")
    found = redeem(None)
    assert isinstance(found, AwsKeys)  # noqa: S101 - the chain gives keys
    who = caller_identity(scene, found)
    person.say(f"AWS takes the keys of {who.arn}")
    remember(world, config, name, typed)
    ready = Auth(profile=name, route=ROUTE, world=world)
    _say_model(ready, terminal)
    region = target_of(scene).region
    text = f"ready: profile {name} uses Amazon Bedrock in {region}; try: keyturn -p Hello"
    answer(terminal, text, {"profile": name, "route": ROUTE, "changed": True, "account": who.arn})
    _warn(Auth(profile=name, world=world), terminal)
    return 0


def _warn(auth: Auth, terminal: Terminal) -> None:
    """Say what keeps the profile's route from being the one that is used, and what else is to be known."""
    if auth.route != ROUTE:
        terminal.warn(f"a variable chooses the route {auth.route}, which comes first; see: keyturn explain")
        return
    for warning in auth.explain().warnings:
        terminal.warn(warning)


def _profile(scene: Scene, person: TerminalPerson) -> dict[str, object]:
    """Whose keys; a question only where there is a choice."""
    if keys.environment_keys(scene) is not None:
        setting = scene.variable(keys.ID)
        person.say(f"found keys: {setting.where if setting is not None else keys.ID}")
        return {}
    named, files = named_profile(scene), read_files(scene)
    if named.by is not None and scene.profile.aws_profile is None:
        person.say(f"{named.by} names the AWS profile {named.name}")
        return {}
    there = files.names
    if not there:
        link = chain.find(scene)
        if isinstance(link, chain.Link):
            person.say(f"found {link.what}: {link.where}")
            return {}
        raise NoCredential(
            f"there are no AWS credentials to use: {link}",
            hint="make some: aws configure sso; then run keyturn login again",
            code="aws_missing",
        )
    if len(there) == 1:
        person.say(f"found the AWS profile {there[0]} in {files.config_path}")
        return {"aws_profile": there[0]}
    person.say("AWS profiles:")
    for number, profile in enumerate(there, 1):
        person.say(f"{number}) {clean(profile, 80)}")
    return {"aws_profile": there[_number(person, len(there)) - 1]}


def _number(person: TerminalPerson, most: int) -> int:
    for _ in range(_TRIES):
        answer = person.ask(f"choose 1-{most} (Enter: stop): ").strip()
        if not answer:
            break
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= most:
            return int(answer)
        person.say(f"that is none of them; type a number from 1 to {most}")
    raise _stopped()


def _region(scene: Scene, person: TerminalPerson) -> dict[str, object]:
    region = region_of(scene)
    for _ in range(_TRIES):
        answer = person.ask(f"region (Enter: {region.value}, from {region.origin}): ").strip()
        if not answer:
            return {} if region.origin != "default" else {"aws_region": region.value}
        if is_region(answer):
            return {"aws_region": answer}
        person.say(f"that is no region; for example: {DEFAULT_REGION}")
    raise _stopped()


def _with(scene: Scene, typed: dict[str, object]) -> Scene:
    """The same scene with what was typed, which nothing has been told of yet."""
    return scene.with_profile(scene.profile.replace(**typed))


def _renew(auth: Auth, terminal: Terminal) -> None:
    """A person asks for new credentials: the command that renews them runs, if AWS takes the old no more."""
    scene = auth.scene()
    setting = refresh_setting(scene)
    if setting is None:
        return
    if ChainRedeem(scene, "aws-chain").renew(setting, target_of(scene), asked=True):
        terminal.note(f"{setting.where} was run, and AWS takes what it gave")


def _say_model(auth: Auth, terminal: Terminal) -> None:
    from keyturn.bedrock.listing import inference_profiles
    from keyturn.model_choice import settled_choice

    chosen = settled_choice(auth)
    terminal.note(f"model: {clean(chosen.name)} ({clean(chosen.by)})")
    credential = auth.credential()
    try:
        listed = inference_profiles(auth, credential) if isinstance(credential, AwsKeys) else ()
    except AuthError as error:
        terminal.note(f"{clean(error.message)}; {clean(error.hint or '')}")
        return
    ours = [name for name in listed if "anthropic" in name]
    terminal.note(f"inference profiles of Claude models here: {', '.join(map(clean, ours[:12])) or 'none'}")


def _stopped() -> LoginRefused:
    return LoginRefused(
        "nothing was chosen, nothing was changed",
        hint="run keyturn login again",
        code="nothing_chosen",
    )
