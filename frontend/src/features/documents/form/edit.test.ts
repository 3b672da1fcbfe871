import { describe, expect, it } from 'vitest';
import { KINDS } from '@/api/kinds';
import { readText, toYaml } from '../yaml/text';
import { edited, type Op, type Path } from './edit';
import { FORMS, formOf } from './kinds';
import { sharesOf } from './shares';
import { styleOf } from './style';
import { valueAt, type Rows } from './table';
import { fallbackOf, fields, mostOf, objections, uncovered } from './walk';

const ORDER: Record<string, string[]> = {
  spec: ['hosts', 'http', 'exportTo'],
  'spec/http/0': ['name', 'match', 'route', 'timeout', 'retries', 'mirrors'],
  'spec/http/0/retries': ['attempts', 'perTryTimeout'],
};
const order = (path: Path) => ORDER[path.join('/')] ?? [];
const edit = (text: string, ...ops: Op[]) => edited(text, 0, ops, order);
const set = (path: Path, to: unknown): Op => ({ do: 'set', path, to });

const TEXT = `# who owns this: payments
apiVersion: networking.istio.io/v1
kind: VirtualService
spec:
    exportTo: ["."]     # odd order on purpose
    http:
      # the canary
      - timeout: 5s      # agreed with checkout
        mirrors:
          - destination: {host: shadow}
        route:
          - destination:
              host: pay   # the old one
            weight: 90
          # the new one
          - destination:
              host: "pay-b"
            weight: 10

      - route: [{destination: {host: pay}}]
    hosts: [pay]
`;

