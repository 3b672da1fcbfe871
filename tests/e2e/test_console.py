"""The console's flows in a real browser, on the real mesh."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.agent.rig import get, until
from tests.e2e.browser import Console, chromium, login_link, signed_in
from tests.e2e.conftest import Mesh
from tests.e2e.rig import Load, Vm

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
SLOW_MS = 30_000


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def console(mesh: Mesh, browser: Browser) -> AsyncIterator[Console]:
    found = await signed_in(mesh.plane, browser)
    yield found
    await found.context.close()


async def test_a_link_works_once_and_signing_out_ends_the_session(mesh: Mesh, browser: Browser) -> None:
    link = login_link(mesh.plane)
    for works in (True, False):
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(link)
        if works:
            await page.get_by_role("navigation", name="Pages").wait_for()
            assert "token" not in page.url, "the secret does not stay in the address"
            await page.get_by_role("button", name=re.compile("admin", re.I)).click()
            await page.get_by_role("menuitem", name="Sign out").click()
            await page.get_by_role("heading", name="Sign in").wait_for()
            await page.goto(f"{mesh.plane.url}/services")
            await page.get_by_role("heading", name="Sign in").wait_for()
        else:
            await expect(page.get_by_role("alert")).to_contain_text("This link works once")
        await context.close()


async def test_a_password_signs_in_and_a_wrong_one_does_not(mesh: Mesh, console: Console, browser: Browser) -> None:
    changed = await console.page.evaluate(
        """async () => (await fetch('/api/v1/session/password', {method: 'PUT',
            headers: {'Content-Type': 'application/json', 'X-CSRFToken': document.cookie.match(/csrftoken=([^;]+)/)[1]},
            body: JSON.stringify({password: 'correct horse battery'})})).status"""
    )
    assert changed == 204
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{mesh.plane.url}/changes")
    await page.get_by_label("User name").fill("admin")
    await page.locator("input[name=password]").fill("wrong")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("alert").wait_for()
    await page.locator("input[name=password]").fill("correct horse battery")
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Changes", exact=True).wait_for()
    await context.close()


async def test_topology_shows_who_calls_whom_in_both_forms(mesh: Mesh, console: Console) -> None:
    async with Load(await mesh.web.place("pay")) as load:
        await load.more(60)

        async def seen() -> bool:
            edges = (await mesh.plane.read("topology?window=60s"))["edges"]
            return any((e["source"], e["destination"]) == ("shop/web", "shop/pay") and e["requests"] > 40 for e in edges)

        await until(seen, "the call is counted", 30)
        page = await console.open("/topology?view=table", "Topology")
        table = page.get_by_role("table", name="Who calls whom")
        row = table.get_by_role("row").filter(has_text="web").filter(has_text="pay").first
        await row.wait_for(timeout=SLOW_MS)
        await page.get_by_role("button", name="Graph").click()
        await page.locator("canvas").first.wait_for()


async def test_services_and_their_neighbours(mesh: Mesh, console: Console) -> None:
    page = await console.open("/services", "Services")
    await page.get_by_role("link", name="pay", exact=True).first.click()
    await page.get_by_role("heading", name="pay", exact=True).first.wait_for()
    await expect(page.get_by_text("web").first).to_be_visible()
    await expect(page.get_by_role("link", name="Shift traffic")).to_be_visible()


async def test_proxies_and_what_each_acknowledged(mesh: Mesh, console: Console) -> None:
    page = await console.open("/proxies", "Proxies")
    table = page.get_by_role("table", name="Proxies")
    for vm in (mesh.web, mesh.a, mesh.b):
        await expect(table.get_by_text(vm.name, exact=True)).to_be_visible()
    await console.open(f"/proxies/{mesh.web.proxy}", mesh.web.name)
    for words in ("Clusters", "Endpoints", "Listeners", "Routes", f"spiffe://cluster.local/ns/shop/sa/{mesh.web.group}"):
        await expect(page.get_by_text(words).first).to_be_visible()


async def test_a_vm_is_added_from_form_to_first_request(mesh: Mesh, console: Console) -> None:
    vm = Vm(mesh.plane, 21, "gift")
    page = await console.open("/add-vm", "Add a VM")
    await page.get_by_label("Name", exact=True).fill("gift")
    await page.get_by_role("combobox", name="Namespace").fill("shop")
    await page.get_by_label("Port", exact=True).fill(str(vm.port))
    await page.get_by_label("Check its health over HTTP").check()
    await page.get_by_label("Health check path").fill("/healthz")
    await page.get_by_role("button", name="Make the join command").click()
    command = await page.get_by_role("region", name="Join command").inner_text()
    token = re.search(r"mwj_[\w-]+", command)
    assert token is not None, command
    try:
        await vm.join(token[0])
        ticks = page.get_by_role("list", name="Progress of the VM")
        for title in ("Token used", "Certificate issued", "accepted by Envoy", "Health check passes"):
            await expect(ticks.get_by_text(title)).to_be_visible()
        async with Load(await mesh.web.place("gift"), workers=1):
            await expect(page.get_by_role("link", name="Show in topology")).to_be_visible(timeout=SLOW_MS)
    finally:
        await vm.stop()
        vm.agent.clean_up()
        assert (await mesh.plane.call("DELETE", f"proxies/{vm.proxy}")).status_code == 204


async def test_traffic_is_shifted_reviewed_live_and_taken_back(mesh: Mesh, console: Console) -> None:
    page = await console.open("/services/shop/pay/shift", "Shift traffic")
    await page.get_by_label("Share of pay-a").fill("90")
    await expect(page.get_by_role("button", name="Review…")).to_be_disabled()
    await page.get_by_label("Share of pay-b").fill("10")
    await page.get_by_role("button", name="Review…").click()
    await expect(page.get_by_text("weight: 90").first).to_be_visible()
    await expect(page.get_by_text(re.compile(r"connected prox(y|ies) gets? something new"))).to_be_visible()
    await page.get_by_role("button", name="Start the shift").click()
    status = page.get_by_role("status").filter(has_text="Live")
    await expect(status.first).to_be_visible()
    stored = await mesh.plane.read("httproutes/shop/pay")
    assert [b["weight"] for b in stored["spec"]["rules"][0]["backendRefs"]] == [90, 10]
    await page.get_by_role("button", name="Roll back now").click()
    await expect(page.get_by_text("Rolled back.")).to_be_visible()

    async def restored() -> bool:
        rules = (await mesh.plane.read("httproutes/shop/pay"))["spec"]["rules"]
        return [b["weight"] for b in rules[0]["backendRefs"]] != [90, 10]

    await until(restored, "the weights are what they were")


async def test_changes_tell_who_what_and_where(mesh: Mesh, console: Console) -> None:
    newest = (await mesh.plane.read("revisions?limit=1"))["items"][0]["number"]
    page = await console.open(f"/changes?revision={newest}", "Changes")
    panel = page.get_by_role("complementary", name=f"Revision {newest}")
    await expect(panel.get_by_text("What changed")).to_be_visible()
    await expect(panel.get_by_role("table", name="Proxies of this revision")).to_be_visible()


RULE = """apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata:
  name: pay
  namespace: shop
