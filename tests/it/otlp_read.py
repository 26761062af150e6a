"""Reads batches of spans, one a file, by OpenTelemetry's own package for Python, and prints what it reads as JSON.

What the package does not know, or would write otherwise, is said: a collector might throw it away.
"""

import json
import sys

from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, SpanFlags, Status


def unknown(message):
    """Fields that the package has no name for, here and below."""
    count = len(UnknownFieldSet(message))
    for field, value in message.ListFields():
        if field.message_type is not None:
            count += sum(map(unknown, value if isinstance(value, list) or hasattr(value, "add") else [value]))
    return count


def attributes(of):
    values = {}
    for attribute in of:
        kind = attribute.value.WhichOneof("value")
        assert kind is not None and attribute.key not in values, attribute
        values[attribute.key] = getattr(attribute.value, kind)
    return values


def told(span):
    flags = {name for name, bit in SpanFlags.items() if name.endswith("REMOTE_MASK") and span.flags & bit}
    return {
        "name": span.name,
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "state": span.trace_state,
        "kind": Span.SpanKind.Name(span.kind),
        "status": Status.StatusCode.Name(span.status.code),
        "trace_flags": span.flags & SpanFlags.SPAN_FLAGS_TRACE_FLAGS_MASK,
        "flags": sorted(flags),
        "began": span.start_time_unix_nano,
        "ended": span.end_time_unix_nano,
        "attributes": attributes(span.attributes),
    }


def main():
    batches = []
    for name in sys.argv[1:]:
        with open(name, "rb") as file:
            written = file.read()
        batch = ExportTraceServiceRequest.FromString(written)
        for of in batch.resource_spans:
            for scope in of.scope_spans:
                batches.append(
                    {
                        "unknown": unknown(batch),
                        "same": batch.SerializeToString(deterministic=True) == written,
                        "resource": attributes(of.resource.attributes),
                        "scope": [scope.scope.name, scope.scope.version],
                        "spans": [told(span) for span in scope.spans],
                    }
                )
    json.dump(batches, sys.stdout)


main()
