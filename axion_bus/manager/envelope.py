"""What is wrong with a command or reply before anybody looks at what it asks for, and how much of one that failed is kept."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from axion_bus.domain.communication import Fault
from axion_bus.formats.message import Malformed
from axion_bus.pipeline.inbound import KEPT_RAW_BYTES

if TYPE_CHECKING:
    from axion_bus.ports import Received


def fault_of(received: Received, *, max_payload_bytes: int) -> Malformed | None:
    """Why ``received`` is not even read; None: it may be."""
    size = len(received.body)
    if received.bad_address:
        return Malformed(fault=Fault.BAD_TOPIC, place="", detail="the topic is not UTF-8 (MQTT 5 1.5.4)")
    if received.retained:
        detail = "what is retained comes again and again, and would be done again and again; publish it without retain"
        return Malformed(fault=Fault.RETAINED, place="", detail=detail)
    if size > max_payload_bytes:
        detail = f"{size} bytes; [intake] max_payload_bytes allows {max_payload_bytes}"
        return Malformed(fault=Fault.TOO_LARGE, place="", detail=detail)
    return None


def told(malformed: Malformed) -> str:
    """``malformed`` as an error message: what, where, why."""
    at = f" at {malformed.place}" if malformed.place else ""
    return f"{malformed.fault}{at}: {malformed.detail}"


def kept(body: bytes) -> tuple[bytes, dict[str, Any]]:
    """The bytes of a message that failed, up to a cap, and of a longer one its length and hash, for its Metadata."""
    if len(body) <= KEPT_RAW_BYTES:
        return body, {}
    return body[:KEPT_RAW_BYTES], {"length": len(body), "sha256": hashlib.sha256(body).hexdigest()}
