"""A row's request made, and what came compared with what should have."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from tests.traffic.calls import Address, Calls
from tests.traffic.cases import Row, Text, Told, Wire
from tests.traffic.model import ROW_HEADER, Book, Headers, Request, Response, Seen

_MIRROR_SECONDS = 3.0
_MORE = 4
"""How many times more requests decide when a share is missed by chance."""
_ids = itertools.count(1)


@dataclass
class Run:
    """Requests of a row so far, by id, and what came."""

    ids: list[str]
    responses: list[Response]


async def run(row: Row, wire: Wire, address: Address, request: Request, calls: Calls, book: Book) -> None:
    """Raises AssertionError that says everything that was wrong."""
    done = Run([], [])
    if row.keep is not None:
        request = await _introduced(row.keep, wire, address, request, calls)
    await _more(done, row.count, row, wire, address, request, calls)
    problems = list(_shares(row, done.responses))
    if problems and row.count > 1:
        await _more(done, row.count * (_MORE - 1), row, wire, address, request, calls)
        problems = list(_shares(row, done.responses))
    for response in done.responses:
        problems += _response(row, wire, response)
        if problems:
            break
    if row.tries is not None and len(book.of(done.ids)) != row.tries:
        problems.append(f"tries: {len(book.of(done.ids))} instead of {row.tries}")
    connections = len({seen.connection for seen in book.of(done.ids)})
    if row.connections is not None and connections != row.connections:
        problems.append(f"connections: {connections} instead of {row.connections}")
    if row.mirrored and not await book.until(lambda: not any(_mirrors(row, done, book)), _MIRROR_SECONDS):
        problems += _mirrors(row, done, book)
    assert not problems, "\n".join([*problems, "came: " + _told(done.responses[-1])])


async def _introduced(name: str, wire: Wire, address: Address, request: Request, calls: Calls) -> Request:
    """The request with what the answer to a first one gave its caller to keep: a cookie, or a header."""
    first = replace(request, headers=(*request.headers, (ROW_HEADER, f"r{next(_ids)}")))
    (answer,) = await calls.many(wire, address, [first])
    given = [value for key, value in answer.headers if key == ("set-cookie" if name == "cookie" else name)]
    assert given, f"keep: the first answer has no {name}: {answer.headers}"
    return replace(request, headers=(*request.headers, (name, "; ".join(value.partition(";")[0] for value in given))))


async def _more(done: Run, count: int, row: Row, wire: Wire, address: Address, request: Request, calls: Calls) -> None:
    ids = [f"r{next(_ids)}" for _ in range(count)]
    requests = [_numbered(replace(request, headers=(*request.headers, (ROW_HEADER, row_id))), row_id) for row_id in ids]
    done.ids += ids
    done.responses += await calls.many(wire, address, requests, row.parallel)


def _numbered(request: Request, number: str) -> Request:
    """`$n` is another text in each request."""
    headers = tuple((name, value.replace("$n", number)) for name, value in request.headers)
    return replace(request, path=request.path.replace("$n", number), headers=headers)


def _outcome(response: Response) -> str:
    """A connection that is closed hard is closed."""
    return str(response.status or (response.error or "").replace("reset", "closed") or response.grpc_status)


def _told(response: Response) -> str:
    seen = response.seen
    return f"status {response.status} gRPC {response.grpc_status} error {response.error} in {response.elapsed_ms:.0f} ms\n" + (
        f"  headers {response.headers}\n  trailers {response.trailers}\n  application saw {seen or response.body!r}"
    )


def _shares(row: Row, responses: list[Response]) -> Iterator[str]:
    found = Counter(response.seen.app if response.seen else _outcome(response) for response in responses)
    if row.sticky and len(found) != 1:
        yield f"sticky: {dict(found)} instead of one application"
    if not row.share:
        return
    yield from _compare("share", row.share, found, len(responses), row.tolerance)
    for name in found.keys() - row.share.keys():
        yield f"share: {found[name]} of {len(responses)} from {name}, which should have none"


def _mirrors(row: Row, done: Run, book: Book) -> Iterator[str]:
    """What an application saw beyond the requests it answered."""
    seen = Counter(record.app for record in book.of(done.ids))
    seen.subtract(Counter(response.seen.app for response in done.responses if response.seen))
    yield from _compare("mirrored", row.mirrored, seen, len(done.responses), row.tolerance)


def _compare(what: str, wanted: dict[str, float], found: Counter[str], total: int, tolerance: float) -> Iterator[str]:
    """Shares of nothing and of everything are exact."""
    for name, part in wanted.items():
        share = found[name] / total
        if abs(share - part) > (tolerance if 0 < part < 1 else 0):
            yield f"{what}: {name} has {share:.3f} of {total} instead of {part:g}"


def _response(row: Row, wire: Wire, response: Response) -> Iterator[str]:
    if response.elapsed_ms < row.at_least_ms:
        yield f"time: {response.elapsed_ms:.0f} ms, less than {row.at_least_ms:g}"
    if row.at_most_ms is not None and response.elapsed_ms > row.at_most_ms:
        yield f"time: {response.elapsed_ms:.0f} ms, more than {row.at_most_ms:g}"
    if row.error is not None:
        if response.error not in row.error.split("|"):
            yield f"error: {response.error} instead of {row.error}"
        return
    if response.error is not None:
        if not row.share:
            yield f"error: {response.error}"
        return
    if wire == "grpc" and not row.share and response.grpc_status != row.grpc:
        yield f"gRPC status: {response.grpc_status} instead of {row.grpc}"
    if wire in {"h1", "h2", "tcp", "tls"} and not row.share and response.status != row.status:
        yield f"status: {response.status} instead of {row.status}"
    if wire == "ws" and response.status != (101 if row.status == 200 else row.status):
        yield f"status: {response.status} instead of {row.status} (a WebSocket's is 101)"
    yield from _application(row, response.seen)
    yield from _headers("answer", row.answer, response.headers)
    yield from _headers("trailers", row.trailers, response.trailers)
    if row.messages is not None and len(response.messages) != row.messages:
        yield f"messages: {len(response.messages)} instead of {row.messages}"
    if row.certificate is not None and not any(_matches(row.certificate, name) for name in response.certificate):
        yield f"certificate: {response.certificate} instead of {row.certificate!r}"
    if row.text is not None and not _matches(row.text, response.body.decode("latin-1")):
        yield f"text: {response.body!r} instead of {row.text!r}"


def _application(row: Row, seen: Seen | None) -> Iterator[str]:
    wanted = [row.app] if isinstance(row.app, str) else row.app
    if wanted is not None and (seen is None or not any(_matches(name, seen.app) for name in wanted)):
        yield f"app: {seen.app if seen else None} instead of {' or '.join(wanted)}"
    if row.seen is None:
        return
    if seen is None:
        yield "seen: no application answered"
        return
    for name in ("method", "path", "host", "body", "sni", "protocol"):
        expected, found = getattr(row.seen, name), getattr(seen, name)
        if expected is not None and not _matches(expected, found or ""):
            yield f"seen {name}: {found!r} instead of {expected!r}"
    yield from _headers("seen", row.seen.headers, seen.headers)


def _headers(what: str, wanted: dict[str, Text], headers: Headers) -> Iterator[str]:
    for name, expected in wanted.items():
        found = [value for key, value in headers if key == name.lower()]
        if not _fits(expected, found):
            yield f"{what} header {name}: {found} instead of {expected!r}"


def _fits(expected: Text, found: list[str]) -> bool:
    if expected is None:
        return not found
    if isinstance(expected, list):
        return found == expected
    return len(found) == 1 and _matches(expected, found[0])


def _matches(expected: str, found: str) -> bool:
    return re.search(expected[1:], found) is not None if expected.startswith("~") else expected == found


def conditions(wanted: dict[str, dict[str, Told]], found: Mapping[str, Iterable[tuple[str, str, str, str]]]) -> list[str]:
    """`found`: type, status, reason and message per document. Problems in words."""
    problems = []
    for document, types in wanted.items():
        told = {kind: rest for kind, *rest in found.get(document, ())}
        for kind, expected in types.items():
            texts = [expected] if isinstance(expected, str) else expected
            got = told.get(kind, [])
            if len(got) < len(texts) or not all(map(_matches, texts, got)):
                problems.append(f"{document}: {kind} is {got} instead of {expected}")
    return problems
