import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { http, HttpResponse } from 'msw';
import { describe, expect, it } from 'vitest';
import type { AccessCell, Explanation } from '@/api/types';
import { openConsole, violations } from '@/test/app';
import * as shop from '@/test/fixtures';
import { api, server } from '@/test/server';
import { attentionFirst, factOf, lookOf, sayCell } from './model';
import { asMeshctl, claimsOf, headersOf } from './Simulator';
import { seenSeconds } from './Trials';

const PAIR = 'batch-reports to payments: Denied, still trying, 2.4/s';

function cellOf(caller: string, service: string): AccessCell {
  const found = shop.accessMatrix.cells.find((cell) => cell.caller === caller && cell.service === service);
  if (!found) throw new Error(`${caller} ${service}`);
  return found;
}

describe('a cell', () => {
  it.each([
    ['shop/web', 'shop/cart', 'undeclared', '4/s'],
    ['shop/web', 'shop/catalog', 'everyone', '10/s'],
    ['shop/checkout', 'shop/payments', 'allowed', '2/s'],
    ['batch/batch-reports', 'shop/payments', 'denied', '2.4/s'],
    ['shop/checkout', 'shop/cart', 'open', 'open'],
    ['shop/checkout', 'shop/catalog', 'unused', 'unused'],
    ['shop/web', 'shop/payments', 'closed', ''],
  ])('%s to %s is %s: %s', (caller, service, look, fact) => {
    const cell = cellOf(caller, service);
    expect([lookOf(cell), factOf(cell, 300)]).toEqual([look, fact]);
  });

  it('says when only some requests pass, and stays quiet about itself', () => {
    expect(sayCell(cellOf('shop/checkout', 'shop/payments'), 300)).toBe(
      'checkout to payments: Allowed, some requests only, 2/s',
    );
    const self = { ...cellOf('shop/web', 'shop/payments'), service: 'shop/web' };
    expect(lookOf(self)).toBe('me');
    expect(lookOf({ ...self, requests: 3, denied: 3 })).toBe('denied');
  });

  it('comes first when it wants attention', () => {
    const order = attentionFirst(shop.accessMatrix.cells).map(lookOf);
    expect(order.slice(0, 4)).toEqual(['denied', 'undeclared', 'everyone', 'allowed']);
    expect(order.at(-1)).toBe('closed');
  });
});

describe('a question for a terminal', () => {
  it('is the same question', () => {
    const asked = {
      from: 'shop/web',
      to: 'shop/pay',
      port: 9000,
      method: 'POST',
      path: '/a b',
      headers: "x-role: it's",
    };
    expect(asMeshctl(asked)).toBe(
      `meshctl explain --from shop/web --to shop/pay --port 9000 --method POST --path '/a b' --header 'x-role: it'\\''s'`,
    );
    expect(headersOf('a: 1\na: 2\nnothing')).toEqual({ a: ['1', '2'] });
    expect([claimsOf(''), claimsOf('{"sub":"a"}'), claimsOf('[1]'), claimsOf('{')]).toEqual([
      {},
      { sub: 'a' },
      null,
      null,
    ]);
  });
});

describe('what a trial can have seen', () => {
  const now = Date.parse('2026-11-24T12:00:00Z');
  it.each([
    [5, 10],
    [95, 100],
    [7200, 3600],
  ])('%i s after it began: %i s', (age, seconds) => {
    expect(seenSeconds(new Date(now - age * 1000).toISOString(), now)).toBe(seconds);
  });
});

