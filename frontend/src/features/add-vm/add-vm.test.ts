import { describe, expect, it } from 'vitest';
import { ENVOYS_WORDS, joiningProxy, joinToken } from '@/test/fixtures';
import { documentsOf, groupOf, parseLabels, vmForm, type NewGroup } from './form';
import { doneCount, ticksOf } from './ticks';

const form: NewGroup = {
  mode: 'new',
  namespace: 'shop',
  name: 'recommendations',
  serviceAccount: 'recommendations',
  port: 9100,
  labels: 'app=recommendations, version: v1',
  probe: true,
  probePath: '/healthz',
  service: true,
  serviceName: 'recommendations',
  ttl: '1h',
  uses: 1,
};

describe('what the wizard writes', () => {
  it('is a group and its service, which selects the group’s labels', () => {
    const labels = { app: 'recommendations', version: 'v1' };
    expect(documentsOf(form, ['shop'])).toEqual([
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'WorkloadGroup',
        metadata: { name: 'recommendations', namespace: 'shop' },
        spec: {
          metadata: { labels },
          template: { serviceAccount: 'recommendations', ports: { http: 9100 } },
          probe: { httpGet: { path: '/healthz', port: 9100 } },
        },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'recommendations', namespace: 'shop' },
        spec: { selector: labels, ports: [{ name: 'http', port: 9100, appProtocol: 'http' }] },
      },
    ]);
  });

  it('makes the namespace first when there is none', () => {
    expect(documentsOf(form, ['batch']).map(({ kind }) => kind)).toEqual(['Namespace', 'WorkloadGroup', 'Service']);
  });

  it('has no probe and no service when they are not wanted', () => {
    const [group, ...rest] = documentsOf({ ...form, probe: false, service: false }, ['shop']);
    expect(group?.spec).not.toHaveProperty('probe');
    expect(rest).toEqual([]);
  });

  it('asks the token for the right group', () => {
    expect(groupOf(form)).toEqual({ namespace: 'shop', workloadGroup: 'recommendations' });
    expect(groupOf({ mode: 'existing', group: 'shop/cart', ttl: '1h', uses: 1 })).toEqual({
      namespace: 'shop',
      workloadGroup: 'cart',
    });
  });
});

describe('what the wizard refuses', () => {
  const paths = (change: object) =>
    vmForm.safeParse({ ...form, ...change }).error?.issues.map(({ path }) => path.join('.')) ?? [];
  it('nothing of a good form', () => expect(paths({})).toEqual([]));
  it.each([
    [{ name: 'Cart_1' }, 'name'],
    [{ port: 70_000 }, 'port'],
    [{ labels: 'app' }, 'labels'],
    [{ labels: '' }, 'labels'],
    [{ probePath: 'healthz' }, 'probePath'],
    [{ serviceName: '' }, 'serviceName'],
    [{ uses: 0 }, 'uses'],
  ])('%o', (change, path) => expect(paths(change)).toEqual([path]));
  it('a path of a probe that is not wanted does not matter', () =>
    expect(paths({ probe: false, probePath: '' })).toEqual([]));
});

it('reads labels with = and :', () => {
  expect(parseLabels('a=b, c/d: e')).toEqual({ a: 'b', 'c/d': 'e' });
  expect(parseLabels('a b')).toBeNull();
});

describe('the ticks', () => {
  const [redemption] = joinToken.redemptions;
  const open = { ...joinToken, state: 'active' as const, usesLeft: 1, redemptions: [] };
  const tones = (...args: Parameters<typeof ticksOf>) =>
    ticksOf(...args)
      .map(({ tone }) => tone)
      .join(' ');

  it('wait for the token, and nothing else is under way', () =>
    expect(tones(open, undefined, undefined)).toBe('go idle idle idle idle idle'));

  it('show what was observed, and what must happen next', () => {
    const ticks = ticksOf(joinToken, redemption, joiningProxy);
    expect(tones(joinToken, redemption, joiningProxy)).toBe('ok ok ok ok go idle');
    expect(doneCount(ticks)).toBe(4);
    expect(ticks[0]?.at).toBe(redemption?.at);
    expect(ticks[4]?.detail).toMatch(/must answer its check/);
  });

  it('turn red in place with the last refusal', () => {
    const refusals = [
      { at: '2026-11-24T14:36:10Z', reason: 'the token was already used' },
      { at: '2026-11-24T14:36:01Z', reason: 'an older one' },
    ];
    expect(ticksOf({ ...open, refusals }, undefined, undefined)[0]).toMatchObject({
      tone: 'bad',
      detail: expect.stringContaining('already used'),
    });
  });

  it('say that a token ended unused', () =>
    expect(ticksOf({ ...open, state: 'expired' }, undefined, undefined)[0]).toMatchObject({ tone: 'bad' }));

  it('quote Envoy when it refuses', () => {
    const types = joiningProxy.types.map((type) =>
      type.type === 'Listeners' ? { ...type, state: 'rejected' as const, detail: ENVOYS_WORDS } : type,
    );
    const stuck = redemption && { ...redemption, liveRevision: null };
    const accepted = ticksOf(joinToken, stuck, { ...joiningProxy, types })[3];
    expect(accepted).toMatchObject({ tone: 'bad', detail: expect.stringContaining(ENVOYS_WORDS) });
  });

  it('give the error of the join to the stage that is open', () => {
    const failed = redemption && {
      ...redemption,
      certificateIssuedAt: null,
      connectedAt: null,
      liveRevision: null,
      error: 'the CSR was not signed',
    };
    expect(tones(joinToken, failed, undefined)).toBe('ok bad idle idle idle idle');
  });

  it('do not take back a stage that was seen when an earlier one is open', () => {
    const served = redemption && { ...redemption, firstRequestAt: '2026-11-24T14:36:20Z' };
    expect(tones(joinToken, served, joiningProxy)).toBe('ok ok ok ok go ok');
  });
});
