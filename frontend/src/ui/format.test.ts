import { describe, expect, it } from 'vitest';
import { ago, duration, figure, percent, rate, span, until } from './format';
import { splitUnit } from './parts';

describe('numbers', () => {
  it.each([
    [0, '0/s'],
    [0.02, '< 0.1/s'],
    [2.44, '2.4/s'],
    [38, '38/s'],
    [618.2, '618/s'],
    [1389, '1,389/s'],
  ])('writes the rate %d as %s', (value, text) => expect(rate(value)).toBe(text));

  it.each([
    [0, '0 %'],
    [0.00004, '< 0.01 %'],
    [0.0022, '0.22 %'],
    [0.064, '6.4 %'],
    [0.9996, '100 %'],
    [0.9, '90 %'],
  ])('writes the share %d as %s', (value, text) => expect(percent(value)).toBe(text));

  it.each([
    [null, '–'],
    [4.26, '4.3 ms'],
    [480, '480 ms'],
    [1980, '1.98 s'],
    [12_300, '12 s'],
  ])('writes %s ms as %s', (value, text) => expect(duration(value)).toBe(text));

  it('takes number and unit apart without losing either', () => {
    expect(splitUnit(rate(38.6))).toEqual({ value: '38.6', unit: '/s' });
    expect(splitUnit(duration(null))).toEqual({ value: '–', unit: undefined });
    expect(splitUnit(percent(0.00001))).toEqual({ value: '< 0.01', unit: '%' });
  });

  it('keeps whole numbers whole', () => expect(figure(20)).toBe('20'));
});

describe('times', () => {
  const now = Date.parse('2026-11-24T14:35:57Z');
  it.each([
    ['2026-11-24T14:35:56.500Z', 'now'],
    ['2026-11-24T14:35:20Z', '37 s ago'],
    ['2026-11-24T14:23:07Z', '12 min ago'],
    ['2026-11-22T15:00:00Z', '47 h ago'],
    ['2026-11-20T14:00:00Z', '4 days ago'],
  ])('says %s as %s', (at, text) => expect(ago(at, now)).toBe(text));

  it('says that a certificate has ended, not that it ends in a negative time', () => {
    expect(until('2026-11-24T19:48:00Z', now)).toBe('5 h');
    expect(until('2026-11-24T14:30:00Z', now)).toBe('ended 5 min ago');
  });

  it('never says a negative span', () => expect(span(-5000)).toBe('0 s'));
});
