"""What is said of kinds outside their folders is true."""

from __future__ import annotations

from meshweb.cli.kinds import KINDS as CLI_KINDS
from meshweb.kinds.registry import KINDS
from tools.devtools import fields


def test_the_page_of_fields_is_that_of_the_models() -> None:
    assert fields.PAGE.read_text() == fields.page(), "python -m tools.devtools.fields, then read the diff"


def test_the_cli_knows_every_kind() -> None:
    known = {(kind.kind, kind.plural, kind.namespaced) for kind in CLI_KINDS}
    assert known == {(kind.kind, kind.plural, kind.namespaced) for kind in KINDS}


def test_every_kind_is_described_and_its_example_is_shown() -> None:
    for kind in KINDS:
        folder = kind.spec.__module__.split(".")[2]
        text = (fields.ROOT / "meshweb" / "kinds" / folder / "README.md").read_text()
        assert f"/api/v1/{kind.plural}" in text, folder
        assert f"kind: {kind.document_kind}" in text, folder
