import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { http, HttpResponse } from 'msw';
import { describe, expect, it } from 'vitest';
import * as shop from '@/test/fixtures';
import { openConsole, violations } from '@/test/app';
import { api, page, problem, server } from '@/test/server';

interface Applied {
  dryRun: boolean;
  reason: string | null;
  documents: { kind: string; metadata: object; spec: object }[];
}

/** Answers every apply from the fixture and keeps what was asked. */
function recordApplies(revision = 413) {
  const applied: Applied[] = [];
  server.use(
    http.post(api('/apply'), async ({ request }) => {
      const query = new URL(request.url).searchParams;
      const dryRun = query.get('dryRun') === 'true';
      applied.push({ dryRun, reason: query.get('reason'), documents: (await request.json()) as Applied['documents'] });
      return HttpResponse.json({ ...shop.shiftResult, dryRun, revision: dryRun ? null : revision });
    }),
  );
  return applied;
}

async function setShare(backend: string, percent: number) {
  const field = await screen.findByRole('textbox', { name: `Share of ${backend}` });
  await userEvent.clear(field);
  await userEvent.type(field, String(percent));
}

describe('shifting traffic', () => {
  it('goes from numbers over a review to live progress, and back', async () => {
    const applied = recordApplies();
    const undone: string[] = [];
    server.use(
      http.post(api('/revisions/:number/rollback'), ({ params }) => {
        undone.push(String(params.number));
        return HttpResponse.json({ ...shop.shiftResult, dryRun: false, revision: 414 });
      }),
    );
    const { address } = openConsole('/services/shop/payments/shift');
    await setShare('payments-v2', 25);
    expect(screen.getByRole('button', { name: 'Review…' })).toBeDisabled();
    expect(screen.getByRole('status', { name: 'Sum of the shares' })).toHaveTextContent('Sum 115 %');
    await setShare('payments-v1', 75);
    expect(await violations()).toEqual([]);
    await userEvent.click(screen.getByRole('button', { name: 'Review…' }));

    expect(await screen.findByRole('heading', { name: 'payments-v2 goes from 10 % to 25 % of calls' })).toBeVisible();
    const touched = await screen.findByRole('region', { name: 'What it touches' });
    expect(touched).toHaveTextContent('9 connected proxies get something new');
    expect(touched).toHaveTextContent('1 proxy is not connected');
    await userEvent.type(screen.getByRole('textbox', { name: 'Reason' }), 'next step');
    await userEvent.click(screen.getByRole('button', { name: 'Start the shift' }));

    await screen.findByRole('region', { name: 'Revision 413' });
    expect(address().search).toMatchObject({ step: 'live', revision: 413 });
    expect(applied.map(({ dryRun, reason }) => [dryRun, reason])).toEqual([
      [true, null],
      [false, 'next step'],
    ]);
    expect(applied[1]?.documents).toEqual(applied[0]?.documents);
    expect(applied[1]?.documents[0]).toMatchObject({
      kind: 'HTTPRoute',
      metadata: { name: 'payments', resourceVersion: '4711' },
      spec: {
        rules: [
          {
            backendRefs: [
              { name: 'payments-v1', weight: 75 },
              { name: 'payments-v2', weight: 25 },
            ],
          },
        ],
      },
    });

    await userEvent.click(screen.getByRole('button', { name: 'Roll back now' }));
    await screen.findByRole('region', { name: 'Revision 414' });
    expect(undone).toEqual(['413']);
  });

  it('overwrites nothing when somebody was faster', async () => {
    server.use(http.post(api('/apply'), () => problem(409, { code: 'conflict' })));
    openConsole('/services/shop/payments/shift?step=review&weights=payments-v1:8080%3D75,payments-v2:8080%3D25');
    expect(await screen.findByRole('alert')).toHaveTextContent('Somebody changed HTTPRoute shop/payments');
    expect(screen.getByRole('button', { name: 'Start the shift' })).toBeDisabled();
  });

  it('makes a route for a service that has none', async () => {
    const applied = recordApplies();
    server.use(http.get(api('/httproutes'), () => HttpResponse.json(page([]))));
    openConsole('/services/shop/payments/shift?weights=payments:8080%3D90,payments-v2:8080%3D10');
    await userEvent.click(await screen.findByRole('button', { name: 'Review…' }));
    await screen.findByRole('region', { name: 'What changes' });
    expect(applied[0]?.documents[0]).toMatchObject({
      kind: 'HTTPRoute',
      metadata: { name: 'payments', namespace: 'shop' },
      spec: { parentRefs: [{ group: '', kind: 'Service', name: 'payments', port: 8080 }] },
    });
  });
});

