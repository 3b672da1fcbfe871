import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { http, HttpResponse } from 'msw';
import { describe, expect, it } from 'vitest';
import { openConsole, violations } from '@/test/app';
import * as shop from '@/test/fixtures';
import { api, page, problem, server } from '@/test/server';
import type { Condition } from '@/api/types';

const condition = (type: Condition['type'], status: Condition['status'], message = ''): Condition => ({
  type,
  status,
  reason: 'Because',
  message,
  observedGeneration: 1,
  lastTransitionTime: shop.ago(60),
});

const route = {
  ...shop.paymentsRoute,
  status: {
    conditions: [condition('Accepted', 'True'), condition('Conflicted', 'False')],
    parents: [
      {
        parentRef: { group: '', kind: 'Service', namespace: 'shop', name: 'payments', port: 8080 },
        controllerName: 'meshweb.io/control-plane',
        conditions: [condition('ResolvedRefs', 'False', 'there is no Service shop/payments-v3')],
      },
    ],
  },
};

const limit = {
  ...route,
  apiVersion: 'meshweb.io/v1',
  kind: 'RateLimit',
  metadata: { ...route.metadata, name: 'visitors' },
  spec: { targetRefs: [{ name: 'payments' }], failureMode: 'Open', limits: [] },
  status: {
    conditions: [
      condition('Accepted', 'True'),
      condition('Counted', 'False', '7 requests passed without being counted'),
    ],
    requests: { window: '300s', limited: 31, shadowed: 0, unanswered: 7 },
  },
};

function withRoute() {
  server.use(
    http.get(api('/httproutes'), () => HttpResponse.json(page([route]))),
    http.get(api('/httproutes/shop/payments'), () => HttpResponse.json(route)),
  );
}

const recording = {
  ...route,
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { ...route.metadata, name: 'watch' },
  spec: { action: 'AUDIT', rules: [{}] },
  status: { conditions: [condition('Accepted', 'True')] },
};

function recorded(changes: object = {}) {
  const call = {
    at: shop.ago(60),
    source: 'shop/web',
    identity: 'spiffe://cluster.local/ns/shop/sa/web',
    destination: 'shop/payments',
    workload: 'shop/payments-1',
    port: 8080,
    method: 'GET',
    path: '/charge',
    status: 200,
    document: 'AuthorizationPolicy shop/watch',
    field: '/spec/rules/0',
    allowed: true,
  };
  const items = [call, { ...call, method: '', path: '', status: null, allowed: false }];
  return { from: shop.ago(3600), to: shop.ago(0), items, next: null, lost: 0, ...changes };
}

