import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { http, HttpResponse } from 'msw';
import { beforeEach, describe, expect, it } from 'vitest';
import * as shop from '@/test/fixtures';
import { openConsole, violations } from '@/test/app';
import { api, hints, page, problem, server } from '@/test/server';

/** Bodies and queries of what the console wrote. */
let written: { path: string; query: Record<string, string>; body: unknown }[] = [];

beforeEach(() => {
  written = [];
  server.events.removeAllListeners();
  server.events.on('request:start', async ({ request }) => {
    if (request.method === 'GET') return;
    const url = new URL(request.url);
    const text = await request.clone().text();
    written.push({
      path: url.pathname.replace('/api/v1', ''),
      query: Object.fromEntries(url.searchParams),
      body: text ? JSON.parse(text) : null,
    });
  });
});

describe('signing in', () => {
  it('keeps the target, and gets there with name and password', async () => {
    let signedIn = false;
    server.use(
      http.get(api('/session'), () => (signedIn ? HttpResponse.json(shop.session) : problem(401))),
      http.post(api('/session'), () => {
        signedIn = true;
        return HttpResponse.json(shop.session);
      }),
    );
    const { address } = openConsole('/proxies?q=cart');
    await screen.findByRole('heading', { name: 'Sign in' });
    expect(await violations()).toEqual([]);
    await userEvent.type(screen.getByLabelText(/User name/), 'alice');
    await userEvent.type(screen.getByLabelText(/^Password/), 'secret');
    await userEvent.click(screen.getByRole('button', { name: 'Sign in' }));
    await screen.findByRole('heading', { name: 'Proxies' });
    expect(address().href).toBe('/proxies?q=cart');
    expect(written).toMatchObject([{ path: '/session', body: { username: 'alice', password: 'secret' } }]);
  });

  it('takes a one-time link without a click', async () => {
    server.use(
      http.get(api('/session'), () => problem(401), { once: true }),
      http.post(api('/session'), () => HttpResponse.json(shop.session)),
    );
    openConsole('/login', 'one-time');
    await screen.findByRole('heading', { name: /need attention/ });
    expect(written).toMatchObject([{ path: '/session', body: { loginToken: 'one-time' } }]);
  });

  it('says that a link was used, and offers the password', async () => {
    server.use(
      http.get(api('/session'), () => problem(401)),
      http.post(api('/session'), () => problem(401)),
    );
    openConsole('/login', 'used');
    expect(await screen.findByRole('alert')).toHaveTextContent('This link works once');
    expect(screen.getByLabelText(/User name/)).toBeVisible();
  });

  it('does not follow a target outside the console', async () => {
    server.use(
      http.get(api('/session'), () => problem(401), { once: true }),
      http.post(api('/session'), () => HttpResponse.json(shop.session)),
    );
    const { address } = openConsole('/login?to=//evil.example/', 'one-time');
    await waitFor(() => expect(address().pathname).toBe('/'));
  });

  it('goes back to the login when the session ends', async () => {
    server.use(http.get(api('/proxies'), () => problem(401)));
    const { address } = openConsole('/proxies');
    await waitFor(() => expect(address().pathname).toBe('/login'));
    expect(address().search).toMatchObject({ to: '/proxies' });
  });
});

