"""`keyturn login` for Google Vertex AI: credentials, a project, a region, a verifying call; then it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keyturn.auth import Auth
from keyturn.clean import clean
from keyturn.cli.chosen import auth_of
from keyturn.cli.logged_in import answer
from keyturn.cli.person import TerminalPerson
from keyturn.cli.typed import check_rememberable, remember
from keyturn.errors import ConfigurationError, LoginRefused
from keyturn.models import choose_model
from keyturn.settings.config import read_config
from keyturn.vertex import adc
from keyturn.vertex.asking import check_taken
from keyturn.vertex.redeeming import REFRESH, Redeem, nothing
from keyturn.vertex.said import Said
from keyturn.vertex.target import DEFAULT_REGION, PROJECT, checked_project, is_region, target_here, target_of

if TYPE_CHECKING:
    from argparse import Namespace

    from keyturn.cli.terminal import Terminal
    from keyturn.scene import Scene
    from keyturn.values import Credential

ROUTE = "vertex"
_TRIES = 3


def log_in(options: Namespace, terminal: Terminal) -> int:
    """Say what logging in means here, and get to credentials that give a token. Raises: AuthError."""
    auth = auth_of(options, terminal)
    terminal.note("on Google Vertex AI keyturn keeps no login: it uses Google's credentials of this machine")
    found = auth.explain()
    if found.winner is None and TerminalPerson(terminal).present:
        return set_up(options, terminal)
    scene = auth.scene()
    if (found.winner is None or found.winner.source.id == "google-adc") and Redeem(scene).sign_in():
        setting = scene.settings.get(REFRESH)
        terminal.note(f"{setting.where if setting is not None else REFRESH} was run")
    credential = auth.credential()
    text = f"{clean(credential.where)} is used; there is nothing to log in to"
    if credential.kind == "google":
        who = clean(credential.account or "an unnamed account")
        text = f"the Google credentials work: {who}, from {clean(credential.where)}"
    facts = {"profile": scene.profile.name, "route": ROUTE, "changed": False, "account": credential.account}
    answer(terminal, text, facts)
    return 0


def log_out(options: Namespace, terminal: Terminal) -> int:
    """Say what logging out means here; nothing is removed. Raises: ConfigurationError."""
    auth = auth_of(options, terminal, tolerant=True)
    name = auth.scene().profile.name
    terminal.note("to end the Google login of this machine: gcloud auth application-default revoke")
    terminal.note(f"what profile {name} holds is as it was; to remove that: keyturn --route anthropic logout")
    text = "on Google Vertex AI keyturn keeps no login, so there is nothing to remove"
    answer(terminal, text, {"profile": name, "route": ROUTE, "changed": False})
    return 0


def set_up(options: Namespace, terminal: Terminal) -> int:
    """The walk: whose credentials, which project and region, does Vertex take them; kept in the profile.

    Raises: LoginRefused when the person stops, NoCredential, and whatever the verifying call meets.
    """
    person, world = TerminalPerson(terminal), terminal.world
    config = read_config(world)
    scene = auth_of(options, terminal).scene()
    name = scene.profile.name
    credential = _credential(scene, person)
    typed: dict[str, object] = {"route": ROUTE}
    typed |= _project(scene, person, credential)
    typed |= _region(scene, person)
    scene = scene.with_profile(scene.profile.replace(**typed))
    check_rememberable(world, config, name, typed)
    credential = Redeem(scene)(None)
    check_taken(scene, credential)
    model = choose_model(scene, ROUTE)
    person.say(f"Vertex takes the credentials, and answers for {clean(model.name)} ({clean(model.by)})")
    remember(world, config, name, typed)
    region = target_of(scene, None).region
    text = f"ready: profile {name} uses Google Vertex AI in {region}; try: keyturn -p Hello"
    facts = {"profile": name, "route": ROUTE, "changed": True, "account": credential.account}
    answer(terminal, text, facts)
    for warning in Auth(profile=name, world=world).explain().warnings:
        terminal.warn(warning)
    return 0


def _credential(scene: Scene, person: TerminalPerson) -> Credential:
    """A token from what is there; while nothing is, the person is told how to make it."""
    redeem = Redeem(scene)
    for _ in range(_TRIES):
        place = adc.find(scene)
        if isinstance(place, adc.Place):
            person.say(f"found {adc.NAMES[adc.read(place).kind]}: {place.where}")
            break
        if scene.settings.get(REFRESH) is not None:
            break
        person.say("there are no Google credentials on this machine yet; in another terminal, run:")
        person.say(f"    {adc.LOGIN_COMMAND}")
        person.ask("press Enter when that is done (Ctrl-C: stop): ")
    else:
        place = adc.find(scene)
        if isinstance(place, str):
            raise nothing(place)
    redeem.sign_in()
    return redeem(None)


def _project(scene: Scene, person: TerminalPerson, credential: Credential) -> dict[str, object]:
    known = getattr(credential, "project", None)
    found = target_here(scene)
    asked = f"project (Enter: {known}): " if known else "project, by its id: "
    for _ in range(_TRIES):
        said = person.ask(asked).strip()
        if not said and known:
            return {} if found.project == known else {"vertex_project": known}
        if said:
            try:
                return {"vertex_project": checked_project(Said(text=said, where="what was typed")).text}
            except ConfigurationError as error:
                person.say(f"{error.message}; {error.hint}")
    raise _stopped(f"name it: export {PROJECT}=my-project; then run keyturn login again")


def _region(scene: Scene, person: TerminalPerson) -> dict[str, object]:
    found = target_of(scene, None)
    for _ in range(_TRIES):
        said = person.ask(f"region (Enter: {found.region}, from {found.region_where}): ").strip()
        if not said:
            return {} if found.region_where != "default" else {"vertex_region": found.region}
        if is_region(said):
            return {"vertex_region": said}
        person.say(f"that is no region; for example: {DEFAULT_REGION}, global, eu")
    raise _stopped("run keyturn login again")


def _stopped(hint: str) -> LoginRefused:
    return LoginRefused("nothing was chosen, nothing was changed", hint=hint, code="nothing_chosen")
