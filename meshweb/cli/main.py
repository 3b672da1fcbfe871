"""`meshctl`: the command line. What the commands do stands in writing, reading, waiting and tokens."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from meshweb.cli import FAILED, OK, VERSION
from meshweb.cli.durations import seconds
from meshweb.cli.errors import CliError, UsageError
from meshweb.cli.output import Format

_OPTIONS: dict[str, Any] = {"no_args_is_help": True, "pretty_exceptions_enable": False, "rich_markup_mode": None}
app = typer.Typer(help="Operate a meshweb mesh. MESHWEB_URL says where it is, MESHWEB_TOKEN who you are.", **_OPTIONS)
wait_app = typer.Typer(help="Wait for something to happen; exits 6 when it does not in time.", invoke_without_command=True)
proxy_app = typer.Typer(help="The Envoys of the mesh and what they hold.", **_OPTIONS)
workload_app = typer.Typer(help="Instances of services, and who sees them healthy.", **_OPTIONS)
token_app = typer.Typer(help="Join tokens: what a VM needs to join.", **_OPTIONS)
api_token_app = typer.Typer(help="API tokens: what a machine needs to call the REST API.", **_OPTIONS)
app.add_typer(wait_app, name="wait")
app.add_typer(proxy_app, name="proxy")
app.add_typer(workload_app, name="workload")
app.add_typer(token_app, name="token")
app.add_typer(api_token_app, name="api-token")

Files = Annotated[list[str], typer.Option("-f", "--file", help="File, directory, or - for standard input.")]
MaybeFiles = Annotated[list[str] | None, typer.Option("-f", "--file", help="File, directory, or -.")]
Namespace = Annotated[str | None, typer.Option("-n", "--namespace", envvar="MESHWEB_NAMESPACE")]
Output = Annotated[Format, typer.Option("-o", "--output")]
Timeout = Annotated[str, typer.Option("--timeout", help="Longest wait, as in 60s or 2m.")]
Wait = Annotated[bool, typer.Option("--wait", help="Return when it is live on every proxy it concerns.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command. 0 ok, 1 failed, 2 usage, 3 the answer is no, 6 time-out."""
    try:
        app(args=list(arguments) if arguments is not None else None, prog_name="meshctl")
    except CliError as error:
        for line in str(error).splitlines():
            print(f"meshctl: {line}", file=sys.stderr)
        return error.code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else OK if end.code is None else FAILED
    except KeyboardInterrupt:
        return 130
    return OK


def _client() -> Any:
    from meshweb.cli.client import connect

    return connect()


def _end(code: int) -> None:
    raise typer.Exit(code)


@app.command()
def apply(
    file: Files,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and for whom.")] = False,
    wait: Wait = False,
    timeout: Timeout = "60s",
    reason: Annotated[str | None, typer.Option("--reason", help="Kept with the revision.")] = None,
) -> None:
    """Create and change documents: all of them or none."""
    from meshweb.cli import writing

    limit = seconds(timeout, "--timeout") if wait and not dry_run else None
    _end(writing.apply(_client(), file, dry_run=dry_run, reason=reason, wait=limit))


@app.command()
def diff(file: Files) -> None:
    """What applying would change. Exits 0 when nothing, 3 when something."""
    from meshweb.cli import writing

    _end(writing.diff(_client(), file))


