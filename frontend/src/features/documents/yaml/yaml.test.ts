import { CompletionContext } from '@codemirror/autocomplete';
import { EditorState } from '@codemirror/state';
import { describe, expect, it } from 'vitest';
import { kindOf, kindWithPlural, KINDS } from '@/api/kinds';
import { pluralOf } from '@/api/places';
import type { AnyDocument } from '@/api/types';
import { complete } from './completion';
import { contextAt } from './context';
import { merge } from './merge';
import { lineOf, locate } from './pointer';
import { explain } from './schema';
import { authored, editable, readText, toYaml } from './text';

const ROUTE = `# moved here in May
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: payments
  namespace: shop
spec:
  parentRefs:
  - group: ""
    kind: Service
    name: payments
  rules:
  - matches: [{path: {type: Exact, value: /pay}}]
    backendRefs:
    - name: payments-v1 # the old one
      port: 8080
      weight: ninety
    - {name: payments-v2, port: 8080}
    mirrors: []
`;

const at = (text: string, pointer: string, document = 0) =>
  locate(readText(text), [{ document, pointer, code: 'x', detail: 'is wrong' }])[0];
const word = (text: string, pointer: string, document = 0) => {
  const found = at(text, pointer, document);
  return [found?.line, text.slice(found?.from, found?.to)];
};

describe('from a JSON pointer to a line', () => {
  it('finds values, fields, items of lists and flow style', () => {
    expect(word(ROUTE, '/metadata/name')).toEqual([5, 'payments']);
    expect(word(ROUTE, '/spec/rules/0/backendRefs/0/weight')).toEqual([17, 'ninety']);
    expect(word(ROUTE, '/spec/rules/0/mirrors')).toEqual([19, 'mirrors']);
    expect(word(ROUTE, '/spec/rules/0/backendRefs/1/port')).toEqual([18, '8080']);
    expect(word(ROUTE, '/spec/rules/0/matches/0/path/type')).toEqual([13, 'Exact']);
    expect(at(ROUTE, '/spec/rules/0/backendRefs/1')?.line).toBe(18);
  });

  it('shows what is missing at the field that it belongs to', () => {
    expect(word(ROUTE, '/spec/parentRefs/0/port')).toEqual([9, '']);
    expect(word(ROUTE, '/metadata/labels')).toEqual([4, 'metadata']);
    expect(word(ROUTE, '/spec/rules/4/name')).toEqual([12, 'rules']);
    expect(at(ROUTE, '')?.line).toBe(2);
    expect(lineOf(readText(ROUTE), '/spec/hostnames')).toBeNull();
  });

  it('follows aliases, escapes, quotes and several documents', () => {
    const text = `a: &port\n  number: x\nb: *port\n"c/d":\n  e~f: 1\n---\n---\nkind: Other\n`;
    expect(word(text, '/b/number')).toEqual([2, 'x']);
    expect(word(text, '/c~1d/e~0f')).toEqual([5, '1']);
    expect(word(text, '/kind', 1)).toEqual([8, 'Other']);
    expect(at(text, '/kind', 7)).toMatchObject({ line: 1 });
  });

  it('says what is no YAML, and where', () => {
    const { findings } = readText('kind: A\nspec:\n  a: 1\n   b: 2\nkind: B\n');
    expect(findings.map(({ line }) => line)).toEqual([3]);
    expect(readText('a: 1\na: 2\n').findings[0]).toMatchObject({ line: 2, detail: 'This field is given twice.' });
    expect(readText('- a\n').findings[0]?.detail).toContain('apiVersion and kind');
    expect(readText('\n# nothing\n').findings[0]?.detail).toBe('There is no document.');
  });

  it('reads words as the server does, and writes them so that they stay words', () => {
    expect(readText('a: yes\nb: 2020-01-01\nc: 1m\n').values).toEqual([{ a: true, b: '2020-01-01', c: '1m' }]);
    const words = { a: 'yes', b: ['on', '0777', '1:30'], c: 'null', d: { e: '' } };
    expect(readText(toYaml(words)).values).toEqual([words]);
  });
});

/** What is offered where the text has "|". */
function offered(marked: string): string[] {
  const position = marked.indexOf('|');
  const state = EditorState.create({ doc: marked.replace('|', '') });
  return (complete(new CompletionContext(state, position, true))?.options ?? []).map(({ label }) => label);
}

describe('a stored document as text', () => {
  it('has its fields in the order of its kind, and nothing that the server adds', () => {
    const status = { conditions: [] };
    const metadata = { uid: 'u', name: 'web', labels: {}, annotations: {}, namespace: 'shop', resourceVersion: '7' };
    const spec = { ports: [{ port: 80, name: 'http' }], selector: { b: '1', a: '2' } };
    const document = { status, spec, metadata, kind: 'Service', apiVersion: 'v1' } as unknown as AnyDocument;
    expect(toYaml(authored(document))).toBe(
      'apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  selector:\n    b: "1"\n    a: "2"\n' +
        '  ports:\n  - name: http\n    port: 80\n',
    );
  });

  it('asks for sealed values again', () => {
    const data = { 'tls.crt': '(sealed)', 'tls.key': '(sealed)' };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' }, data } as unknown as AnyDocument;
    expect(editable(secret)).toContain('  tls.key: "" # sealed: write it again\n');
  });
});

