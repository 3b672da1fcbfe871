import { screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { SeenEndpoint, Workload } from '@/api/types';
import { openConsole } from '@/test/app';
import { seenWords } from './health';

const AT = '2026-01-01T00:00:00.000Z';

function seen(callers: number, ...states: SeenEndpoint['state'][]): Workload['seen'] {
  const out = states.map((state, index) => ({
    caller: `shop/web-${index}`,
    service: 'shop/pay',
    port: 80,
    address: '10.0.0.1:80',
    state,
    since: AT,
    at: AT,
  }));
  return { callers, healthy: callers - out.length, at: AT, out };
}

describe('what callers see, in words', () => {
  it.each([
    [seen(0), 'idle', 'Nobody called it lately'],
    [seen(1), 'ok', 'Healthy to its caller'],
    [seen(3), 'ok', 'Healthy to all 3 callers'],
    [seen(3, 'ejected'), 'warn', 'Healthy to 2 of 3 callers'],
    [seen(2, 'failing', 'withdrawn'), 'bad', 'Healthy to 0 of 2 callers'],
    [seen(1, 'checking'), 'go', 'Healthy to 0 of 1 caller'],
  ])('%#', (given, tone, word) => {
    expect(seenWords(given)).toEqual({ tone, word });
  });
});

describe('pages', () => {
  it('show for each workload of a service what it says itself, and what its callers say', async () => {
    openConsole('/services/shop/payments');
    const table = await screen.findByRole('table', { name: 'Workloads' });
    const row = within(table).getByRole('link', { name: 'payments-v1-1' }).closest('tr');
    expect(row).toHaveTextContent('Healthy to 1 of 2 callers');
    expect(row).toHaveTextContent('taken out by outlier detection of checkout-1');
    expect(within(table).getByRole('link', { name: 'payments-v2-1' }).closest('tr')).toHaveTextContent(
      'Healthy to all 2 callers',
    );
  });

  it('show for a proxy which endpoints it took out', async () => {
    openConsole('/proxies/shop/checkout-1');
    const table = await screen.findByRole('table', { name: 'Endpoints that are out' });
    expect(table).toHaveTextContent('payments-v1:8080');
    expect(table).toHaveTextContent('Taken out by outlier detection');
    expect(table.closest('.sec')).toHaveTextContent('1 of 2 healthy');
  });
});
