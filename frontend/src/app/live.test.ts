import { describe, expect, it } from 'vitest';
import { keysOf, waitBefore } from '@/api/live';
import { liveState } from './live';

const signs = { now: 100_000, online: true, goodAt: 99_000, failingSince: null, socket: 'open' as const };

describe('what may be said about how fresh the page is', () => {
  it('is live while hints and answers come', () => expect(liveState(signs).kind).toBe('live'));
  it('is only read now and then while hints do not come', () =>
    expect(liveState({ ...signs, socket: 'closed' }).kind).toBe('polling'));
  it('is frozen when the reader froze it', () =>
    expect(liveState({ ...signs, frozenAt: '2026-11-24T14:34:51Z' }).kind).toBe('frozen'));
  it('does not speak of a hiccup of a second', () =>
    expect(liveState({ ...signs, failingSince: 99_000 }).kind).toBe('live'));
  it('says since when the picture is old', () => {
    expect(liveState({ ...signs, failingSince: 90_000 })).toEqual({
      kind: 'reconnecting',
      since: 90_000,
      asOf: 99_000,
    });
  });
  it('tells a browser without network from a control plane that is away', () => {
    expect(liveState({ ...signs, online: false, failingSince: 90_000 }).kind).toBe('offline');
  });
});

describe('hints', () => {
  it('name what to read again', () => expect(keysOf({ type: 'revision', id: '413' })).toContainEqual(['revisions']));
  it('that nobody knows do nothing', () => {
    expect(keysOf({ type: 'weather', id: '1' })).toEqual([]);
    expect(keysOf(null)).toEqual([]);
  });
});

it('waits longer with every try, up to 15 s, and never in step with others', () => {
  expect(waitBefore(0, () => 1)).toBe(500);
  expect(waitBefore(3, () => 1)).toBe(4000);
  expect(waitBefore(20, () => 1)).toBe(15_000);
  expect(waitBefore(20, () => 0.1)).toBe(1500);
});
