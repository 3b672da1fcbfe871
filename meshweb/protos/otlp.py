"""The few OTLP messages that Envoy sends, as descriptors made by hand (build time only).

xds-protos ships an old OpenTelemetry proto without scopes and histograms. Names, numbers and types below are those of
opentelemetry-proto 1.x, reduced to the fields that are read; unknown fields are skipped by the parser.
"""

from __future__ import annotations

from google.protobuf import descriptor_pb2

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
    "bool": _Field.TYPE_BOOL,
    "double": _Field.TYPE_DOUBLE,
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
    "fixed32": _Field.TYPE_FIXED32,
    "fixed64": _Field.TYPE_FIXED64,
    "sfixed64": _Field.TYPE_SFIXED64,
}

_COMMON = "opentelemetry.proto.common.v1"
_RESOURCE = "opentelemetry.proto.resource.v1"
_METRICS = "opentelemetry.proto.metrics.v1"
_TRACE = "opentelemetry.proto.trace.v1"

# package -> (dependencies, {message: [(field, number, type, flags)]}); flags: "*" repeated, "?" optional, "|name" oneof.
_FILES: dict[str, tuple[list[str], dict[str, list[tuple[str, int, str, str]]]]] = {
    _COMMON: (
        [],
        {
            "AnyValue": [
                ("string_value", 1, "string", "|value"),
                ("bool_value", 2, "bool", "|value"),
                ("int_value", 3, "int64", "|value"),
                ("double_value", 4, "double", "|value"),
                ("bytes_value", 7, "bytes", "|value"),
            ],
            "KeyValue": [("key", 1, "string", ""), ("value", 2, f"{_COMMON}.AnyValue", "")],
            "InstrumentationScope": [("name", 1, "string", ""), ("version", 2, "string", "")],
        },
    ),
    _RESOURCE: ([_COMMON], {"Resource": [("attributes", 1, f"{_COMMON}.KeyValue", "*")]}),
    _METRICS: (
        [_COMMON, _RESOURCE],
        {
            "NumberDataPoint": [
                ("start_time_unix_nano", 2, "fixed64", ""),
                ("time_unix_nano", 3, "fixed64", ""),
                ("as_double", 4, "double", "|value"),
                ("as_int", 6, "sfixed64", "|value"),
                ("attributes", 7, f"{_COMMON}.KeyValue", "*"),
            ],
            "HistogramDataPoint": [
                ("start_time_unix_nano", 2, "fixed64", ""),
                ("time_unix_nano", 3, "fixed64", ""),
                ("count", 4, "fixed64", ""),
                ("sum", 5, "double", "?"),
                ("bucket_counts", 6, "fixed64", "*"),
                ("explicit_bounds", 7, "double", "*"),
                ("attributes", 9, f"{_COMMON}.KeyValue", "*"),
            ],
            "Gauge": [("data_points", 1, f"{_METRICS}.NumberDataPoint", "*")],
            "Sum": [
                ("data_points", 1, f"{_METRICS}.NumberDataPoint", "*"),
                ("aggregation_temporality", 2, "int32", ""),
                ("is_monotonic", 3, "bool", ""),
            ],
            "Histogram": [
                ("data_points", 1, f"{_METRICS}.HistogramDataPoint", "*"),
                ("aggregation_temporality", 2, "int32", ""),
            ],
            "Metric": [
                ("name", 1, "string", ""),
                ("unit", 3, "string", ""),
                ("gauge", 5, f"{_METRICS}.Gauge", "|data"),
                ("sum", 7, f"{_METRICS}.Sum", "|data"),
                ("histogram", 9, f"{_METRICS}.Histogram", "|data"),
            ],
            "ScopeMetrics": [
                ("scope", 1, f"{_COMMON}.InstrumentationScope", ""),
                ("metrics", 2, f"{_METRICS}.Metric", "*"),
            ],
            "ResourceMetrics": [
                ("resource", 1, f"{_RESOURCE}.Resource", ""),
                ("scope_metrics", 2, f"{_METRICS}.ScopeMetrics", "*"),
            ],
        },
    ),
    _TRACE: (
        [_COMMON, _RESOURCE],
        {
            "Status": [("message", 2, "string", ""), ("code", 3, "int32", "")],
            "Span": [
                ("trace_id", 1, "bytes", ""),
                ("span_id", 2, "bytes", ""),
                ("trace_state", 3, "string", ""),
                ("parent_span_id", 4, "bytes", ""),
                ("name", 5, "string", ""),
                ("kind", 6, "int32", ""),
                ("start_time_unix_nano", 7, "fixed64", ""),
                ("end_time_unix_nano", 8, "fixed64", ""),
                ("attributes", 9, f"{_COMMON}.KeyValue", "*"),
                ("status", 15, f"{_TRACE}.Status", ""),
                ("flags", 16, "fixed32", ""),
            ],
            "ScopeSpans": [
                ("scope", 1, f"{_COMMON}.InstrumentationScope", ""),
                ("spans", 2, f"{_TRACE}.Span", "*"),
            ],
            "ResourceSpans": [
                ("resource", 1, f"{_RESOURCE}.Resource", ""),
                ("scope_spans", 2, f"{_TRACE}.ScopeSpans", "*"),
            ],
        },
    ),
    "opentelemetry.proto.collector.metrics.v1": (
        [_METRICS],
        {
            "ExportMetricsServiceRequest": [("resource_metrics", 1, f"{_METRICS}.ResourceMetrics", "*")],
            "ExportMetricsServiceResponse": [],
        },
    ),
    "opentelemetry.proto.collector.trace.v1": (
        [_TRACE],
        {
            "ExportTraceServiceRequest": [("resource_spans", 1, f"{_TRACE}.ResourceSpans", "*")],
            "ExportTraceServiceResponse": [],
        },
    ),
}


def _path(package: str) -> str:
    """The upstream name of the file, so that other files that import it get this one."""
    parts = package.split(".")
    return "/".join([*parts, f"{parts[-2]}_service.proto" if "collector" in parts else f"{parts[-2]}.proto"])


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, number: int, kind: str, flags: str) -> None:
    field = message.field.add(name=name, number=number)
    field.label = _Field.LABEL_REPEATED if flags == "*" else _Field.LABEL_OPTIONAL
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{kind}"
    oneof = flags[1:] if flags.startswith("|") else f"_{name}" if flags == "?" else ""
    if oneof:
        names = [declared.name for declared in message.oneof_decl]
        if oneof not in names:
            message.oneof_decl.add(name=oneof)
            names.append(oneof)
        field.oneof_index = names.index(oneof)
        field.proto3_optional = flags == "?"


def files() -> list[descriptor_pb2.FileDescriptorProto]:
    """The files, dependencies first."""
    made = []
    for package, (dependencies, messages) in _FILES.items():
        file = descriptor_pb2.FileDescriptorProto(name=_path(package), package=package, syntax="proto3")
        file.dependency.extend(_path(dependency) for dependency in dependencies)
        for name, fields in messages.items():
            message = file.message_type.add(name=name)
            for field in fields:
                _add_field(message, *field)
        made.append(file)
    return made