describe('proxies', () => {
  it('puts the refused one first and quotes Envoy in its panel', async () => {
    const { address } = openConsole('/proxies');
    const table = await screen.findByRole('table', { name: 'Proxies' });
    const [, first] = within(table).getAllByRole('row');
    expect(first).toHaveTextContent('Refusedshipping-2');
    await userEvent.click(within(table).getByRole('link', { name: 'shipping-2' }));
    const panel = await screen.findByRole('complementary', { name: 'Proxy shop/shipping-2' });
    expect(panel).toHaveTextContent('Envoy refused the listeners of revision 411. It keeps running revision 410.');
    expect(panel).toHaveTextContent(shop.ENVOYS_WORDS);
    expect(address().search).toMatchObject({ proxy: 'shop/shipping-2' });
    expect(await violations()).toEqual([]);
    await userEvent.keyboard('{Escape}');
    await waitFor(() => expect(screen.queryByRole('complementary', { name: /shipping-2/ })).not.toBeInTheDocument());
  });

  it('are read again when a hint says that one changed', async () => {
    openConsole('/proxies');
    await screen.findByRole('link', { name: 'cart-2' });
    server.use(http.get(api('/proxies'), () => HttpResponse.json(page(shop.proxies.slice(0, 3)))));
    await waitFor(() => expect(hints.clients.size).toBeGreaterThan(0));
    hints.broadcast(JSON.stringify({ type: 'proxy', id: 'shop/cart-2' }));
    await waitFor(() => expect(screen.queryByRole('link', { name: 'cart-2' })).not.toBeInTheDocument());
  });

  it('filters through the address', async () => {
    openConsole('/proxies?state=disconnected');
    const table = await screen.findByRole('table', { name: 'Proxies' });
    expect(within(table).getAllByRole('row')).toHaveLength(2);
    expect(within(table).getByRole('link', { name: 'cart-2' })).toBeInTheDocument();
  });

  it('says how the first one comes when there is none', async () => {
    server.use(http.get(api('/proxies'), () => HttpResponse.json(page([]))));
    openConsole('/proxies');
    expect(await screen.findByRole('heading', { name: 'No proxy yet' })).toBeVisible();
  });

  it('says what could not be read and which request to quote', async () => {
    server.use(http.get(api('/proxies'), () => problem(403, { detail: 'You may not read proxies.' })));
    openConsole('/proxies');
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent('You may not read proxies.');
    expect(alert).toHaveTextContent('9f31c2');
  });
});

describe('topology', () => {
  it('has the same in a table under the same address', async () => {
    const { address } = openConsole('/topology?view=table&find=denied');
    const table = await screen.findByRole('table', { name: 'Who calls whom' });
    expect(within(table).getAllByRole('row')).toHaveLength(2);
    await userEvent.click(within(table).getByRole('link', { name: /batch-reports/ }));
    const panel = await screen.findByRole('complementary', { name: 'batch-reports to payments' });
    expect(panel).toHaveTextContent('payments denies 2.4/s of the calls of batch-reports.');
    expect(address().search).toMatchObject({
      view: 'table',
      find: 'denied',
      edge: 'batch/batch-reports~shop/payments',
    });
  });

  it('names the stage that is missing', async () => {
    server.use(http.get(api('/topology'), () => HttpResponse.json({ ...shop.topology, edges: [], reporting: 0 })));
    openConsole('/topology');
    expect(await screen.findByRole('heading', { name: 'No numbers yet' })).toBeVisible();
    expect(screen.getByText(/9 proxies are connected, but none has reported since/)).toBeVisible();
  });

  it('keeps namespace and time range from page to page', async () => {
    const { address } = openConsole('/services?ns=shop&window=1h');
    await screen.findByRole('table', { name: 'Services' });
    await userEvent.click(screen.getByRole('link', { name: 'Changes' }));
    await waitFor(() => expect(address().pathname).toBe('/changes'));
    expect(address().search).toMatchObject({ ns: 'shop', window: '1h' });
  });
});

describe('changes', () => {
  it('show the difference, the refusal and the way back', async () => {
    openConsole('/changes?revision=411');
    const panel = await screen.findByRole('complementary', { name: 'Revision 411' });
    await within(panel).findByRole('group', { name: 'Difference of Service shop/shipping' });
    expect(panel).toHaveTextContent('added: - appProtocol: http');
    expect(panel).toHaveTextContent(shop.ENVOYS_WORDS);
    expect(within(panel).getByRole('link', { name: 'Roll back…' })).toHaveAttribute('href', '/changes/411/rollback');
    expect(await violations()).toEqual([]);
  });

  it('roll back after a review', async () => {
    server.use(
      http.post(api('/revisions/411/rollback'), ({ request }) => {
        const dryRun = new URL(request.url).searchParams.get('dryRun') === 'true';
        return HttpResponse.json({ ...shop.shiftResult, dryRun, revision: dryRun ? null : 413 });
      }),
    );
    const { address } = openConsole('/changes/411/rollback');
    await screen.findByRole('region', { name: 'What changes' });
    await userEvent.click(screen.getByRole('button', { name: 'Roll back revision 411' }));
    await screen.findByRole('region', { name: 'Revision 413' });
    expect(address().search).toMatchObject({ made: 413 });
    expect(written.map(({ query }) => query.dryRun)).toEqual(['true', undefined]);
  });
});
