"""Calls to the control plane, and its problems in words."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from meshweb.cli import VERSION
from meshweb.cli.documents import Document
from meshweb.cli.errors import CliError, UsageError

DEFAULT_URL = "http://127.0.0.1:8080"
_SECONDS = 30.0


class Problem(CliError):
    """An answer of the control plane that is no success. `status`: of HTTP; `problem`: the RFC 9457 object."""

    def __init__(self, status: int, problem: Mapping[str, Any], documents: Sequence[Document]) -> None:
        self.status, self.problem = status, problem
        super().__init__(_explain(status, problem, documents))


class Client:
    """`transport` is for tests."""

    def __init__(self, url: str, token: str | None, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        headers = {"User-Agent": f"meshctl/{VERSION}", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        ca = os.environ.get("MESHWEB_CA_FILE")
        try:
            self._http = httpx.Client(
                base_url=f"{self.url}/api/v1",
                headers=headers,
                timeout=_SECONDS,
                transport=transport,
                verify=_tls(ca) if ca else True,
            )
        except (OSError, ValueError) as error:
            raise UsageError(f"MESHWEB_CA_FILE {ca}: {error}") from None

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        json: object | None = None,
        yaml: str | None = None,
        headers: Mapping[str, str] | None = None,
        documents: Sequence[Document] = (),
        timeout: float = _SECONDS,
    ) -> httpx.Response:
        """`documents`: what the indices in an error mean. Raises Problem, CliError."""
        extra = dict(headers or {})
        content: bytes | None = None
        if yaml is not None:
            content, extra["Content-Type"] = yaml.encode(), "application/yaml"
        parameters = {key: value for key, value in (query or {}).items() if value is not None}
        try:
            answer = self._http.request(
                method, path, params=parameters, json=json, content=content, headers=extra, timeout=timeout
            )
        except httpx.TimeoutException:
            raise CliError(f"{self.url} does not answer within {timeout:g} s") from None
        except httpx.ConnectError as error:
            hint = "is the control plane running there? MESHWEB_URL says where to call"
            raise CliError(f"cannot reach {self.url} ({error}): {hint}") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise CliError(f"{self.url}: {error}") from None
        if not answer.is_success:
            raise Problem(answer.status_code, _problem(answer), documents)
        return answer

    def get(self, path: str, **query: str | None) -> Any:
        """The JSON of an answer."""
        return _json(self.call("GET", path, query=query))

    def pages(self, path: str, **query: str | None) -> Iterator[dict[str, Any]]:
        """The items of all pages."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit="500", cursor=cursor, **query)
            yield from page["items"]
            cursor = page.get("next")
            if not cursor:
                return

    def close(self) -> None:
        self._http.close()


def connect(transport: httpx.BaseTransport | None = None) -> Client:
    """From MESHWEB_URL, MESHWEB_TOKEN or the token file of a local control plane. Raises UsageError."""
    url = os.environ.get("MESHWEB_URL") or DEFAULT_URL
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"MESHWEB_URL {url!r} must be like {DEFAULT_URL} or https://mesh.example.com:8443")
    local = _is_loopback(parts.hostname)
    token = os.environ.get("MESHWEB_TOKEN") or (_token_file() if local else None)
    if token and parts.scheme == "http" and not local:
        raise UsageError(f"MESHWEB_URL {url} would carry the token over the network in plain text: use https")
    return Client(url, token, transport)


def _tls(ca: str) -> Any:
    import ssl

    return ssl.create_default_context(cafile=ca)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _token_file() -> str | None:
    directory = os.environ.get("MESHWEB_DATA_DIR")
    path = Path(directory) / "admin.token" if directory else Path(".run/admin.token")
    try:
        return path.read_text().strip()
    except OSError:
        return None  # not there or not ours to read: the server will ask for a token, and says so


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise CliError(f"{answer.url} answers something that is not JSON: is that the control plane?") from None


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        problem = answer.json()
    except ValueError:
        problem = None
    return problem if isinstance(problem, dict) else {}


def _explain(status: int, problem: Mapping[str, Any], documents: Sequence[Document]) -> str:
    """One line per violation, each with its file, document and place; otherwise what the server says."""
    violations = problem.get("errors") or []
    if violations:
        return "\n".join(_line(violation, documents) for violation in violations)
    text = str(problem.get("detail") or problem.get("title") or f"the control plane answers {status}")
    if status == 401:
        text += "\nset MESHWEB_TOKEN (make one with: meshctl api-token create), or run where .run/admin.token can be read"
    elif status >= 500 and problem.get("requestId"):
        text += f" (request {problem['requestId']})"
    return text


def _line(violation: Mapping[str, Any], documents: Sequence[Document]) -> str:
    index = violation.get("document", 0)
    place = f"{documents[index].place} " if isinstance(index, int) and 0 <= index < len(documents) else ""
    pointer = str(violation.get("pointer") or "")
    return (
        f"{place}{pointer}: {violation.get('detail') or violation.get('code')}"
        if pointer or place
        else str(violation["detail"])
    )
