"""AWS keys: what signing one request costs, two cold starts, and 64 threads that find no keys yet."""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.processes import BIN, clean_environment, in_rounds
from bench.result import TIMES, Budget, Result, Table, in_pairs, package, spread
from bench.rounds import in_turns

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

HOT_ROUNDS = 21
COLD_ROUNDS = 15
THREADS, CROWD_ROUNDS = 64, 5
BODY = b'{"anthropic_version": "bedrock-2023-05-31", "messages": "' + b"x" * 1990 + b'"}'
REGION = "us-east-1"
URL = f"https://bedrock-runtime.{REGION}.amazonaws.com/model/us.anthropic.claude-opus-5/invoke"
KEYS = {
    "AWS_ACCESS_KEY_ID": "bench-key-id",
    "AWS_SECRET_ACCESS_KEY": "bench-secret-key",
    "AWS_SESSION_TOKEN": "bench-session-token",
}
BARE, SCRIPT = "`python -c pass`", "boto3, in a script"
AT_HAND, CHAIN = "**`keyturn token`**, keys in the environment", "**`keyturn token`**, keys of a profile"
OURS, SIGNER, BOTOCORE, OFFICIAL = (
    "**keyturn** `RequestAuth`, all of it",
    "keyturn, the signature alone",
    "botocore `SigV4Auth.add_auth`, bare",
    "official client `_prepare_request`",
)
_SCRIPT = (
    "import boto3, json; c = boto3.Session().get_credentials().get_frozen_credentials(); "
    "print(json.dumps({'Version': 1, 'AccessKeyId': c.access_key, 'SecretAccessKey': c.secret_key, "
    "'SessionToken': c.token}))"
)


