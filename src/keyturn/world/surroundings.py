"""Where this program runs, seen from the person's browser: here, over ssh, in a container, in WSL."""

from __future__ import annotations

import os

from keyturn.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SSH_PORT = "22"
_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
_MARKS = ("/.dockerenv", "/run/.containerenv")
_RUN = "to let your browser reach it, run this on your own machine:"
_POD = "this is a pod of Kubernetes"
_SSH = "this is an ssh session"
_CONTAINER = (
    "this is a container, whose loopback address no published port reaches: start it with "
    "--network host, or use the code"
)
_WSL = (
    "this is WSL; a browser of Windows reaches port {port} here, unless localhostForwarding is off in "
    ".wslconfig"
)
_HOST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_%")


class Surroundings(Value):
    """What stands between the browser and this program.

    `ssh` is the target of an ssh command that leads here (`-p 2222 user@host`), or None; `pod` is the name
    of a Kubernetes pod, `namespace` where it is, if that is known.
    """

    __slots__ = ("container", "namespace", "pod", "ssh", "wsl")
    container: bool
    namespace: str | None
    pod: str | None
    ssh: str | None
    wsl: bool


def surroundings(
    env: Mapping[str, str], marks: Sequence[str] = _MARKS, namespace: str = _NAMESPACE
) -> Surroundings:
    """As the environment and the marks of container engines say."""
    pod = env.get("HOSTNAME") if env.get("KUBERNETES_SERVICE_HOST") else None
    return Surroundings(
        container=bool(env.get("container") or pod) or any(os.path.exists(mark) for mark in marks),
        namespace=_word_in(namespace) if pod else None,
        pod=pod if pod and _is_word(pod) else None,
        ssh=_ssh_target(env),
        wsl=bool(env.get("WSL_DISTRO_NAME") or env.get("WSL_INTEROP")),
    )


def ways_in(found: Surroundings, port: int) -> list[tuple[str, str | None]]:
    """How a browser elsewhere reaches a port here: sentences, each with the exact command if there is one."""
    forward = f"{port}:127.0.0.1:{port}"
    if found.pod is not None:
        where = f"-n {found.namespace} " if found.namespace is not None else ""
        return [(f"{_POD}; {_RUN}", f"kubectl {where}port-forward {found.pod} {port}:{port}")]
    ways: list[tuple[str, str | None]] = []
    if found.ssh is not None:
        ways.append((f"{_SSH}; {_RUN}", f"ssh -N -L {forward} {found.ssh}"))
    if found.container:
        ways.append((_CONTAINER, None))
    if found.wsl:
        ways.append((_WSL.format(port=port), None))
    return ways


def _ssh_target(env: Mapping[str, str]) -> str | None:
    words = env.get("SSH_CONNECTION", "").split()
    if len(words) != 4:  # noqa: PLR2004 - the client's address and port, the server's address and port
        return None
    host, port = words[2], words[3]
    user = env.get("USER") or env.get("LOGNAME") or ""
    if not (_is_word(host) and (not user or _is_word(user)) and port.isascii() and port.isdigit()):
        return None  # these go into a command that people copy
    target = f"{user}@{host}" if user else host
    return target if port == SSH_PORT else f"-p {port} {target}"


def _word_in(path: str) -> str | None:
    try:
        with open(path, encoding="ascii") as file:
            text = file.read(64).strip()
    except (OSError, ValueError):
        return None
    return text if text and _is_word(text) else None


def _is_word(text: str) -> bool:
    """Whether a text may stand in a command: no blank, no sign of a shell, no option."""
    return _HOST.issuperset(text) and not text.startswith("-")
