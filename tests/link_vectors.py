"""Every message of the link with values that do not change, made from its fields' types: the golden vectors' other half."""

from typing import Any

import msgspec
from msgspec import inspect

from belvedere.link import control, enrolment, records, releases, wire
from belvedere.link.messages import AnyReply, AnyRequest


def kinds() -> dict[str, type[msgspec.Struct]]:
    """All messages by name: what travels on channels, on the control line, and over HTTPS."""
    unions = [*AnyRequest.__args__, *AnyReply.__args__]
    for subject in wire._SUBJECTS:
        unions += [*subject.REQUESTS, *subject.REPLIES]
    said = [control.Hello, control.Beat, control.Welcome, control.Dial, control.Farewell]
    sent = [enrolment.Ask, enrolment.Asked, enrolment.Papers, enrolment.Renewal, records.Batch, records.Received]
    sent.append(releases.WantPiece)
    return {kind.__name__: kind for kind in sorted({*unions, *said, *sent}, key=lambda each: each.__name__)}


def sample(kind: type[msgspec.Struct]) -> msgspec.Struct:
    """One message with a value in every field."""
    return msgspec.convert(_value(inspect.type_info(kind)), kind)


def _value(of: inspect.Type) -> Any:
    match of:
        case inspect.StructType():
            fields = {field.encode_name: _value(field.type) for field in of.fields}
            if of.array_like:
                return list(fields.values())
            return ({of.tag_field: of.tag} if of.tag_field else {}) | fields
        case inspect.UnionType():
            return _value(next(each for each in of.types if not isinstance(each, inspect.NoneType)))
        case inspect.VarTupleType() | inspect.ListType():
            least = max(1, of.min_length or 1) if hasattr(of, "min_length") else 1
            return [_value(of.item_type)] * least
        case inspect.TupleType():
            return [_value(each) for each in of.item_types]
        case inspect.DictType():
            return {_value(of.key_type): _value(of.value_type)}
        case inspect.StrType():
            return "word"
        case inspect.BytesType():
            return b"\x01\x02"
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 7
        case inspect.FloatType():
            return 0.5
        case inspect.EnumType():
            return next(iter(of.cls)).value
        case inspect.LiteralType():
            return of.values[0]
    raise AssertionError(f"no sample for {of}")
