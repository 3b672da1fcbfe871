"""Protobuf messages of Envoy (xDS v3), gRPC access logs and OTLP, in a private descriptor pool.

The descriptors are a build-time dump (`python -m meshweb.protos.dump`), because the package that ships the generated modules
overwrites `envoy`, `google` and `opentelemetry` of other distributions. Messages of this pool do not mix with generated
modules of the same name in the default pool: exchange bytes.
"""

from __future__ import annotations

import functools
import zlib
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

TYPE_PREFIX = "type.googleapis.com/"
"""What stands before the full name of a message in the `type_url` of an Any."""

DESCRIPTORS = "descriptors.binpb.zlib"
"""File in this package: zlib of a serialized FileDescriptorSet, dependencies before dependants."""


def read_descriptor_set() -> descriptor_pb2.FileDescriptorSet:
    """The committed FileDescriptorSet."""
    packed = resources.files(__name__).joinpath(DESCRIPTORS).read_bytes()
    return descriptor_pb2.FileDescriptorSet.FromString(zlib.decompress(packed))


@functools.cache
def pool() -> descriptor_pool.DescriptorPool:
    """The private pool, loaded at first use (about 10 ms). Give it to `json_format` as `descriptor_pool`."""
    private = descriptor_pool.DescriptorPool()
    for file in read_descriptor_set().file:
        private.AddSerializedFile(file.SerializeToString())
    return private


@functools.cache
def message(full_name: str) -> Any:
    """Class of a message, for example `message("envoy.config.cluster.v3.Cluster")`.

    The result is typed Any because the classes exist only at run time. Raises KeyError for a name that is not in the dump
    (add its file to `meshweb.protos.dump.ROOTS`).
    """
    return message_factory.GetMessageClass(pool().FindMessageTypeByName(full_name))


def pack(inner: Any, *, deterministic: bool = True) -> Any:
    """`inner` (a message of this pool) inside a `google.protobuf.Any` of this pool. Map fields are sorted when deterministic."""
    packed = message("google.protobuf.Any")()
    packed.type_url = TYPE_PREFIX + inner.DESCRIPTOR.full_name
    packed.value = inner.SerializeToString(deterministic=deterministic)
    return packed


def unpack(packed: Any) -> Any:
    """The message inside an Any of this pool. Raises KeyError for an unknown type, DecodeError for broken bytes."""
    return message(packed.type_url.rpartition("/")[2]).FromString(packed.value)