spec:
  host: pay
  trafficPolicy:
    connectionPool:
      http:
        maxRetry: 3
"""


async def test_a_document_is_written_mended_reviewed_and_live(mesh: Mesh, console: Console) -> None:
    page = await console.open("/documents/new", "New document")
    await page.get_by_role("link", name="DestinationRule").click()
    editor = page.get_by_role("textbox", name="YAML of the new DestinationRule")
    await editor.focus()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text(RULE)
    await page.get_by_role("button", name="Review…").click()
    await expect(page.get_by_role("alert")).to_contain_text("Line 11: spec.trafficPolicy.connectionPool.http.maxRetry")
    await expect(page.locator(".cm-guilty")).to_have_text("        maxRetry: 3")
    assert await console.violations() == []

    await editor.focus()
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text(RULE.replace("maxRetry: 3\n", "maxRetr"))
    await page.keyboard.press("Control+Space")
    await page.get_by_role("option", name="maxRetries").click()
    await page.keyboard.type("3")
    await page.get_by_role("button", name="Review…").click()
    await page.get_by_role("region", name="What it touches").wait_for()
    await page.get_by_role("textbox", name="Reason").fill("spare pay")
    await page.get_by_role("button", name="Apply").click()
    await expect(page.get_by_role("status").filter(has_text="Live").first).to_be_visible()
    stored = await mesh.plane.read("destinationrules/shop/pay")
    assert stored["spec"]["trafficPolicy"]["connectionPool"]["http"] == {"maxRetries": 3}
    assert (await mesh.plane.read("revisions?limit=1"))["items"][0]["reason"] == "spare pay"


async def test_a_route_is_written_by_form_with_a_split_and_a_retry(mesh: Mesh, console: Console) -> None:
    page = await console.open("/services/shop/pay", "pay")
    await page.get_by_role("button", name="Routes and limits").click()
    await page.get_by_role("menuitem", name="Add a route").click()
    form = page.get_by_role("form")
    await form.get_by_role("region", name="Name").get_by_role("textbox", name="Name").fill("pay-slow")
    rule = form.get_by_role("group", name="Rule 1", exact=True)
    await rule.get_by_role("button", name="Add a match").click()
    await rule.get_by_label("Path value").fill("/slow")
    first = rule.get_by_role("group", name="Destination 1")
    await first.get_by_label("Service").fill("pay-")
    await page.get_by_role("option", name="pay-a").click()
    await first.get_by_label("Weight").fill("75")
    await rule.get_by_role("button", name="Add a destination").click()
    second = rule.get_by_role("group", name="Destination 2")
    await second.get_by_label("Service").fill("pay-b")
    await second.get_by_label("Weight").fill("many")
    await expect(second).to_contain_text("must be a whole number")
    await expect(page.locator(".cm-guilty")).to_contain_text("weight: many")
    assert await console.violations() == []
    await second.get_by_label("Weight").fill("25")
    await expect(rule.get_by_role("img", name="pay-a 75 %, pay-b 25 %")).to_be_visible()
    await rule.get_by_role("button", name="Timeouts and retries").click()
    await rule.get_by_role("textbox", name="Retries").fill("2")
    await expect(page.locator(".cm-activeLine")).to_contain_text("attempts: 2")
    await page.get_by_role("button", name="Review…").click()
    await expect(page.get_by_text("attempts: 2").first).to_be_visible()
    await page.get_by_role("region", name="What it touches").wait_for()
    await page.get_by_role("button", name="Apply").click()
    await expect(page.get_by_role("status").filter(has_text="Live").first).to_be_visible()
    stored = (await mesh.plane.read("httproutes/shop/pay-slow"))["spec"]
    assert stored["parentRefs"] == [{"group": "", "kind": "Service", "name": "pay", "port": stored["parentRefs"][0]["port"]}]
    assert [(b["name"], b["weight"]) for b in stored["rules"][0]["backendRefs"]] == [("pay-a", 75), ("pay-b", 25)]
    assert stored["rules"][0]["retry"] == {"attempts": 2}
    await page.get_by_role("button", name="Roll back now").click()
    await expect(page.get_by_text("Rolled back.")).to_be_visible()

    async def gone() -> bool:
        return (await mesh.plane.call("GET", "httproutes/shop/pay-slow")).status_code == 404

    await until(gone, "the route is taken back")


async def test_what_the_server_refuses_stands_under_its_field(mesh: Mesh, console: Console) -> None:
    page = await console.open("/documents/new?kind=httproutes&service=shop/pay", "New HTTPRoute")
    rule = page.get_by_role("form").get_by_role("group", name="Rule 1", exact=True)
    destination = rule.get_by_role("group", name="Destination 1")
    await destination.get_by_label("Service").fill("Not_A_Name")
    await page.get_by_role("button", name="Review…").click()
    await expect(destination.get_by_role("alert")).to_be_visible()
    await expect(page.locator(".cm-guilty")).to_contain_text("Not_A_Name")
    await page.get_by_role("link", name="Cancel").click()


async def test_what_holds_for_a_caller_leads_to_the_line_that_says_so(mesh: Mesh, console: Console) -> None:
    page = await console.open(f"/proxies/{mesh.web.proxy}", mesh.web.name)
    view = page.get_by_role("region", name="What holds for this proxy")
    await view.get_by_role("textbox", name="Service").fill("shop/pay:")
    rules = view.get_by_role("list", name="Rules for shop/pay, port")
    await rules.get_by_role("link", name="HTTPRoute shop/pay").first.click()
    await expect(page.get_by_role("region", name="YAML of pay")).to_be_visible()
    await expect(page.locator(".here")).to_contain_text("backendRefs")


async def test_a_document_is_deleted_after_a_review(mesh: Mesh, console: Console) -> None:
    page = await console.open("/documents?kind=destinationrules", "Documents")
    await page.get_by_role("table", name="Documents").get_by_role("link", name="pay", exact=True).click()
    await page.get_by_role("link", name="Delete…").click()
    await page.get_by_role("region", name="What it touches").wait_for()
    await expect(page.get_by_role("button", name="Delete pay")).to_be_disabled()
    await page.get_by_label("Name of this DestinationRule").fill("pay")
    await page.get_by_role("button", name="Delete pay").click()
    await expect(page.get_by_role("status").filter(has_text="Live").first).to_be_visible()
    assert (await mesh.plane.call("GET", "destinationrules/shop/pay")).status_code == 404


async def test_from_who_called_over_a_trial_run_to_a_policy_that_decides(mesh: Mesh, console: Console) -> None:
    from_web = await mesh.web.place("web")  # which nobody saw before
    try:
        async with Load(await mesh.a.place("web"), workers=1):
            await _tried_out(console)
            assert [(await get(*from_web))[0] for _ in range(3)] == [200] * 3
            await expect(console.page.get_by_text("It would have denied 1 caller.")).to_be_visible(timeout=SLOW_MS)
            await _enforced(mesh, console)
            assert [(await get(*from_web))[0] for _ in range(3)] == [403] * 3
            page = await console.open("/access?window=60s", "Access")
            cell = page.get_by_role("link", name=re.compile("^web to web: Denied, still trying"))
            await cell.click(timeout=SLOW_MS)
            panel = page.get_by_role("complementary", name="Would this call be allowed?")
            await expect(panel.get_by_text("Denied with 403")).to_be_visible()
            assert await console.violations() == []
            await panel.get_by_role("button", name="With my draft").click()
            await expect(panel.get_by_role("status").get_by_text("Allowed", exact=True)).to_be_visible()
    finally:
        await mesh.plane.call("DELETE", "authorizationpolicies/shop/web-observed-callers", If_Match="*")


async def _tried_out(console: Console) -> None:
    """From the matrix to the trial run of a policy for web."""
    page = await console.open("/access?window=60s", "Access")
    await page.get_by_role("link", name="Suggest a policy: pay → web").click(timeout=SLOW_MS)
    card = page.get_by_role("region", name="shop/web", exact=True)
    await expect(card.get_by_role("cell", name="shop/pay")).to_be_visible()
    assert await console.violations() == []
    await page.get_by_role("button", name="Review 1 policy…").click()
    await expect(page.get_by_text("No caller is newly denied")).to_be_visible()
    await page.get_by_role("button", name="Start the trial run").click()
    await expect(page.get_by_role("status").filter(has_text="Live").first).to_be_visible()
    await page.get_by_role("link", name="Watch the trial run").click()
    await expect(page.get_by_text("It would have denied nobody.")).to_be_visible(timeout=SLOW_MS)
    assert await console.violations() == []


async def _enforced(mesh: Mesh, console: Console) -> None:
    page = console.page
    await page.get_by_role("link", name="Enforce…").click()
    await expect(page.get_by_role("region", name="What it touches")).to_contain_text("1 caller is newly denied")
    await expect(page.get_by_role("button", name="Enforce web-observed-callers")).to_be_disabled()
    await page.get_by_label("Type web to go on").fill("web")
    assert await console.violations() == []
    await page.get_by_role("button", name="Enforce web-observed-callers").click()
    await expect(page.get_by_role("status").filter(has_text="Live").first).to_be_visible()
    stored = await mesh.plane.read("authorizationpolicies/shop/web-observed-callers")
    assert "istio.io/dry-run" not in stored["metadata"]["annotations"]


PAGES = [
    ("/", None),
    ("/topology", "Topology"),
    ("/topology?view=table", "Topology"),
    ("/services", "Services"),
    ("/services/shop/pay", "pay"),
    ("/services/shop/pay/shift", "Shift traffic"),
    ("/proxies", "Proxies"),
    ("/add-vm", "Add a VM"),
    ("/access", "Access"),
    ("/access?view=table", "Access"),
    ("/access?from=shop/web&to=shop/pay", "Access"),
    ("/access?tab=policies", "Access"),
    ("/access?tab=trials", "Access"),
    ("/access/suggest", "Suggest policies"),
    ("/changes", "Changes"),
    ("/documents", "Documents"),
    ("/documents/new", "New document"),
    ("/documents/new?kind=virtualservices", "New VirtualService"),
    ("/documents/new?kind=destinationrules&service=shop/pay", "New DestinationRule"),
    ("/documents/new?kind=gateways", "New Gateway"),
    ("/documents/new?kind=ratelimits", "New RateLimit"),
    ("/documents/new?kind=authorizationpolicies&service=shop/pay", "New AuthorizationPolicy"),
    ("/documents/httproutes/shop/pay", "pay"),
    ("/documents/httproutes/shop/pay/edit", "Edit pay"),
]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 1024)])
async def test_every_page_is_accessible_and_silent(mesh: Mesh, browser: Browser, scheme: str, width: int) -> None:
    console = await signed_in(mesh.plane, browser, color_scheme=scheme)
    await console.page.set_viewport_size({"width": width, "height": 800})
    found: dict[str, list[str]] = {}
    for path, heading in PAGES:
        await console.page.goto(f"{mesh.plane.url}{path}")
        await console.page.get_by_role("heading", name=heading, exact=True).first.wait_for() if heading else None
        await console.page.get_by_role("navigation", name="Pages").wait_for()
        if violations := await console.violations():
            found[path] = violations
        wide = await console.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        assert not wide, f"{path} scrolls sideways at {width} px"
    assert found == {}
    assert console.errors == []
    await console.context.close()


async def test_nothing_but_loopback_is_served_without_tls(mesh: Mesh) -> None:
    listening = [
        line.split() for file in ("/proc/net/tcp", "/proc/net/tcp6") for line in Path(file).read_text().splitlines()[1:]
    ]
    port = f"{mesh.plane.web_port:04X}"
    addresses = {fields[1].split(":")[0] for fields in listening if fields[3] == "0A" and fields[1].endswith(f":{port}")}
    assert addresses == {"0100007F"}, "the plain port listens on 127.0.0.1 alone"