describe('editing a text through a form', () => {
  const cases: [string, Op[], [string, string][]][] = [
    ['a value', [set(['spec', 'http', 0, 'timeout'], '250ms')], [['timeout: 5s      #', 'timeout: 250ms      #']]],
    ['a number', [set(['spec', 'http', 0, 'route', 0, 'weight'], 75)], [['weight: 90', 'weight: 75']]],
    [
      'quotes that somebody chose',
      [set(['spec', 'http', 0, 'route', 1, 'destination', 'host'], 'x')],
      [['"pay-b"', '"x"']],
    ],
    ['words that need quotes', [set(['spec', 'http', 0, 'timeout'], '10')], [['timeout: 5s', 'timeout: "10"']]],
    [
      'a new field in its place',
      [set(['spec', 'http', 0, 'name'], 'canary')],
      [['- timeout: 5s     ', '- name: canary\n        timeout: 5s']],
    ],
    [
      'fields within fields',
      [set(['spec', 'http', 0, 'retries', 'attempts'], 2)],
      [['        mirrors', '        retries:\n          attempts: 2\n        mirrors']],
    ],
    [
      'a row at the end',
      [{ do: 'insert', path: ['spec', 'http', 0, 'route', 2], to: { destination: { host: 'pay-c' } } }],
      [['weight: 10\n', 'weight: 10\n          - destination:\n              host: pay-c\n']],
    ],
    [
      'a row away',
      [{ do: 'remove', path: ['spec', 'http', 0, 'route', 0] }],
      [['          - destination:\n              host: pay   # the old one\n            weight: 90\n', '']],
    ],
    [
      'a field away',
      [{ do: 'remove', path: ['spec', 'exportTo'] }],
      [['    exportTo: ["."]     # odd order on purpose\n', '']],
    ],
    [
      'the last row, and what is empty without it',
      [{ do: 'remove', path: ['spec', 'hosts', 0] }],
      [['    hosts: [pay]\n', '']],
    ],
    ['nothing', [{ do: 'remove', path: ['spec', 'tls', 0, 'match'] }], []],
  ];
  it.each(cases)('changes %s, and nothing else', (_, ops, swaps) => {
    expect(edit(TEXT, ...ops)).toBe(swaps.reduce((text, [from, to]) => text.replace(from, to), TEXT));
  });

  it('moves a row with its comment', () => {
    const moved = edit(TEXT, { do: 'move', path: ['spec', 'http', 0, 'route', 1], by: -1 });
    expect(valueAt(readText(moved).values[0], ['spec', 'http', 0, 'route'])).toMatchObject([
      { weight: 10 },
      { weight: 90 },
    ]);
    for (const comment of TEXT.match(/#.*$/gm) ?? []) expect(moved).toContain(comment);
  });

  it('renames a field and keeps its value', () => {
    const text = 'a:\n  prefix: /x # why\n';
    expect(edit(text, { do: 'rename', path: ['a', 'prefix'], to: 'exact' })).toBe('a:\n  exact: /x # why\n');
  });

  it('makes what is not there, also in an empty document', () => {
    expect(edit('kind: A\nspec: {}\n', set(['spec', 'hosts'], ['a']))).toBe('kind: A\nspec:\n  hosts:\n  - a\n');
    expect(edit('kind: A\nspec:\n', set(['spec', 'http', 0, 'name'], 'a'))).toBe(
      'kind: A\nspec:\n  http:\n  - name: a\n',
    );
  });

  it('writes text as text and numbers as numbers', () => {
    const read = (to: unknown) => readText(edit('spec:\n  a: 1\n', set(['spec', 'a'], to))).values[0];
    for (const to of ['yes', '1', '0x1f', '1:30', 'a: b', '# x', '', ' x', '- y', 'null', 'a\nb', 7, 0.5, true]) {
      expect(read(to)).toEqual({ spec: { a: to } });
    }
  });

  it('changes one document of several, and no reference', () => {
    const text = '# one\na: &x\n  b: 1\n---\n# two\nc: &y {d: 1}\ne: *y\n---\nf: 1 # three\n';
    expect(edited(text, 1, [set(['e', 'd'], 2)], order)).toBe(text.replace('e: *y', 'e: { d: 2 }'));
    expect(edited(text, 2, [set(['f'], 2)], order)).toBe(text.replace('f: 1', 'f: 2'));
  });

  it('leaves a text alone that cannot be read', () => {
    expect(edit('a: [', set(['a'], 1))).toBe('a: [');
  });

  it('sees how a text is indented', () => {
    expect(styleOf(TEXT)).toMatchObject({ indent: 4, indentSeq: true });
    expect(styleOf('a:\n- b:\n    c: 1\n')).toMatchObject({ indent: 2, indentSeq: false });
    expect(styleOf('')).toMatchObject({ indent: 2, indentSeq: false });
  });
});

describe('tables of forms', () => {
  const items = (key: string) =>
    FORMS.find(({ kind }) => kind === key)?.sections.flatMap((section) => section.items) ?? [];

  it.each(FORMS.map((form) => [form.kind, form] as const))('names fields that %s has, with labels', (key, form) => {
    const kind = KINDS.find((each) => each.key === key);
    expect(formOf(kind)).toBe(form);
    const example = kind?.example as { spec?: unknown } | undefined;
    const all = [...fields(items(key), example?.spec, ['spec'])];
    expect(all.length).toBeGreaterThan(2);
    for (const { leaf } of all) expect(leaf.label).not.toBe('');
  });

  it.each(FORMS.map(({ kind }) => kind))('write every field of %s, and leave nothing behind', (key) => {
    const example = KINDS.find((kind) => kind.key === key)?.example as { spec?: unknown } | undefined;
    let number = 0;
    const text = toYaml(example).replace(/$/gm, (end) => (end === undefined ? '' : `   # note ${number++}`));
    const value = readText(text).values[0];
    for (const { path, value: now, leaf } of fields(items(key), example?.spec, ['spec'])) {
      if (typeof now === 'object') continue;
      const there = edit(text, set(path, 'other'));
      expect(valueAt(readText(there).values[0], path), leaf.label).toBe('other');
      const back: Op = now === undefined ? { do: 'remove', path } : set(path, now);
      const after = edit(there, back);
      expect(readText(after).values[0], leaf.label).toEqual(value);
      expect(after.match(/# note \d+/g), leaf.label).toEqual(text.match(/# note \d+/g));
    }
  });

  it('knows how many rows a list can have', () => {
    const schema = (key: string) => KINDS.find((kind) => kind.key === key)?.schema ?? {};
    expect(mostOf(schema('TCPRoute'), ['spec', 'rules'])).toBe(1);
    expect(mostOf(schema('HTTPRoute'), ['spec', 'rules'])).toBe(16);
    expect(fallbackOf(schema('HTTPRoute'), ['spec', 'rules', 0, 'backendRefs', 0, 'weight'])).toBe('1');
  });

  it('says what it does not show', () => {
    const value = readText(TEXT).values[0];
    expect(uncovered(value, items('VirtualService'), ['spec']).map((path) => path.join('.'))).toEqual([
      'spec.exportTo',
      'spec.http.0.mirrors',
    ]);
  });

  it('tells what is no number and no duration before the server does', () => {
    const kind = KINDS.find(({ key }) => key === 'VirtualService');
    if (!kind) throw new Error('there is no such kind');
    const spec = {
      http: [
        { timeout: '5', retries: { attempts: 'x', perTryTimeout: '0.5s' } },
        {
          fault: { delay: { fixedDelay: '1s', percentage: { value: 120 } } },
          route: [{ destination: {}, weight: 1.5 }],
        },
      ],
    };
    const found = objections(items('VirtualService'), spec, ['spec'], kind.schema, 0);
    expect(found.map(({ pointer, detail }) => `${pointer} ${detail}`)).toEqual([
      '/spec/http/0/timeout must be a duration such as 10s, 250ms or 1h30m',
      '/spec/http/0/retries/attempts must be a whole number',
      '/spec/http/1/route/0/weight must be a whole number',
      '/spec/http/1/fault/delay/percentage/value must be from 0 to 100',
    ]);
  });

  it('shares calls by weight', () => {
    const how = (fallback: number): NonNullable<Rows['shares']> => ({ weight: 'weight', fallback, name: () => 'a' });
    const parts = (rows: unknown[], fallback = 1) => sharesOf(how(fallback), rows).parts.map(({ share }) => share);
    expect(parts([{ weight: 3 }, {}])).toEqual([0.75, 0.25]);
    expect(parts([{ weight: 1 }, {}], 0)).toEqual([1, 0]);
    expect(parts([{}], 0)).toEqual([1]);
    expect(parts([{ weight: 0 }, { weight: 0 }])).toEqual([0, 0]);
  });
});
