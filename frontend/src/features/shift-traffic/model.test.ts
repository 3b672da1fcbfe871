import { describe, expect, it } from 'vitest';
import type { HttpRouteDocument } from '@/api/types';
import { paymentsRoute, services } from '@/test/fixtures';
import {
  asCommand,
  draftOf,
  objection,
  placesOf,
  readWeights,
  sentence,
  toPercents,
  weightsNow,
  writeWeights,
} from './model';

const service = services.find(({ metadata }) => metadata.name === 'payments') ?? expect.fail('no payments');
const [place = null] = placesOf('shop/payments', [paymentsRoute]);
const now = weightsNow(place, service);
const moved = now.map((weight, index) => ({ ...weight, percent: index === 0 ? 75 : 25 }));

describe('percentages', () => {
  it.each([
    [
      [1, 1, 1],
      [34, 33, 33],
    ],
    [
      [9, 1],
      [90, 10],
    ],
    [
      [0, 0],
      [0, 0],
    ],
    [
      [1, 999],
      [0, 100],
    ],
  ])('of %o are %o', (weights, percents) => expect(toPercents(weights)).toEqual(percents));
});

describe('the sum rule', () => {
  const withShares = (...percents: number[]) =>
    now.map((weight, index) => ({ ...weight, percent: percents[index] ?? 0 }));
  it('lets a full hundred through', () => expect(objection(withShares(75, 25))).toBeNull());
  it('says how much is missing', () =>
    expect(objection(withShares(75, 20))).toBe('The shares add up to 95 %, 5 % are missing'));
  it('says how much is too much', () =>
    expect(objection(withShares(90, 20))).toBe('The shares add up to 110 %, 10 % too much'));
  it('does not review what is already so', () => expect(objection(withShares(90, 10))).toMatch(/Nothing is different/));
  it('needs two backends', () => expect(objection(weightsNow(null, service))).toMatch(/Add a backend/));
  it('takes no halves', () => expect(objection(withShares(74.5, 25.5))).toMatch(/whole number/));
});

describe('the draft in the address', () => {
  it('comes back as it was written', () => {
    const added = [...moved, { name: 'payments-v3', port: 8080, percent: 0, now: null }];
    expect(readWeights(writeWeights(added), now)).toEqual(added);
  });
  it('is what is so now when nothing or nonsense was written', () => {
    expect(readWeights(undefined, now)).toEqual(now);
    expect(readWeights('payments-v1:8080=lots,=;', now)).toEqual(now);
  });
});

describe('the document', () => {
  it('changes the weights of one rule and nothing else, and carries the version it was read at', () => {
    const draft = draftOf(place, service, moved);
    expect(draft.metadata).toEqual({
      name: 'payments',
      namespace: 'shop',
      labels: { team: 'payments' },
      resourceVersion: '4711',
    });
    expect(draft.spec).toEqual({
      ...paymentsRoute.spec,
      rules: [
        {
          backendRefs: [
            { name: 'payments-v1', port: 8080, weight: 75 },
            { name: 'payments-v2', port: 8080, weight: 25 },
          ],
          timeouts: { request: '3s' },
        },
      ],
    });
  });

  it('is a new route named after the service when it has none', () => {
    const weights = [...weightsNow(null, service), { name: 'payments-v2', port: 8080, percent: 10, now: null }].map(
      (weight, index) => ({ ...weight, percent: index === 0 ? 90 : 10 }),
    );
    expect(draftOf(null, service, weights)).toEqual({
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'HTTPRoute',
      metadata: { name: 'payments', namespace: 'shop' },
      spec: {
        parentRefs: [{ group: '', kind: 'Service', name: 'payments', port: 8080 }],
        rules: [
          {
            backendRefs: [
              { name: 'payments', port: 8080, weight: 90 },
              { name: 'payments-v2', port: 8080, weight: 10 },
            ],
          },
        ],
      },
    });
  });

  it('edits the rule that splits, not one before it', () => {
    const first = {
      matches: [{ path: { type: 'Exact', value: '/healthz' } }],
      backendRefs: [{ name: 'payments-v1', port: 8080 }],
    };
    const route: HttpRouteDocument = {
      ...paymentsRoute,
      spec: { ...paymentsRoute.spec, rules: [first, ...(paymentsRoute.spec.rules ?? [])] },
    };
    const [chosen = null] = placesOf('shop/payments', [route]);
    expect(chosen?.rule).toBe(1);
    expect(draftOf(chosen, service, moved).spec.rules?.[0]).toEqual(first);
  });
});

it('says the change aloud', () => expect(sentence(moved)).toBe('payments-v2 goes from 10 % to 25 % of calls'));

it('quotes the reason for a shell', () =>
  expect(asCommand('kind: X\n', "it's time")).toBe(
    `meshctl apply --reason 'it'\\''s time' -f - <<'EOF'\nkind: X\nEOF\n`,
  ));
