"""Each case compiles to its files, byte for byte, and the real Envoy accepts what came out."""

from __future__ import annotations

import pytest

from tests.golden import rig

NAMES = rig.case_names()


@pytest.mark.parametrize("name", NAMES)
def test_output(name: str) -> None:
    case = rig.load(name)
    for file, text in rig.texts(case).items():
        assert text == (case.directory / file).read_text(), f"{name}/{file} changed: ./dev golden, then read the diff"


@pytest.mark.parametrize("name", NAMES)
def test_envoy_accepts(name: str) -> None:
    for proxy_id, snapshot in rig.compile_intent(rig.load(name).intent).snapshots.items():
        assert rig.envoy_says(snapshot) == "", proxy_id
