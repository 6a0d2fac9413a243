"""Where keyturn runs, seen from the person's browser, and the commands that lead there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from keyturn.world.surroundings import Surroundings, surroundings, ways_in

if TYPE_CHECKING:
    from pathlib import Path

SSH = "192.0.2.7 50022 192.0.2.9 22"
NOWHERE: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("env", "command"),
    [
        ({"SSH_CONNECTION": SSH, "USER": "developer"}, "ssh -N -L 4242:127.0.0.1:4242 developer@192.0.2.9"),
        ({"SSH_CONNECTION": SSH}, "ssh -N -L 4242:127.0.0.1:4242 192.0.2.9"),
        (
            {"SSH_CONNECTION": "fe80::1%eth0 1 2001:db8::9 2222", "LOGNAME": "operator"},
            "ssh -N -L 4242:127.0.0.1:4242 -p 2222 operator@2001:db8::9",
        ),
        (
            {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "worker-7"},
            "kubectl port-forward worker-7 4242:4242",
        ),
    ],
)
def test_the_command_is_exact(env: dict[str, str], command: str) -> None:
    assert command in [found for _, found in ways_in(surroundings(env, NOWHERE), 4242)]


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"SSH_CONNECTION": ""},
        {"SSH_CONNECTION": "192.0.2.7 50022 192.0.2.9"},
        {"SSH_CONNECTION": "192.0.2.7 50022 $(reboot) 22"},
        {"SSH_CONNECTION": "192.0.2.7 50022 192.0.2.9 22;reboot"},
        {"SSH_CONNECTION": SSH, "USER": "a;b"},
        {"SSH_CONNECTION": SSH, "USER": "-oProxyCommand=x y"},
        {"SSH_CONNECTION": SSH, "USER": "-F"},
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "--as"},
    ],
)
def test_nothing_that_could_be_code_is_offered_for_copying(env: dict[str, str]) -> None:
    assert [command for _, command in ways_in(surroundings(env, NOWHERE), 4242) if command] == []


def test_a_container_is_known_by_its_engine_s_marks(tmp_path: Path) -> None:
    mark = tmp_path / ".dockerenv"
    assert not surroundings({}, [str(mark)]).container
    mark.touch()
    assert surroundings({}, [str(mark)]).container
    assert surroundings({"container": "podman"}, NOWHERE).container
    [(sentence, command)] = ways_in(Surroundings(container=True), 4242)
    assert "--network host" in sentence
    assert command is None


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("team-a\n", "kubectl -n team-a port-forward worker-7 4242:4242"),
        ("", "kubectl port-forward worker-7 4242:4242"),
        ("a b", "kubectl port-forward worker-7 4242:4242"),
        ("--as", "kubectl port-forward worker-7 4242:4242"),
        ("\u00e4", "kubectl port-forward worker-7 4242:4242"),
    ],
)
def test_a_pod_is_named_with_the_namespace_that_it_is_in(tmp_path: Path, text: str, command: str) -> None:
    file = tmp_path / "namespace"
    file.write_text(text, encoding="utf-8")
    env = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "worker-7"}
    assert [found for _, found in ways_in(surroundings(env, NOWHERE, str(file)), 4242)] == [command]


def test_windows_reaches_a_port_of_wsl_by_itself() -> None:
    [(sentence, command)] = ways_in(surroundings({"WSL_DISTRO_NAME": "Debian"}, NOWHERE), 4242)
    assert "port 4242" in sentence
    assert command is None