describe('the access page', () => {
  it('shows who may call whom, and what is worth a look', async () => {
    openConsole('/access');
    const matrix = await screen.findByRole('table', { name: 'Who may call whom' });
    expect(within(matrix).getAllByRole('row')).toHaveLength(4);
    expect(within(matrix).getByRole('link', { name: PAIR })).toBeVisible();
    expect(within(matrix).getByRole('rowheader', { name: /batch-reports/ })).toHaveTextContent('batch, workload');
    expect(
      screen.getByText('1 caller is denied and still tries, 2 callers are let in by nobody’s decision'),
    ).toBeVisible();
    const worth = screen.getByRole('table', { name: 'Worth a look' });
    expect(within(worth).getByRole('link', { name: 'Suggest a policy: web → cart' })).toHaveAttribute(
      'href',
      '/access/suggest?service=shop%2Fcart',
    );
    expect(worth).toHaveTextContent('1 pair allowed, unused');
    expect(await violations()).toEqual([]);
  });

  it('has the same as a table, what wants attention on top', async () => {
    const { address } = openConsole('/access');
    await userEvent.click(await screen.findByRole('button', { name: 'Table' }));
    const table = await screen.findByRole('table', { name: 'Who may call whom' });
    const [, first, second] = within(table).getAllByRole('row');
    expect(first).toHaveTextContent('Denied, still tryingbatch-reportspayments');
    expect(second).toHaveTextContent('Let in because no policy speaks');
    expect(address().search).toMatchObject({ view: 'table' });
    expect(await violations()).toEqual([]);
  });

  it('says what is left out of it', async () => {
    server.use(
      http.get(api('/access-matrix'), () =>
        HttpResponse.json({ ...shop.accessMatrix, leftOut: { callers: 900, services: 1 } }),
      ),
    );
    openConsole('/access');
    expect(await screen.findByText(/900 more callers and 1 more service not shown/)).toBeVisible();
  });

  it('asks about the call of a cell, with every rule that was looked at', async () => {
    const asked: Record<string, unknown>[] = [];
    server.use(
      http.post(api('/explain'), async ({ request }) => {
        asked.push((await request.json()) as Record<string, unknown>);
        return HttpResponse.json(shop.explanation);
      }),
    );
    const { address } = openConsole('/access');
    await userEvent.click(await screen.findByRole('link', { name: PAIR }));
    const panel = await screen.findByRole('complementary', { name: 'Would this call be allowed?' });
    expect(await within(panel).findByText('Denied')).toBeVisible();
    expect(panel).toHaveTextContent('How it was decided, at payments-1 and 1 more workload alike');
    expect(panel).toHaveTextContent('mTLS; the caller proved to be batch/batch-reports');
    expect(panel).toHaveTextContent('Deny block-admin: 1 rule checked, none fits');
    expect(panel).toHaveTextContent('wants caller shop/checkout, got batch/batch-reports');
    expect(panel).toHaveTextContent('300 more policies: none fits');
    expect(panel).toHaveTextContent('Denied with 403');
    await userEvent.clear(within(panel).getByRole('textbox', { name: 'Path' }));
    await userEvent.type(within(panel).getByRole('textbox', { name: 'Path' }), '/charges{Enter}');
    await waitFor(() => expect(asked.at(-1)).toMatchObject({ path: '/charges' }));
    expect(asked.at(-1)).toMatchObject({
      from: 'spiffe://cluster.local/ns/batch/sa/batch-reports',
      to: 'shop/payments',
      method: 'GET',
      draft: '',
    });
    expect(address().search).toMatchObject({ from: 'batch/batch-reports', to: 'shop/payments', path: '/charges' });
    expect(within(panel).getByRole('link', { name: /Draft a rule that allows it/ })).toHaveAttribute(
      'href',
      expect.stringContaining('principal=cluster.local%2Fns%2Fbatch%2Fsa%2Fbatch-reports'),
    );
    expect(await violations()).toEqual([]);
  });

  it('asks the same of a draft that lets the caller in', async () => {
    server.use(
      http.post(api('/explain'), async ({ request }) => {
        const { draft } = (await request.json()) as { draft: string };
        const allowed: Explanation = { ...shop.explanation, decision: 'allow', draft: true, verdicts: [] };
        return HttpResponse.json(draft.includes('name: payments-from-batch-reports') ? allowed : shop.explanation);
      }),
    );
    openConsole('/access?from=batch/batch-reports&to=shop/payments');
    await userEvent.click(await screen.findByRole('button', { name: 'With my draft' }));
    expect(await screen.findByText('Allowed', { selector: 'b' })).toBeVisible();
    expect(screen.getByRole('region', { name: 'The draft' })).toHaveTextContent(
      'cluster.local/ns/batch/sa/batch-reports',
    );
    expect(screen.getByRole('link', { name: /Go on with the draft/ })).toBeVisible();
  });

  it('lists policies with what each stands before now', async () => {
    openConsole('/access?tab=policies');
    const table = await screen.findByRole('table', { name: 'Policies' });
    const [, first, ...others] = within(table).getAllByRole('row');
    expect(first).toHaveTextContent('nowhere');
    expect(first).toHaveTextContent('no workload');
    expect(others.map((row) => row.textContent).join()).toContain('payments · 2 workloads');
    expect(within(table).getByText('1,204')).toBeVisible();
    expect(await violations()).toEqual([]);
  });
});

describe('the page of a policy', () => {
  it('says before what it stands and whom it denied', async () => {
    openConsole('/documents/authorizationpolicies/shop/payments-callers');
    const card = await screen.findByRole('region', { name: 'Stands before' });
    expect(card).toHaveTextContent('payments · 2 workloads');
    expect(card).toHaveTextContent('Denied1,204 calls');
    expect(await violations()).toEqual([]);
  });
});