describe('documents', () => {
  it('shows what a policy with action AUDIT recorded, and how much it could not', async () => {
    const asked: string[] = [];
    server.use(
      http.get(api('/authorizationpolicies/shop/watch'), () => HttpResponse.json(recording)),
      http.get(api('/access-records'), ({ request }) => {
        asked.push(new URL(request.url).searchParams.get('policy') ?? '');
        return HttpResponse.json(recorded({ next: 'x', lost: 3 }));
      }),
    );
    openConsole('/documents/authorizationpolicies/shop/watch');
    const rows = within(await screen.findByRole('table', { name: 'Recorded calls' })).getAllByRole('row');
    expect(rows[1]).toHaveTextContent('GET /chargeshop/web → shop/paymentsAllowed');
    expect(rows[2]).toHaveTextContent('connection to port 8080');
    expect(rows[2]).toHaveTextContent('Denied');
    expect(screen.getByText(/3 records of this mesh were lost/)).toBeVisible();
    expect(screen.getByText('meshctl access-records --policy shop/watch')).toBeVisible();
    expect(asked[0]).toBe('shop/watch');
    expect(await violations()).toEqual([]);
  });

  it('asks for no records of a policy that records nothing', async () => {
    let asked = false;
    server.use(
      http.get(api('/authorizationpolicies/shop/watch'), () =>
        HttpResponse.json({ ...recording, spec: { action: 'DENY', rules: [{}] } }),
      ),
      http.get(api('/access-records'), () => {
        asked = true;
        return HttpResponse.json(recorded());
      }),
    );
    openConsole('/documents/authorizationpolicies/shop/watch');
    expect(await screen.findByRole('heading', { name: 'watch' })).toBeVisible();
    await screen.findByRole('region', { name: 'State' });
    expect(screen.queryByRole('region', { name: 'Recorded calls' })).toBeNull();
    expect(asked).toBe(false);
  });

  it('lists every kind, what needs a look first, and filters', async () => {
    withRoute();
    const { address } = openConsole('/documents');
    const table = await screen.findByRole('table', { name: 'Documents' });
    const rows = within(table).getAllByRole('row');
    expect(rows[1]).toHaveTextContent('Points to nothing');
    expect(rows[1]).toHaveTextContent('there is no Service shop/payments-v3');
    expect(within(table).getAllByText('Service').length).toBeGreaterThan(3);
    expect(await violations()).toEqual([]);
    await userEvent.click(screen.getByRole('button', { name: /Points to nothing 1/ }));
    expect(within(screen.getByRole('table', { name: 'Documents' })).getAllByRole('row')).toHaveLength(2);
    await userEvent.type(screen.getByRole('textbox', { name: 'Name, kind, label' }), 'zzz');
    expect(await screen.findByText(/Nothing matches/)).toBeVisible();
    expect(address().search).toMatchObject({ state: 'refs', q: 'zzz' });
  });

  it('shows one with its state, its parents, its history, and the line one came for', async () => {
    withRoute();
    openConsole('/documents/httproutes/shop/payments?field=/spec/rules/0/backendRefs/0/weight');
    const parents = await screen.findByRole('table', { name: 'Parents' });
    expect(within(parents).getByRole('link', { name: 'Service shop/payments' })).toHaveAttribute(
      'href',
      '/documents/services/shop/payments',
    );
    expect(parents).toHaveTextContent('Points to something that is not there');
    expect(screen.getByText('No other document is in its way')).toBeVisible();
    const yaml = screen.getByRole('region', { name: 'YAML of payments' });
    expect(yaml.querySelector('.here')).toHaveTextContent('weight: 90');
    expect(screen.getByRole('link', { name: 'Edit' })).toHaveAttribute(
      'href',
      '/documents/httproutes/shop/payments/edit',
    );
    expect(await violations()).toEqual([]);
  });

  it('shows what a rate limit did, and what nobody counted', async () => {
    server.use(http.get(api('/ratelimits/shop/visitors'), () => HttpResponse.json(limit)));
    openConsole('/documents/ratelimits/shop/visitors');
    const card = (await screen.findByRole('heading', { name: /^Requests/ })).closest('.card');
    expect(card).toHaveTextContent('last 5 min');
    expect(card).toHaveTextContent(/Refused\s*31/);
    expect(card).toHaveTextContent('7, nobody answered in time');
    expect(screen.getByText('Requests were not counted')).toBeVisible();
    expect(await violations()).toEqual([]);
  });

  it('says that a document is not there', async () => {
    openConsole('/documents/httproutes/shop/gone');
    expect(await screen.findByRole('alert')).toHaveTextContent('HTTPRoute shop/gone could not be read.');
  });

  it('deletes only what was reviewed, and only after its name was typed', async () => {
    withRoute();
    const asked: [string | null, string | null, string | null][] = [];
    server.use(
      http.delete(api('/httproutes/shop/payments'), ({ request }) => {
        const query = new URL(request.url).searchParams;
        asked.push([query.get('dryRun'), query.get('reason'), request.headers.get('If-Match')]);
        if (query.get('dryRun')) {
          const item = { ...shop.shiftResult.results[0], action: 'deleted', after: '' };
          return HttpResponse.json({ ...shop.shiftResult, dryRun: true, revision: null, results: [item] });
        }
        return new HttpResponse(null, { status: 204, headers: { 'Meshweb-Revision': '413' } });
      }),
    );
    openConsole('/documents/httproutes/shop/payments/delete');
    expect(await screen.findByRole('heading', { name: 'Delete HTTPRoute shop/payments' })).toBeVisible();
    const button = screen.getByRole('button', { name: 'Delete payments' });
    expect(button).toBeDisabled();
    await userEvent.type(screen.getByRole('textbox', { name: /Name of this HTTPRoute/ }), 'payments');
    await userEvent.type(screen.getByRole('textbox', { name: 'Reason' }), 'not used');
    await userEvent.click(button);
    expect(await screen.findByRole('region', { name: 'Revision 413' })).toBeVisible();
    expect(asked).toEqual([
      ['true', null, '"4711"'],
      [null, 'not used', '"4711"'],
    ]);
  });

  it('keeps the text when somebody else was faster, and merges', async () => {
    let version = '4711';
    const sent: { metadata: { resourceVersion: string }; spec: { hostnames?: string[] } }[] = [];
    server.use(
      http.get(api('/httproutes/shop/payments'), () =>
        HttpResponse.json({
          ...route,
          metadata: { ...route.metadata, resourceVersion: version },
          spec: version === '4711' ? route.spec : { ...route.spec, hostnames: ['pay.example'] },
        }),
      ),
      http.post(api('/apply'), async ({ request }) => {
        const [document] = (await request.json()) as typeof sent;
        if (document) sent.push(document);
        return document?.metadata.resourceVersion === '412' ? HttpResponse.json(shop.shiftResult) : problem(412);
      }),
    );
    openConsole('/documents/httproutes/shop/payments/edit');
    await screen.findByRole('textbox', { name: 'YAML of HTTPRoute shop/payments' });
    version = '412';
    await userEvent.click(screen.getByRole('button', { name: 'Review…' }));
    const alert = await screen.findByRole('alert');
    expect(alert).toHaveTextContent('Nothing was overwritten. Your lines and theirs do not overlap.');
    await userEvent.click(await within(alert).findByRole('button', { name: 'Merge and review' }));
    expect(await screen.findByRole('region', { name: 'What it touches' })).toBeVisible();
    expect(sent.at(-1)).toMatchObject({ metadata: { resourceVersion: '412' }, spec: { hostnames: ['pay.example'] } });
  });
});
