"""What is wrong with a document is said at its exact place, by a stable code; what is right is let through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError

from tests.kinds import rig

_BAD = rig.rows("bad")
_GOOD = rig.rows("good")


def _ids(rows: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [f"{kind}: {row['name']}" for kind, row in rows]


@pytest.mark.parametrize(("kind", "row"), _BAD, ids=_ids(_BAD))
def test_a_bad_document_is_refused_at_its_place(kind: str, row: dict[str, Any]) -> None:
    found = rig.violations(kind, row["document"], row.get("metadata"))
    assert sorted([v.pointer, v.code] for v in found) == sorted(row["expect"]), found
    assert all(v.detail for v in found)


@pytest.mark.parametrize(("kind", "row"), _GOOD, ids=_ids(_GOOD))
def test_a_good_document_is_accepted(kind: str, row: dict[str, Any]) -> None:
    assert rig.violations(kind, row["document"], row.get("metadata")) == []


def test_no_row_says_what_another_says() -> None:
    assert len(set(_ids(_BAD))) == len(_BAD)
    assert len({(kind, json.dumps(row["document"], sort_keys=True)) for kind, row in _BAD}) == len(_BAD)


_SECRETS = [(row["name"], row["document"]) for kind, row in [*_BAD, *_GOOD] if kind == "secret"]


@pytest.mark.parametrize("document", [d for _, d in _SECRETS], ids=[name for name, _ in _SECRETS])
def test_a_secret_is_never_said_again(document: dict[str, Any]) -> None:
    values = [v for field in ("data", "stringData") for v in document.get(field, {}).values() if isinstance(v, str) and v]
    values += ["hunter2", "12345"]
    try:
        said = repr(rig.parse("secret", document))
    except ValidationError as error:
        said = f"{error} {error!r}"
    said += repr(rig.violations("secret", document))
    assert not [value for value in values if value in said]