describe('merging what two people changed', () => {
  const base = { spec: { a: 1, b: [{ x: 1 }, { x: 2 }], c: 'k' } };
  const text = '# why\nspec:\n  a: 2 # more\n  b:\n  - x: 1\n  - x: 2\n  c: k\n';

  it('puts theirs into the text where they do not overlap, and keeps comments', () => {
    const theirs = { spec: { a: 1, b: [{ x: 1 }, { x: 3 }], d: { e: [1] } } };
    expect(merge(base, theirs, text)).toEqual({
      text: '# why\nspec:\n  a: 2 # more\n  b:\n  - x: 1\n  - x: 3\n  d:\n    e:\n    - 1\n',
      both: [],
    });
  });

  it('keeps mine where both changed the same field, and says so', () => {
    expect(merge(base, { spec: { ...base.spec, a: 5 } }, text)).toEqual({ text, both: ['spec.a'] });
    expect(merge(base, { spec: { ...base.spec, a: 2 } }, text)?.both).toEqual([]);
    expect(merge(base, base, 'spec: [')).toBeNull();
  });
});

const HEAD = 'apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n';

describe('completion', () => {
  it('offers the fields of the place, without those that are there', () => {
    expect(offered(`${HEAD}|`)).toEqual(['metadata', 'spec']);
    expect(offered(`${HEAD}metadata:\n  name: a\n  |`)).toEqual(['annotations', 'labels', 'namespace']);
    expect(offered(`${HEAD}spec:\n  rules:\n  - |`)).toContain('backendRefs');
    expect(offered(`${HEAD}spec:\n  rules:\n    - name: a\n      |\n      timeouts: {}\n`)).toContain('retry');
    expect(offered(`${HEAD}spec:\n  rules:\n    - name: a\n      |\n      timeouts: {}\n`)).not.toContain('timeouts');
    expect(offered(`${HEAD}spec:\n  rules:\n  - name: a\n    backendRefs:\n    - name: b\n      w|`)).toContain(
      'weight',
    );
    expect(offered(`${HEAD}spec:\n  rules:\n  - backendRefs:\n    - name: b\n  |`)).toEqual([
      'parentRefs',
      'hostnames',
    ]);
  });

  it('offers values where there are only some', () => {
    expect(offered(`${HEAD}spec:\n  rules:\n  - matches:\n    - path:\n        type: |`)).toEqual([
      'Exact',
      'PathPrefix',
      'RegularExpression',
    ]);
    expect(offered('kind: |')).toContain('DestinationRule');
    expect(offered('kind: Gateway\napiVersion: |')).toEqual(
      expect.arrayContaining(['gateway.networking.k8s.io/v1', 'networking.istio.io/v1']),
    );
    expect(offered('apiVersion: meshweb.io/v1\nkind: MeshConfig\nspec:\n  defaultMtlsMode: |')).toContain('STRICT');
  });

  it('knows two kinds of Gateway apart, and the second document of a text', () => {
    expect(offered('apiVersion: networking.istio.io/v1\nkind: Gateway\nspec:\n  |')).toContain('servers');
    expect(
      offered(`${HEAD}spec: {}\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nspec:\n  |`),
    ).toContain('listeners');
  });

  it('offers nothing in comments, and nothing for free text', () => {
    expect(offered(`${HEAD}# |`)).toEqual([]);
    expect(offered(`${HEAD}metadata:\n  name: |`)).toEqual([]);
  });

  it('explains the field at the cursor', () => {
    const text = `${HEAD}spec:\n  rules:\n  - backendRefs:\n    - name: b\n      weight: 1`;
    expect(explain(contextAt(text, text.length))).toMatchObject({
      path: 'spec.rules[].backendRefs[].weight',
      shape: 'number',
      fallback: '1',
    });
  });
});

describe('kinds', () => {
  it('are all that the server takes, each with its address', () => {
    expect(KINDS.length).toBeGreaterThanOrEqual(19);
    for (const kind of KINDS) expect(pluralOf(kind.key)).toBe(kind.plural);
    expect(kindOf('networking.istio.io/v1beta1', 'Gateway')?.key).toBe('IstioGateway');
    expect(kindWithPlural('gateways')?.key).toBe('Gateway');
    expect(KINDS.filter((kind) => kind.writeOnly).map((kind) => kind.key)).toEqual(['Secret']);
    expect(KINDS.filter((kind) => !kind.namespaced).map((kind) => kind.key)).toEqual(['MeshConfig', 'Namespace']);
  });
});