describe('adding a VM', () => {
  it('writes the documents, makes the token and shows the command once', async () => {
    const applied = recordApplies();
    const asked: unknown[] = [];
    server.use(
      http.post(api('/join-tokens'), async ({ request }) => {
        asked.push(await request.json());
        return HttpResponse.json(
          {
            id: 'jt-7',
            token: 'mj1.x',
            expiresAt: shop.joinToken.expiresAt,
            command: 'meshweb-agent run --token mj1.x',
          },
          { status: 201 },
        );
      }),
    );
    const { address } = openConsole('/add-vm?ns=shop');
    await userEvent.type(await screen.findByRole('textbox', { name: 'Name' }), 'recommendations');
    expect(screen.getByRole('textbox', { name: 'Labels' })).toHaveValue('app=recommendations');
    expect(await violations()).toEqual([]);
    await userEvent.click(screen.getByRole('button', { name: 'Make the join command' }));

    expect(await screen.findByRole('region', { name: 'Join command' })).toHaveTextContent(
      'meshweb-agent run --token mj1.x',
    );
    expect(applied[0]?.documents.map(({ kind }) => kind)).toEqual(['WorkloadGroup', 'Service']);
    expect(asked).toEqual([{ namespace: 'shop', workloadGroup: 'recommendations', ttl: '1h', uses: 1 }]);
    expect(address().search).toMatchObject({ token: 'jt-7' });
    expect(address().href).not.toContain('mj1.x');
    const ticks = await screen.findByRole('list', { name: 'Progress of the VM' });
    await waitFor(() =>
      expect(within(ticks).getAllByRole('listitem')[3]).toHaveTextContent('Revision 413 accepted by Envoy, done'),
    );
    expect(within(ticks).getAllByRole('listitem')[4]).toHaveTextContent('Health check passes, waiting');
  });

  it('writes nothing while a field is wrong, and never over what exists', async () => {
    const applied = recordApplies();
    openConsole('/add-vm?ns=shop');
    const name = await screen.findByRole('textbox', { name: 'Name' });
    const make = screen.getByRole('button', { name: 'Make the join command' });
    await userEvent.type(name, 'Cart_1');
    await userEvent.click(make);
    expect(await screen.findByText(/^Name: lower-case letters/)).toBeVisible();
    await userEvent.clear(name);
    await userEvent.type(name, 'cart');
    await userEvent.click(make);
    expect(await screen.findByText(/There is a group of this name/)).toBeVisible();
    expect(applied).toEqual([]);
  });

  it('shows the fields that the server refused', async () => {
    server.use(
      http.post(api('/apply'), () =>
        problem(422, {
          errors: [{ document: 0, pointer: '/spec/template/ports/http', code: 'range', detail: 'is taken' }],
        }),
      ),
    );
    openConsole('/add-vm?ns=shop');
    await userEvent.type(await screen.findByRole('textbox', { name: 'Name' }), 'recommendations');
    await userEvent.click(screen.getByRole('button', { name: 'Make the join command' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('spec.template.ports.http is taken');
  });
});

describe('home', () => {
  it('lists what needs a person, worst first, each with its way to the answer', async () => {
    openConsole('/');
    const list = await screen.findByRole('region', { name: 'Needs attention' });
    const items = within(list).getAllByRole('listitem');
    expect(items.map((item) => item.querySelector('b')?.textContent)).toEqual([
      'checkout → shipping is failing',
      'shipping-2 refused revision 411',
      'batch-reports is denied at payments',
      'web → cart is degraded',
      'cart-2 is not connected',
      'The certificate of batch-reports-1 ends in 5 h',
    ]);
    const [failing] = items;
    expect(failing && within(failing).getByRole('link', { name: 'Show calls' }).getAttribute('href')).toContain(
      'shipping',
    );
    expect(await violations()).toEqual([]);
  });
});
