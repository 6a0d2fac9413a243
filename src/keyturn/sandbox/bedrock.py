"""The API as Bedrock offers it, for signed requests: invoke, its stream, profiles; and a token service."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from flask import Flask, Response, g, request

from .answers import BadRequest, Question, message, question_from, stream_events
from .aws import ACCOUNT
from .events import Entry, fingerprint
from .eventstream import CONTENT_TYPE, chunk, exception
from .sigv4 import SignatureRefusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .ledger import Ledger
    from .sigv4 import IssuedKey

PROFILES = tuple(f"{prefix}.anthropic.claude-opus-5" for prefix in ("us", "eu", "apac", "global"))
_VERSION_FIELD = "anthropic_version"
_LONGEST_ID = 256


def add_bedrock(app: Flask, ledger: Ledger) -> None:
    """Add the routes of Bedrock and of its token service."""
    _add_runtime(app, ledger)
    _add_control(app, ledger)
    _add_sts(app, ledger)

    @app.errorhandler(SignatureRefusal)
    def refused(refusal: SignatureRefusal) -> Response:
        return aws_error(refusal.status, refusal.code, refusal.message)


def _add_runtime(app: Flask, ledger: Ledger) -> None:
    @app.post("/model/<path:model>/invoke")
    def invoke(model: str) -> Response:
        question = _question(model, ledger, stream=False)
        if isinstance(question, Response):
            return question
        return Response(json.dumps(message(question)), content_type="application/json")

    @app.post("/model/<path:model>/invoke-with-response-stream")
    def invoke_with_response_stream(model: str) -> Response:
        question = _question(model, ledger, stream=True)
        if isinstance(question, Response):
            return question
        headers = {"x-amzn-bedrock-content-type": "application/json"}
        return Response(_chunks(question, ledger, g.entry), content_type=CONTENT_TYPE, headers=headers)


def _question(model: str, ledger: Ledger, *, stream: bool) -> Question | Response:
    conduct, entry = ledger.conduct, g.entry
    entry.note(route="bedrock", model=model[:_LONGEST_ID])
    time.sleep(conduct.now().api_delay)
    _admitted(ledger, "bedrock", entry)
    if conduct.take("api_fail_next"):
        return aws_error(503, "ServiceUnavailableException", "Bedrock is unable to process your request.")
    try:
        return question_from(_completed(request.get_data(), model, stream=stream))
    except (BadRequest, ValueError) as error:
        return aws_error(400, "ValidationException", str(error))


def _completed(body: bytes, model: str, *, stream: bool) -> bytes:
    """The body as the Messages API has it; here the path says which model, and whether it is streamed."""
    fields = json.loads(body)
    if not isinstance(fields, dict) or not fields.get(_VERSION_FIELD):
        raise BadRequest(f"{_VERSION_FIELD}: Field required")
    if "model" in fields or "stream" in fields:
        raise BadRequest("extraneous key [model] or [stream] is not permitted")
    return json.dumps({**fields, "model": model, "stream": stream}).encode()


def _chunks(question: Question, ledger: Ledger, entry: Entry) -> Iterator[bytes]:
    delay = ledger.conduct.now().word_delay
    cut = ledger.conduct.take("api_cut_next")
    try:
        for event in stream_events(question):
            yield chunk(event)
            if event["type"] == "content_block_delta":
                if cut:  # as Bedrock does it: the stream itself says that it has failed
                    entry.note(cut=True)
                    yield exception("modelStreamErrorException", "The model stopped in the middle.")
                    return
                time.sleep(delay)
    finally:
        entry.close()


def _add_control(app: Flask, ledger: Ledger) -> None:
    @app.get("/inference-profiles")
    def inference_profiles() -> Response:
        g.entry.note(route="bedrock")
        _admitted(ledger, "bedrock", g.entry)
        listed = [{"inferenceProfileId": name, "status": "ACTIVE"} for name in PROFILES]
        return Response(json.dumps({"inferenceProfileSummaries": listed}), content_type="application/json")


def _add_sts(app: Flask, ledger: Ledger) -> None:
    @app.post("/")
    def sts() -> Response:
        request.get_data()  # first of all, as a form that was read is a body no more
        action = request.form.get("Action", "")
        g.entry.note(route="sts", action=action[:64])
        try:
            key = _admitted(ledger, "sts", g.entry)
        except SignatureRefusal as refusal:
            code = refusal.code.removesuffix("Exception")
            code = "InvalidClientTokenId" if code == "UnrecognizedClient" else code
            return _xml(
                403, "ErrorResponse", f"<Error><Code>{code}</Code><Message>{refusal}</Message></Error>"
            )
        if key is None or action not in ("GetCallerIdentity", "GetSessionToken"):
            error = "<Error><Code>InvalidAction</Code><Message>no such action</Message></Error>"
            return _xml(400, "ErrorResponse", error)
        if action == "GetCallerIdentity":
            said = f"<Arn>{key.arn}</Arn><UserId>sandbox</UserId><Account>{ACCOUNT}</Account>"
        elif key.token is not None:
            error = "Cannot call GetSessionToken with session credentials"
            error = f"<Error><Code>AccessDenied</Code><Message>{error}</Message></Error>"
            return _xml(403, "ErrorResponse", error)
        else:
            said = _session(ledger, key)
        return _xml(200, f"{action}Response", f"<{action}Result>{said}</{action}Result>")


def _session(ledger: Ledger, key: IssuedKey) -> str:
    made = ledger.aws.issue(arn=key.arn)
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made.expires_at))
    members = {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret,
        "SessionToken": made.token,
        "Expiration": ends,
    }
    return "<Credentials>" + "".join(f"<{k}>{v}</{k}>" for k, v in members.items()) + "</Credentials>"


def _admitted(ledger: Ledger, service: str, entry: Entry) -> IssuedKey | None:
    header = request.headers.get("authorization", "")
    entry.note(sent=["authorization"] if header else [], credential=fingerprint(header) if header else "")
    key = ledger.aws.admit(service)
    if service == "bedrock" and ledger.conduct.take("api_reject_next"):
        raise SignatureRefusal(
            "ExpiredTokenException", "The security token included in the request is expired"
        )
    entry.note(
        kind_of_credential="aws" if key is not None else "bearer",
        key=fingerprint(key.access_key_id) if key is not None else "",
    )
    return key


def aws_error(status: int, code: str, text: str) -> Response:
    """An error as the JSON protocols of AWS have it."""
    return Response(
        json.dumps({"message": text}),
        status,
        content_type="application/json",
        headers={"x-amzn-errortype": f"{code}:http://internal.amazon.com/coral/com.amazon.bedrock/"},
    )


def _xml(status: int, name: str, inner: str) -> Response:
    text = f'<{name} xmlns="https://sts.amazonaws.com/doc/2011-06-15/">{inner}</{name}>'
    return Response(text, status, content_type="text/xml")
