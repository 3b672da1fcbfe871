import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { http, HttpResponse } from 'msw';
import { describe, expect, it } from 'vitest';
import type { AccessChange, AccessImpact } from '@/api/types';
import { openConsole, violations } from '@/test/app';
import * as shop from '@/test/fixtures';
import { api, server } from '@/test/server';

const CALLS = { requests: 120, denied: 0, lastSeen: shop.ago(30), before: 'allowed', after: 'denied' } as const;
const denied: AccessChange = {
  ...CALLS,
  fate: 'newlyDenied',
  source: 'shop/cart',
  destination: 'shop/payments',
  reason: 'no ALLOW policy admits it (shop/payments-callers)',
  reasons: [
    {
      effect: 'silent',
      document: 'AuthorizationPolicy shop/payments-callers',
      rule: null,
      field: '',
      certain: true,
      anyone: false,
    },
  ],
};

/** The review of a change of shares, with what it would do to callers. */
async function review(access: AccessImpact) {
  server.use(
    http.post(api('/apply'), () =>
      HttpResponse.json({ ...shop.shiftResult, impact: { ...shop.shiftResult.impact, access } }),
    ),
  );
  openConsole('/services/shop/payments/shift');
  for (const [backend, share] of [
    ['payments-v1', '80'],
    ['payments-v2', '20'],
  ]) {
    const field = await screen.findByRole('textbox', { name: `Share of ${backend}` });
    await userEvent.clear(field);
    await userEvent.type(field, share ?? '');
  }
  await userEvent.click(screen.getByRole('button', { name: 'Review…' }));
  return await screen.findByRole('region', { name: 'What it touches' });
}

describe('what a change does to callers', () => {
  it('says that nobody is newly denied, and how many were checked', async () => {
    const touched = await review(shop.accessImpact());
    expect(touched).toHaveTextContent('No caller is newly denied');
    expect(touched).toHaveTextContent('Checked against 9 callers seen in the last hour.');
    expect(screen.getByRole('button', { name: 'Start the shift' })).toBeEnabled();
  });

  it('does not act as if it had checked when nobody called', async () => {
    const touched = await review({ ...shop.accessImpact(), callers: 0, edges: 0, requests: 0 });
    expect(touched).toHaveTextContent('Nobody called in the last hour');
    expect(touched).not.toHaveTextContent('No caller is newly denied');
  });

  it('names who is newly denied and by what, and waits until the service is typed', async () => {
    const touched = await review(
      shop.accessImpact(denied, { ...denied, fate: 'mayChange', source: 'shop/web', after: 'partly' }),
    );
    expect(touched).toHaveTextContent('1 caller is newly denied');
    expect(touched).toHaveTextContent('cart → payments: 120 calls in the last hour');
    expect(touched).toHaveTextContent('1 caller may be decided otherwise');
    expect(within(touched).getAllByRole('link', { name: denied.reason })[0]).toHaveAttribute(
      'href',
      '/documents/authorizationpolicies/shop/payments-callers',
    );
    const start = screen.getByRole('button', { name: 'Start the shift' });
    expect(start).toBeDisabled();
    await userEvent.type(screen.getByRole('textbox', { name: 'Type payments to go on' }), 'payments');
    expect(start).toBeEnabled();
    expect(await violations()).toEqual([]);
  });
});
