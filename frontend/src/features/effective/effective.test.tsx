import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import * as shop from '@/test/fixtures';
import { openConsole, violations } from '@/test/app';
import { callersOf } from './CallersView';
import { called, policyOf, settingsOf, shareWords } from './words';

const [payments, cart] = called(shop.effective);
const words = (values: Parameters<typeof settingsOf>[0]) =>
  settingsOf(values).map(({ label, value, more }) => [label, value, more].filter(Boolean).join(' | '));

describe('what holds, in words', () => {
  it('puts services first about which a document says something', () => {
    expect([payments?.title, cart?.title]).toEqual(['shop/payments', 'shop/cart']);
    expect(payments?.documents).toEqual([
      'DestinationRule shop/payments',
      'HTTPRoute shop/payments',
      'HealthCheck shop/payments',
    ]);
    expect(payments?.destinations.map(({ service }) => service)).toEqual(['shop/payments-v1', 'shop/payments-v2']);
  });

  it('says what belongs together in one line, and limits that nobody set in one', () => {
    expect(words(payments?.upstream.routes[0]?.values ?? [])).toEqual([
      'Timeout | 3.00 s',
      'Retries | 2 more | on connect-failure, 503; first after 25 ms',
    ]);
    expect(words(payments?.destinations[0]?.values ?? [])).toEqual([
      'Encryption | mTLS',
      'Retries at once | 3',
      'Call all below | 50 % healthy',
      'Other limits | none | on connections, waiting calls, calls at once, calls per connection',
      'Skip failing | after 5 errors in a row | for 30 s, at most 10 % of them, looked at every 10 s',
      'Health check | GET /healthz is 200 | every 5.00 s; out after 2 failures in a row',
    ]);
    expect(words(cart?.destinations[0]?.values ?? [])[1]).toMatch(/^Limits \| none/);
    expect(words([{ name: 'brandNew', value: true, origin: null }])).toEqual(['brandNew | true']);
  });

  it('says where calls go', () => {
    const route = payments?.upstream.routes[0];
    expect(route && shareWords(route)).toBe('payments-v1:8080 90 % · payments-v2:8080 10 %');
    expect(route && shareWords({ ...route, shares: [], action: 'redirect to /' })).toBe('redirect to /');
    expect(route && shareWords({ ...route, shares: [{ to: '', subset: '', share: 1 }] })).toContain('nothing');
    expect(policyOf('DENY shop/x')).toEqual({ action: 'Denies', document: 'AuthorizationPolicy shop/x' });
  });

  it('takes the busiest caller first', () => {
    const found = callersOf('shop/payments', shop.topology.edges, shop.proxies);
    expect(found[0]?.services).toContain('shop/checkout');
    expect(found).toHaveLength(shop.proxies.filter((proxy) => !proxy.gateway).length);
  });
});

describe('pages', () => {
  it('show what holds for a proxy, with a way to the line that says so', async () => {
    openConsole('/proxies/shop/checkout-1');
    const view = await screen.findByRole('region', { name: 'What holds for this proxy' });
    await userEvent.type(await within(view).findByRole('textbox', { name: 'Service' }), 'payments');
    const rules = await within(view).findByRole('list', { name: 'Rules for shop/payments, port 8080' });
    const [, origin] = within(rules).getAllByRole('link', { name: 'HTTPRoute shop/payments' });
    expect(origin?.getAttribute('href')).toContain('/documents/httproutes/shop/payments?field=');
    expect(view).toHaveTextContent('spec.rules[0].timeouts.request');
    expect(within(view).getByRole('link', { name: 'shop/checkout-callers' })).toBeVisible();
    expect(view).toHaveTextContent('2 of 3 healthy');
    expect(await violations()).toEqual([]);
  });

  it('show what holds for calls to a service, as its first caller sees it', async () => {
    openConsole('/services/shop/payments');
    const card = await screen.findByRole('region', { name: 'Settings in force' });
    expect(await within(card).findByText('3.00 s')).toBeVisible();
    expect(card).toHaveTextContent('1 of 2 healthy');
    expect(await violations()).toEqual([]);
  });
});