describe('from what was seen to a policy that decides', () => {
  it('chooses, reviews and starts a trial run', async () => {
    const applied: { dryRun: boolean; names: string[] }[] = [];
    server.use(
      http.post(api('/apply'), async ({ request }) => {
        const dryRun = new URL(request.url).searchParams.get('dryRun') === 'true';
        const sent = (await request.json()) as { metadata: { name: string } }[];
        applied.push({ dryRun, names: sent.map(({ metadata }) => metadata.name) });
        return HttpResponse.json({ ...shop.shiftResult, dryRun, revision: dryRun ? null : 413 });
      }),
    );
    openConsole('/access/suggest');
    const cart = await screen.findByRole('region', { name: 'shop/cart' });
    expect(cart).toHaveTextContent('shop/web · 4 without mTLS');
    expect(cart).toHaveTextContent('1 caller has no identity');
    expect(cart).toHaveTextContent('5 callers may call today and were not seen');
    expect(cart).toHaveTextContent('it takes plain text too');
    expect(screen.getByRole('region', { name: 'shop/payments' })).toHaveTextContent('No policy can be suggested');
    expect(await violations()).toEqual([]);
    const box = screen.getByRole('checkbox', { name: 'Try out the policy for shop/cart' });
    await userEvent.click(box);
    expect(screen.getByRole('button', { name: 'Review 0 policies…' })).toBeDisabled();
    await userEvent.click(box);
    await userEvent.click(screen.getByRole('button', { name: 'Review 1 policy…' }));
    await userEvent.click(await screen.findByRole('button', { name: 'Start the trial run' }));
    await screen.findByRole('region', { name: 'Revision 413' });
    expect(applied).toEqual([
      { dryRun: true, names: ['cart-observed-callers'] },
      { dryRun: false, names: ['cart-observed-callers'] },
    ]);
    expect(screen.getByRole('link', { name: 'Watch the trial run' })).toHaveAttribute('href', '/access?tab=trials');
  });

  it('shows whom a trial would have denied', async () => {
    openConsole('/access?tab=trials');
    const table = await screen.findByRole('table', { name: 'Whom payments-observed-callers would have denied' });
    expect(table).toHaveTextContent('batch-reports');
    expect(screen.getByText(/It would have denied 1 caller/)).toBeVisible();
    expect(screen.getByText(/Checked against 1,320 calls of 2 callers/)).toBeVisible();
    expect(await violations()).toEqual([]);
  });

  it('enforces what was tried out: the same policy without its mark', async () => {
    const sent: { metadata: { annotations: object; resourceVersion: string }; spec: object }[] = [];
    server.use(
      http.post(api('/apply'), async ({ request }) => {
        sent.push(...((await request.json()) as typeof sent));
        const dryRun = new URL(request.url).searchParams.get('dryRun') === 'true';
        return HttpResponse.json({ ...shop.shiftResult, dryRun, revision: dryRun ? null : 413 });
      }),
    );
    openConsole('/access/enforce/shop/payments-observed-callers');
    expect(await screen.findByText(/The trial would have denied 3 calls/)).toBeVisible();
    expect(await violations()).toEqual([]);
    await userEvent.click(await screen.findByRole('button', { name: 'Enforce payments-observed-callers' }));
    await screen.findByRole('region', { name: 'Revision 413' });
    expect(sent).toHaveLength(2);
    expect(sent[1]?.metadata).toMatchObject({
      annotations: { 'meshweb.io/suggested-from': '2026-11-23/2026-11-24' },
      resourceVersion: '4711',
    });
    expect(sent[1]?.metadata.annotations).not.toHaveProperty('istio.io/dry-run');
  });
});

describe('a policy as a form', () => {
  it('starts with the service and the caller, and writes into the YAML', async () => {
    openConsole(
      '/documents/new?kind=authorizationpolicies&service=shop/payments&principal=cluster.local/ns/batch/sa/batch-reports',
    );
    const form = await screen.findByRole('form');
    const rule = within(form).getByRole('group', { name: 'Rule 1' });
    expect(within(rule).getByRole('textbox', { name: 'Certificates' })).toHaveValue(
      'cluster.local/ns/batch/sa/batch-reports',
    );
    await userEvent.click(within(rule).getByRole('button', { name: 'Add a condition' }));
    const text = () => [...document.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n');
    expect(text()).toContain('name: payments-from-batch-reports');
    expect(text()).toContain('key: request.headers[x-role]');
    const scope = within(form).getByRole('combobox', { name: 'It stands before' });
    await userEvent.selectOptions(scope, 'every workload of its namespace');
    expect(text()).not.toContain('selector');
    expect(await violations()).toEqual([]);
  });
});
