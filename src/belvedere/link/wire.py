"""Messages as bytes: MessagePack of a tagged struct. A footage part is a bare MessagePack binary value.

A subject beyond the first ones keeps its messages in a module of its own beside `messages`, with REQUESTS and REPLIES, and
is named in `_SUBJECTS`.
"""

from types import ModuleType, UnionType
from typing import Any, Union

import msgspec

from belvedere.foundation import errors
from belvedere.foundation.errors import BadInput, BelvedereError, LinkFault
from belvedere.link import (
    activity,
    cameras,
    card,
    configuration,
    custody,
    devices,
    document,
    grants,
    health,
    held,
    masked,
    releases,
    retention,
    rules,
    seeing,
    sound,
    witness,
)
from belvedere.link.messages import AnyReply, AnyRequest, Failure, Reply, Request

# Modules with the messages of one subject each.
_SUBJECTS: tuple[ModuleType, ...] = (
    activity,
    cameras,
    card,
    configuration,
    custody,
    devices,
    document,
    grants,
    health,
    held,
    masked,
    releases,
    retention,
    rules,
    seeing,
    sound,
    witness,
)


def _union(first: UnionType, name: str) -> Any:
    return Union[(first, *(kind for subject in _SUBJECTS for kind in getattr(subject, name)))]


_encoder = msgspec.msgpack.Encoder()
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(_union(AnyRequest, "REQUESTS"))
_replies: msgspec.msgpack.Decoder[Reply | bytes] = msgspec.msgpack.Decoder(_union(AnyReply, "REPLIES") | bytes)

_CLASSES: dict[str, type[BelvedereError]] = {
    each.code: each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, BelvedereError) and each is not BelvedereError
}


def encode(message: Request | Reply | bytes) -> bytes:
    return _encoder.encode(message)


def decode_request(data: bytes) -> Request:
    """What is asked of the site. Raises BadInput for anything else."""
    try:
        return _requests.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadInput(
            f"The site does not understand the request: {error}.", advice="Run the same version on hub and site."
        ) from error


def decode_reply(data: bytes) -> Reply | bytes:
    """What the site answered; bytes are a footage part. Raises LinkFault for anything else."""
    try:
        return _replies.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise LinkFault(
            f"The site's answer makes no sense: {error}.", advice="Run the same version on hub and site."
        ) from error


def failure_of(error: BelvedereError) -> Failure:
    """How `error` travels. A class that one room added to the tree travels as the nearest one that every room knows."""
    known = (
        each.code for each in type(error).__mro__ if each in _CLASSES.values() and issubclass(each, BelvedereError)
    )
    return Failure(code=next(known, BelvedereError.code), message=error.message, advice=error.advice)


def error_of(failure: Failure) -> BelvedereError:
    """The exception that `failure` tells of: the same class as at the site, LinkFault for a code that is not known here."""
    return _CLASSES.get(failure.code, LinkFault)(failure.message, advice=failure.advice)
