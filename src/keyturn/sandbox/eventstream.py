"""Messages of AWS's event stream encoding (`application/vnd.amazon.eventstream`), as Bedrock streams answers.

Each is a prelude (both lengths and their checksum), headers, payload and a checksum of it all; numbers are
big endian, checksums CRC-32. Header values here are all of type 7, text.
"""

from __future__ import annotations

import json
import struct
from base64 import b64encode
from zlib import crc32

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_TEXT = 7
_AROUND = 16  # the prelude and the two checksums


def chunk(event: dict[str, object]) -> bytes:
    """One event of the Messages API in its envelope."""
    payload = json.dumps({"bytes": b64encode(json.dumps(event).encode()).decode()}).encode()
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    return encoded(headers, payload)


def exception(kind: str, message: str) -> bytes:
    """An error that ends a stream."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return encoded(headers, json.dumps({"message": message}).encode())


def encoded(headers: dict[str, str], payload: bytes) -> bytes:
    """A whole message."""
    block = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", len(block) + len(payload) + _AROUND, len(block))
    message = prelude + struct.pack("!I", crc32(prelude)) + block + payload
    return message + struct.pack("!I", crc32(message))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", _TEXT, len(text)) + text