def run(_peers: str | None = None) -> Result:
    """Measure all of it, each beside what there is without keyturn."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        env = clean_environment(
            home, KEYTURN_HOME=f"{home}/keyturn", CLAUDE_CODE_USE_BEDROCK="1", AWS_REGION=REGION
        )
        hot = _signing({**env, **KEYS})
        given = in_rounds(_programs(AT_HAND), {**env, **KEYS}, COLD_ROUNDS)
        _write_profile(Path(home))
        chain = in_rounds(_programs(CHAIN), env, COLD_ROUNDS)
        crowds = [_crowd(env) for _ in range(CROWD_ROUNDS)]
    return _result(hot, given, chain, crowds)


def _write_profile(home: Path) -> None:
    folder = home / ".aws"
    folder.mkdir()
    lines = (f"{name.lower()} = {value}" for name, value in KEYS.items())
    (folder / "credentials").write_text("\n".join(("[default]", *lines)) + "\n")


def _programs(ours: str) -> dict[str, list[str]]:
    return {
        BARE: [sys.executable, "-c", "pass"],
        ours: [str(BIN / "keyturn"), "token"],
        SCRIPT: [sys.executable, "-c", _SCRIPT],
    }


def _signing(env: Mapping[str, str]) -> dict[str, list[float]]:
    """Seconds of each way to sign the same ready request of 2 KB, in one process."""
    import anthropic
    import httpx2
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    from keyturn.auth import Auth
    from keyturn.bedrock.sigv4 import signature_headers
    from keyturn.http import RequestAuth
    from keyturn.values import AwsKeys
    from keyturn.world import World

    auth = Auth(world=World(env))
    credential = auth.credential()
    assert isinstance(credential, AwsKeys)  # noqa: S101 - the route's own
    adapter = RequestAuth(auth)
    client = anthropic.AnthropicBedrock(
        aws_region=REGION,
        aws_access_key=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=KEYS["AWS_SESSION_TOKEN"],
    )
    request = httpx2.Request("POST", URL, headers={"content-type": "application/json"}, content=BODY)
    signer = SigV4Auth(Credentials(*KEYS.values()), "bedrock", REGION)

    def bare() -> None:
        signer.add_auth(AWSRequest("POST", URL, headers={"content-type": "application/json"}, data=BODY))

    def alone() -> None:
        plain = {"content-type": "application/json", "host": URL.split("/")[2]}
        signature_headers(credential, "POST", URL, plain, BODY, now=auth.world.now())

    return in_turns(
        {
            OURS: lambda: next(adapter.sync_auth_flow(request)),
            SIGNER: alone,
            BOTOCORE: bare,
            OFFICIAL: lambda: _prepared(client, request),
        },
        HOT_ROUNDS,
    )


def _prepared(client: Any, request: httpx2.Request) -> None:  # noqa: ANN401 - the official client
    client._prepare_request(request)  # noqa: SLF001 - where it signs


def _crowd(env: Mapping[str, str]) -> dict[str, int]:
    """64 threads at once that find no keys yet: how often the chain was asked, and who failed."""
    from keyturn.auth import Auth
    from keyturn.bedrock import keeping
    from keyturn.world import World

    class Counting(World):
        asked = 0

        def run(self, *command: Any, **how: Any) -> Any:  # noqa: ANN401 - handed on as it is
            self.asked += 1
            return super().run(*command, **how)

    keeping.forget_all()
    world, failed = Counting(env), []
    auths = [Auth(world=world) for _ in range(THREADS)]
    gun = threading.Barrier(THREADS)

    def ask(auth: Auth) -> None:
        gun.wait()
        try:
            auth.credential()
        except Exception as error:  # noqa: BLE001 - counted, whatever it is
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(auth,)) for auth in auths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {"asked": world.asked, "failed": len(failed)}


def _result(
    hot: dict[str, list[float]],
    given: dict[str, list[float]],
    chain: dict[str, list[float]],
    crowds: list[dict[str, int]],
) -> Result:
    micro = "\N{MICRO SIGN}s: median (range)"
    return Result(
        name="bedrock",
        title="AWS keys on the Bedrock route",
        method=f"A ready request of {len(BODY)} bytes, signed in one process with short-lived keys, in "
        f"{HOT_ROUNDS} rounds; keyturn's way includes finding the fresh credential and binding it to its "
        f"origin. {COLD_ROUNDS} rounds of whole processes that print keys, from the environment and from a "
        f"profile. {CROWD_ROUNDS} times {THREADS} threads, each with an `Auth` of its own.",
        tables=(
            Table(
                "Signing one request",
                ("way", micro, f"{TIMES} botocore, bare"),
                tuple(
                    (
                        name,
                        spread([sample * 1e6 for sample in samples]),
                        f"{in_pairs(samples, hot[BOTOCORE]):.3g}",
                    )
                    for name, samples in hot.items()
                ),
            ),
            _cold_table("A new process prints keys of the environment", given),
            _cold_table("A new process prints keys of a profile", chain),
            Table(
                "64 threads that find no keys",
                ("", "chain asked, each time", "threads that failed"),
                (
                    (
                        "**keyturn**",
                        ", ".join(str(one["asked"]) for one in crowds),
                        str(sum(one["failed"] for one in crowds)),
                    ),
                ),
            ),
        ),
        budgets=(
            Budget("signing with keyturn, of botocore alone", 1.1, in_pairs(hot[OURS], hot[BOTOCORE])),
            Budget(
                "`keyturn token`, keys in the environment, of a bare interpreter", 3.0, _ratio(given, AT_HAND)
            ),
            Budget(
                "`keyturn token`, keys of a profile, of the boto3 script",
                1.0,
                in_pairs(chain[CHAIN], chain[SCRIPT]),
            ),
            Budget("resolutions of 64 threads, worst", 1, max(one["asked"] for one in crowds), ""),
            Budget("threads that failed", 0, sum(one["failed"] for one in crowds), ""),
        ),
        numbers={
            "seconds a signature": hot,
            "seconds a process, environment": given,
            "seconds a process, profile": chain,
            "crowds": crowds,
            "versions": [package("anthropic"), package("botocore"), package("boto3")],
            "processors": os.cpu_count(),
        },
    )


def _cold_table(title: str, found: dict[str, list[float]]) -> Table:
    return Table(
        title,
        ("program", "ms: median (range)", f"{TIMES} {BARE}"),
        tuple(
            (name, spread([sample * 1e3 for sample in samples]), f"{_ratio(found, name):.3g}")
            for name, samples in found.items()
        ),
    )


def _ratio(found: dict[str, list[float]], name: str) -> float:
    return in_pairs(found[name], found[BARE])
