"""The committed descriptors, and the private pool made of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from google.protobuf import json_format

from meshweb.protos import TYPE_PREFIX, dump, message, pack, pool, read_descriptor_set, unpack


def test_committed_dump_is_fresh() -> None:
    assert dump.build() == read_descriptor_set()


@pytest.mark.parametrize("file", [file.name for file in read_descriptor_set().file])
def test_every_file_links(file: str) -> None:
    assert pool().FindFileByName(file).name == file


def test_pack_is_deterministic_and_unpacks() -> None:
    cluster = message("envoy.config.cluster.v3.Cluster")(name="a")
    for key in "zyxabc":
        cluster.metadata.filter_metadata[key].fields["k"].string_value = key
    packed = pack(cluster)
    assert packed.type_url == TYPE_PREFIX + "envoy.config.cluster.v3.Cluster"
    assert packed.value == pack(message("envoy.config.cluster.v3.Cluster").FromString(packed.value)).value
    assert unpack(packed) == cluster


def test_json_with_any_in_the_private_pool() -> None:
    text = {"name": "x", "typed_config": {"@type": f"{TYPE_PREFIX}envoy.extensions.filters.http.router.v3.Router"}}
    wanted = message("envoy.config.core.v3.TypedExtensionConfig")()
    json_format.ParseDict(text, wanted, descriptor_pool=pool())
    assert unpack(wanted.typed_config).DESCRIPTOR.name == "Router"


def test_unknown_name() -> None:
    with pytest.raises(KeyError):
        message("envoy.config.cluster.v3.Nothing")


def test_run_time_needs_no_generated_module() -> None:
    program = (
        "import sys; from meshweb.protos import message; message('envoy.config.bootstrap.v3.Bootstrap');"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('envoy', 'opentelemetry', 'validate', 'xds')]; assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
