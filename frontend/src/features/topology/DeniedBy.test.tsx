import { screen, within } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { openConsole, violations } from '@/test/app';
import * as shop from '@/test/fixtures';
import { edgeId } from './model';

describe('the edge panel', () => {
  it('names the rule that denied, and what a trial run would have denied', async () => {
    const denied = shop.topology.edges.find((edge) => edge.health === 'deny') ?? shop.topology.edges[0];
    if (!denied) throw new Error('the shop has calls');
    openConsole(`/topology?view=table&edge=${encodeURIComponent(edgeId(denied))}`);
    const table = await screen.findByRole('table', { name: 'Denied by' });
    const [, first, second] = within(table).getAllByRole('row');
    expect(first).toHaveTextContent('payments-callers, rule 2');
    expect(first).toHaveTextContent('1,204');
    expect(within(table).getByRole('link', { name: 'payments-callers, rule 2' })).toHaveAttribute(
      'href',
      '/documents/authorizationpolicies/shop/payments-callers?field=%2Fspec%2Frules%2F1',
    );
    expect(second).toHaveTextContent('No ALLOW policy admits it');
    expect(second).toHaveTextContent('Trial run, was let through');
    expect(await within(table).findByRole('link', { name: 'Draft a rule that allows it' })).toHaveAttribute(
      'href',
      '/documents/new?kind=authorizationpolicies&service=shop%2Fpayments&principal=cluster.local%2Fns%2Fbatch%2Fsa%2Fbatch-reports',
    );
    expect(within(table).getByRole('link', { name: 'Change the rule' })).toHaveAttribute(
      'href',
      '/documents/authorizationpolicies/shop/payments-callers/edit',
    );
    expect(within(table).getAllByRole('link', { name: 'Why?' })).toHaveLength(2);
    expect(await violations()).toEqual([]);
  });
});
