"""Certificates of files: which are served, and what becomes of them when the files change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meshweb.agent.file_secrets import FileSecrets
from tests import certificates


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("file-root:{allowed}/ca.pem", "served"),
        ("file-root:{allowed}/sub/../ca.pem", "served"),
        ("file-root:{allowed}/../own/ca.pem", "refused"),
        ("file-root:{allowed}/link.pem", "refused"),
        ("file-root:{allowed}/own/ca.pem", "refused"),
        ("file-root:{allowed}/loop.pem", "bad"),
        ("file-root:{allowed}/fifo", "refused"),
        ("file-root:{allowed}", "refused"),
        ("file-root:{allowed}-beside/ca.pem", "refused"),
        ("file-root:{allowed}/none.pem", "missing"),
        ("file-root:{allowed}/text.pem", "bad"),
        ("file-root:ca.pem", "refused"),
        ("file-root:", "refused"),
        ("file-root:{allowed}/\0", "bad"),
        ("file-cert:{allowed}/ca.pem~{allowed}/ca.pem", "bad"),
        ("file-cert:{allowed}/ca.pem", "refused"),
    ],
)
def test_which_files_are_served(tmp_path: Path, name: str, state: str) -> None:
    """The agent's own directory lies in an allowed one here, and is not served all the same."""
    allowed = tmp_path / "allowed"
    for directory in (allowed, allowed / "sub", allowed / "own", tmp_path / "own", tmp_path / "allowed-beside"):
        directory.mkdir(exist_ok=True)
        (directory / "ca.pem").write_text(certificates.Authority().certificate)
    (allowed / "link.pem").symlink_to(tmp_path / "own" / "ca.pem")
    (allowed / "loop.pem").symlink_to(allowed / "loop.pem")
    (allowed / "text.pem").write_text("no certificate")
    os.mkfifo(allowed / "fifo")
    files = FileSecrets([allowed], allowed / "own")
    wanted = name.format(allowed=allowed)
    files.want(wanted)
    assert files.status()[wanted]["state"] == state, files.status()
    assert (files.get(wanted) is not None) == (state == "served")
    files.leave(wanted)
    assert files.status() == {}
    nowhere = FileSecrets([], tmp_path / "own")
    nowhere.want(wanted)
    assert nowhere.status()[wanted]["state"] in {"refused", "bad"}


def _files(tmp_path: Path, pair: certificates.Pair) -> tuple[FileSecrets, str]:
    (tmp_path / "tls.crt").write_text(pair.certificate)
    (tmp_path / "tls.key").write_text(pair.key)
    files, name = FileSecrets([tmp_path], tmp_path / "own"), f"file-cert:{tmp_path}/tls.crt~{tmp_path}/tls.key"
    files.want(name)
    return files, name


def _value(files: FileSecrets, name: str) -> bytes:
    resource: Any = files.get(name)
    value: bytes = resource.resource.value
    return value


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: (d / "tls.crt").write_text(certificates.server("b").certificate), "the key is not that of the certificate"),
        (lambda d: (d / "tls.key").write_text(""), "there is no private key"),
        (lambda d: (d / "tls.crt").write_text("-----BEGIN CERTIFICATE-----"), "there are no certificates"),
        (lambda d: (d / "tls.key").unlink(), "No such file"),
        (lambda d: (d / "tls.crt").write_bytes(bytes(2_000_000)), "more than"),
    ],
    ids=["half of a pair", "empty", "cut off", "gone", "huge"],
)
def test_what_cannot_be_used_leaves_the_old_pair(tmp_path: Path, spoil: Callable[[Path], object], words: str) -> None:
    pair = certificates.server("a")
    files, name = _files(tmp_path, pair)
    before = files.get(name)
    spoil(tmp_path)
    assert not files.look()
    assert files.get(name) is before
    found = files.status()[name]
    assert found["state"] == "kept"
    assert words in found["detail"]
    new = certificates.server("c")
    (tmp_path / "tls.crt").write_text(new.certificate)
    (tmp_path / "tls.key").write_text(new.key)
    assert files.look()
    assert files.status()[name]["state"] == "served"
    assert new.key.encode() in _value(files, name)
    assert not files.look(), "nothing new"


def test_links_that_are_turned_are_followed(tmp_path: Path) -> None:
    """As Kubernetes and certbot replace files: a link is turned to another directory."""
    old, new = certificates.Authority().certificate, certificates.Authority().certificate
    for name, text in (("one", old), ("two", new)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ca.pem").write_text(text)
    (tmp_path / "now").symlink_to(tmp_path / "one")
    files, name = FileSecrets([tmp_path], tmp_path / "own"), f"file-root:{tmp_path}/now/ca.pem"
    files.want(name)
    assert old.encode() in _value(files, name)
    (tmp_path / "then").symlink_to(tmp_path / "two")
    (tmp_path / "then").rename(tmp_path / "now")
    assert files.look()
    assert new.encode() in _value(files, name)


def test_nothing_of_a_value_is_shown(tmp_path: Path) -> None:
    pair = certificates.server("a")
    files, _ = _files(tmp_path, pair)
    assert pair.key.splitlines()[1] not in f"{files.status()} {files._entries}"