@app.command()
def get(
    kind: Annotated[str, typer.Argument(help="As in httproutes, HTTPRoute, svc.")],
    name: Annotated[str | None, typer.Argument(help="NAME, or NAMESPACE/NAME.")] = None,
    namespace: Namespace = None,
    label: Annotated[list[str] | None, typer.Option("-l", "--label", help="k=v; several must all fit.")] = None,
    everywhere: Annotated[bool, typer.Option("-A", "--all-namespaces", help="Also when MESHWEB_NAMESPACE is set.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Show documents."""
    from meshweb.cli import reading

    _end(reading.get(_client(), kind, name, None if everywhere else namespace, label or [], output))


@app.command()
def delete(
    target: Annotated[list[str] | None, typer.Argument(metavar="KIND NAME...")] = None,
    namespace: Namespace = None,
    file: MaybeFiles = None,
    wait: Wait = False,
    timeout: Timeout = "60s",
) -> None:
    """Delete documents by name, or those that files name."""
    from meshweb.cli import writing

    limit = seconds(timeout, "--timeout") if wait else None
    _end(writing.delete(_client(), target or [], namespace, file or [], limit))


@app.command()
def explain(
    to: Annotated[str, typer.Option("--to", help="NAMESPACE/SERVICE that is called.")],
    caller: Annotated[
        str,
        typer.Option(
            "--from", help="Workload, service or service account as NAMESPACE/NAME, or a SPIFFE ID. Left out: no certificate."
        ),
    ] = "",
    port: Annotated[int, typer.Option("--port", help="Of the service; its first when left out.")] = 0,
    method: Annotated[str, typer.Option("--method")] = "GET",
    path: Annotated[str, typer.Option("--path")] = "/",
    host: Annotated[str, typer.Option("--host", help="As the caller writes it.")] = "",
    header: Annotated[list[str] | None, typer.Option("--header", help="'name: value', repeatable.")] = None,
    claim: Annotated[
        list[str] | None, typer.Option("--claim", help="name=value of a genuine token, as iss=https://a.example; repeatable.")
    ] = None,
    remote_ip: Annotated[str, typer.Option("--remote-ip", help="From where it came first, if --from is a gateway.")] = "",
    source_ip: Annotated[str, typer.Option("--source-ip", help="The caller's address; a workload's own when left out.")] = "",
    draft: Annotated[
        list[str] | None, typer.Option("--draft", help="File or directory, taken as if it had been applied.")
    ] = None,
    output: Output = Format.TABLE,
) -> None:
    """Would this call pass, and which rule says so? Exits 0 when it would, 3 when not."""
    from meshweb.cli import explain as explaining

    asked = {"from": caller, "to": to, "port": port, "method": method, "path": path, "host": host, "sourceIp": source_ip}
    asked["remoteIp"] = remote_ip
    _end(explaining.explain(_client(), asked, header or [], claim or [], draft or [], output))


@app.command()
def denials(
    caller: Annotated[str | None, typer.Option("--from", help="Only calls of NAMESPACE/NAME.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Only calls to NAMESPACE/SERVICE.")] = None,
    window: Annotated[str, typer.Option("--window", help="As in 60s or 1h.")] = "5m",
    output: Output = Format.TABLE,
) -> None:
    """Who was denied lately, by which rule, and what dry runs would have denied."""
    from meshweb.cli import denials as denied

    _end(denied.denials(_client(), caller, to, window, output))


@app.command("access-records")
def access_records(
    caller: Annotated[str | None, typer.Option("--from", help="Only calls of NAMESPACE/NAME.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Only calls to NAMESPACE/SERVICE.")] = None,
    policy: Annotated[str | None, typer.Option("--policy", help="Only by this AuthorizationPolicy, as NAMESPACE/NAME.")] = None,
    allowed: Annotated[bool | None, typer.Option("--allowed/--denied", help="Only what policies let pass, or did not.")] = None,
    window: Annotated[str, typer.Option("--window", help="As in 60s or 7d.")] = "1h",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 100,
    cursor: Annotated[str | None, typer.Option("--cursor", help="That the page before ended with.")] = None,
    output: Output = Format.TABLE,
) -> None:
    """Calls that policies with action AUDIT recorded, the newest first."""
    from meshweb.cli import access_records as recorded

    query = {"source": caller, "destination": to, "policy": policy, "window": window, "limit": str(limit), "cursor": cursor}
    query["allowed"] = None if allowed is None else str(allowed).lower()
    _end(recorded.access_records(_client(), query, output))


@app.command("access-matrix")
def access_matrix(
    caller: Annotated[str | None, typer.Option("--from", help="Only this caller, as NAMESPACE/NAME.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Only calls to NAMESPACE/SERVICE.")] = None,
    namespace: Namespace = None,
    window: Annotated[str, typer.Option("--window", help="As in 5m or 24h.")] = "1h",
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="Callers to each page of as many services.")] = 200,
    everything: Annotated[bool, typer.Option("--all", help="Also pairs that may not call and do not try.")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Who may call whom by the policies, who did, and which rule says so."""
    from meshweb.cli import access

    query = {"caller": caller, "service": to, "namespace": namespace, "window": window, "limit": str(limit)}
    _end(access.access_matrix(_client(), query, output, everything=everything))


@app.command()
def suggest(
    service: Annotated[str | None, typer.Option("--service", help="Only for NAMESPACE/SERVICE.")] = None,
    namespace: Namespace = None,
    window: Annotated[str, typer.Option("--window", help="How far back to look, at most 24h.")] = "24h",
    enforce: Annotated[bool, typer.Option("--enforce", help="Policies that decide, instead of dry runs.")] = False,
    output: Output = Format.YAML,
) -> None:
    """AuthorizationPolicies from who was seen, ready for `meshctl apply -f -`, each with what speaks for it."""
    from meshweb.cli import suggest as suggesting

    query = {"service": service, "namespace": namespace, "window": window, "enforce": "true" if enforce else None}
    _end(suggesting.suggest(_client(), query, output))


@wait_app.callback()
def wait_for(
    context: typer.Context,
    latest: Annotated[bool, typer.Option("--latest", help="For the newest revision.")] = False,
    timeout: Timeout = "60s",
) -> None:
    from meshweb.cli import waiting

    if latest:
        client = _client()
        _end(waiting.until_live(client, waiting.latest(client), seconds(timeout, "--timeout")))
    if context.invoked_subcommand is None:
        raise UsageError("wait for what? meshctl wait revision N, or meshctl wait --latest")


@wait_app.command("revision")
def wait_revision(number: int, timeout: Timeout = "60s") -> None:
    """Until a revision is live (0), refused (1) or the time is over (6)."""
    from meshweb.cli import waiting

    _end(waiting.until_live(_client(), number, seconds(timeout, "--timeout")))


@proxy_app.command("list")
def proxy_list(namespace: Namespace = None, output: Output = Format.TABLE) -> None:
    """All proxies."""
    from meshweb.cli import reading

    _end(reading.proxy_list(_client(), namespace, output))


@proxy_app.command("get")
def proxy_get(name: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME")], output: Output = Format.TABLE) -> None:
    """One proxy, in full."""
    from meshweb.cli import reading

    _end(reading.proxy_get(_client(), name, output))


@proxy_app.command("effective")
def proxy_effective(
    name: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME")],
    service: Annotated[str | None, typer.Option("--service", help="Only what concerns calls to this service.")] = None,
    output: Output = Format.TABLE,
) -> None:
    """What holds for a proxy: routes in match order, timeouts, limits, mTLS, each with the document and field that said so."""
    from meshweb.cli import effective, reading

    _end(effective.proxy_effective(_client(), reading.proxy_path(name), service, output))


@proxy_app.command("endpoints")
def proxy_endpoints(name: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME")], output: Output = Format.TABLE) -> None:
    """How a proxy sees the endpoints that it calls or checks."""
    from meshweb.cli import workloads

    _end(workloads.proxy_endpoints(_client(), name, output))


@workload_app.command("list")
def workload_list(
    namespace: Namespace = None,
    service: Annotated[str | None, typer.Option("--service", help="Only those behind NAMESPACE/NAME.")] = None,
    output: Output = Format.TABLE,
) -> None:
    """Workloads: their health by their own probes, and as their callers see it."""
    from meshweb.cli import workloads

    _end(workloads.workload_list(_client(), namespace, service, output))


@workload_app.command("get")
def workload_get(name: Annotated[str, typer.Argument(metavar="NAMESPACE/NAME")], output: Output = Format.TABLE) -> None:
    """One workload, with the callers that do not see it healthy. Exits 3 when it is unhealthy, or a caller says so."""
    from meshweb.cli import workloads

    _end(workloads.workload_get(_client(), name, output))


@proxy_app.command("status")
def proxy_status(
    name: Annotated[str | None, typer.Argument(metavar="NAMESPACE/NAME")] = None,
    namespace: Namespace = None,
    output: Output = Format.TABLE,
) -> None:
    """What each proxy has taken over, and refusals in Envoy's words. Exits 3 when there is a refusal."""
    from meshweb.cli import reading

    _end(reading.proxy_status(_client(), name, namespace, output))


@token_app.command("create")
def token_create(
    namespace: Annotated[str, typer.Option("-n", "--namespace", envvar="MESHWEB_NAMESPACE")],
    group: Annotated[str, typer.Option("--group", help="WorkloadGroup that the VM becomes a member of.")],
    ttl: Annotated[str, typer.Option("--ttl")] = "1h",
    uses: Annotated[int, typer.Option("--uses", min=1)] = 1,
    output: Output = Format.TABLE,
) -> None:
    """Make a join token and print the command for the VM."""
    from meshweb.cli import tokens

    _end(tokens.create_join(_client(), namespace, group, ttl, uses, output))


@token_app.command("list")
def token_list(output: Output = Format.TABLE) -> None:
    """All join tokens and who used them."""
    from meshweb.cli import tokens

    _end(tokens.list_join(_client(), output))


@token_app.command("revoke")
def token_revoke(identifier: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Nobody joins with it any more."""
    from meshweb.cli import tokens

    _end(tokens.revoke_join(_client(), identifier))


@api_token_app.command("create")
def api_token_create(
    name: str,
    scope: Annotated[list[str] | None, typer.Option("--scope", help="read, write or admin (read)")] = None,
    ttl: Annotated[str, typer.Option("--ttl")] = "30d",
    output: Output = Format.TABLE,
) -> None:
    """Make an API token and print it, once."""
    from meshweb.cli import tokens

    _end(tokens.create_api(_client(), name, scope or ["read"], ttl, output))


@api_token_app.command("list")
def api_token_list(output: Output = Format.TABLE) -> None:
    """All API tokens."""
    from meshweb.cli import tokens

    _end(tokens.list_api(_client(), output))


@api_token_app.command("revoke")
def api_token_revoke(identifier: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """The token is worth nothing any more."""
    from meshweb.cli import tokens

    _end(tokens.revoke_api(_client(), identifier))


@app.command()
def topology(
    window: Annotated[str, typer.Option("--window", help="10s to 1h")] = "60s",
    namespace: Namespace = None,
    output: Output = Format.TABLE,
) -> None:
    """Who calls whom, how often, how fast, and whether encrypted."""
    from meshweb.cli import reading

    _end(reading.topology(_client(), window, namespace, output))


@app.command()
def version() -> None:
    """Of meshctl and of the control plane."""
    print(f"meshctl {VERSION}")
    client = _client()
    mesh = client.get("/mesh")
    print(f"control plane {mesh['version']} at {client.url}, mesh {mesh['name']}")


if __name__ == "__main__":
    sys.exit(main())
