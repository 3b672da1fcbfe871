import { describe, expect, it } from 'vitest';
import { countChanged, fold, lineDiff } from './lineDiff';

const route = (v1: number, v2: number) =>
  `${Array.from({ length: 10 }, (_, index) => `head${index}:`).join('\n')}\n- name: v1\n  weight: ${v1}\n- name: v2\n  weight: ${v2}\n`;

describe('the difference of two documents', () => {
  it('shows what went before what came, with the numbers of their own texts', () => {
    const changed = lineDiff(route(90, 10), route(75, 25)).filter((line) => line.kind !== 'same');
    expect(changed.map(({ kind, number, text }) => `${kind} ${number} ${text.trim()}`)).toEqual([
      'del 12 weight: 90',
      'add 12 weight: 75',
      'del 14 weight: 10',
      'add 14 weight: 25',
    ]);
  });

  it('counts a replaced line once', () => expect(countChanged(lineDiff(route(90, 10), route(75, 25)))).toBe(2));

  it('shows a new document as added from its first line', () => {
    expect(lineDiff(null, 'kind: Service\n')).toEqual([{ kind: 'add', number: 1, text: 'kind: Service' }]);
  });

  it('folds the unchanged head and keeps three lines round a change', () => {
    const blocks = fold(lineDiff(route(90, 10), route(75, 25)));
    expect(blocks[0]).toMatchObject({ folded: true });
    expect(blocks[0]?.lines).toHaveLength(8);
    expect(blocks[1]?.lines[0]?.text).toBe('head8:');
  });
});
