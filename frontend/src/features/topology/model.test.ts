import { describe, expect, it } from 'vitest';
import type { Topology } from '@/api/types';
import { edges, mesh, topology } from '@/test/fixtures';
import { along, bends, controls } from './curve';
import { parseFind } from './find';
import { layOut } from './layout';
import { edgeId, edgeSentence, edgeWidth, layoutInput, placeNew, toGraph, within } from './model';
import { missingStage } from './stage';

const graph = toGraph(topology, 'traffic');
const edge = (id: string) => graph.edges.find((each) => each.id === id);
const node = (id: string) => graph.nodes.find((each) => each.id === id);

describe('the graph', () => {
  it('shows the one fact that matters on each node', () => {
    expect(node('shop/web')?.fact).toBe('41.2/s');
    expect(node('shop/shipping')?.fact).toBe('6.4 % err');
    expect(node('shop/payments')?.fact).toBe('v1 90 % · v2 10 %');
    expect(node('batch/batch-reports')?.fact).toBe('denied at payments');
  });

  it('does not draw a version a second time', () => {
    expect(node('shop/payments-v1')).toBeUndefined();
    expect(node('shop/payments')?.shares).toEqual([0.9, 0.1]);
  });

  it('labels an edge with what is abnormal, else with its rate', () => {
    expect(edge('shop/web~shop/catalog')?.label).toBe('61.8/s');
    expect(edge('shop/checkout~shop/shipping')?.label).toBe('6.4 % err');
    expect(edge('batch/batch-reports~shop/payments')?.label).toBe('denied 2.4/s');
  });

  it('marks plain edges always, encrypted ones only when security is asked for', () => {
    expect(edge('outside/clients~shop/web')?.lock).toBe('open');
    expect(edge('shop/web~shop/cart')?.lock).toBeNull();
    expect(toGraph(topology, 'security').edges.find(({ id }) => id === 'shop/web~shop/cart')?.lock).toBe('closed');
  });

  it('draws no edge to a service that is not in the picture', () => {
    const cut: Topology = { ...topology, nodes: topology.nodes.filter(({ id }) => id !== 'shop/cart') };
    expect(toGraph(cut, 'traffic').edges.some(({ target }) => target === 'shop/cart')).toBe(false);
  });

  it('grows edges with the rate, to 6 px', () => {
    expect(edgeWidth(0)).toBeCloseTo(1.1);
    expect(edgeWidth(1e9)).toBe(6);
  });
});

describe('positions', () => {
  it('do not depend on numbers or on the order of the answer', () => {
    const busier: Topology = {
      ...topology,
      nodes: [...topology.nodes].reverse().map((each) => ({ ...each, rps: each.rps * 1.1 })),
      edges: [...topology.edges].reverse().map((each) => ({ ...each, rps: each.rps * 1.1 })),
    };
    expect(layOut(layoutInput(toGraph(busier, 'traffic')))).toEqual(layOut(layoutInput(graph)));
  });

  it('go from callers at the left to called at the right', () => {
    const { positions } = layOut(layoutInput(graph));
    const x = (id: string) => positions[id]?.x ?? Number.NaN;
    expect(x('shop/web')).toBeLessThan(x('shop/checkout'));
    expect(x('shop/checkout')).toBeLessThan(x('shop/payments'));
  });

  it('stay when a service is new; the new one stands right of its caller, on free ground', () => {
    const { positions } = layOut(layoutInput(graph));
    const input = layoutInput(graph);
    const more = {
      nodes: [...input.nodes, { id: 'shop/new', group: 'shop', width: 96, height: 46 }],
      edges: [...input.edges, ['shop/web', 'shop/new'] as [string, string]],
    };
    const placed = placeNew(positions, more);
    for (const { id } of input.nodes) expect(placed[id]).toEqual(positions[id]);
    expect(placed['shop/new']?.x).toBe((positions['shop/web']?.x ?? 0) + 220);
    const clash = input.nodes.filter(
      ({ id }) =>
        Math.abs((placed[id]?.x ?? 0) - (placed['shop/new']?.x ?? 0)) < 150 &&
        Math.abs((placed[id]?.y ?? 0) - (placed['shop/new']?.y ?? 0)) < 70,
    );
    expect(clash).toEqual([]);
  });
});

describe('curves', () => {
  const [from, to] = [
    { x: 0, y: 0 },
    { x: 100, y: 60 },
  ];
  it('begin and end where the edge does, and pass its middle half-way', () => {
    const points = controls(from, to);
    expect(along(from, to, points, 0)).toEqual(from);
    expect(along(from, to, points, 1)).toEqual(to);
    expect(along(from, to, points, 0.5)).toEqual({ x: 50, y: 30 });
  });
  it('give Cytoscape shares and distances of their control points', () => {
    const square = { x: 100, y: 100 };
    const found = bends(from, square, controls(from, square));
    expect(found?.weights).toBe('0.2500 0.7500');
    expect(found?.distances.split(' ').map(Number)).toEqual([-35.36, 35.36]);
  });
  it('are straight to the left and on one line', () => {
    expect(controls(to, from)).toEqual([]);
    expect(controls(from, { x: 100, y: 0 })).toEqual([]);
  });
});

describe('find', () => {
  const found = (text: string) => edges.filter(parseFind(text)).map(edgeId);
  it.each([
    ['errors > 1', ['shop/checkout~shop/shipping']],
    ['errors > 1 or denied', ['shop/checkout~shop/shipping', 'batch/batch-reports~shop/payments']],
    ['p95 >= 480 ms', ['shop/web~shop/cart', 'shop/checkout~shop/shipping']],
    ['not encrypted', ['outside/clients~shop/web']],
    ['catalog', ['shop/web~shop/catalog']],
  ])('%s', (text, ids) => expect(found(text)).toEqual(ids));
  it('finds everything when nothing is asked', () => expect(found('')).toHaveLength(edges.length));
});

describe('the focus', () => {
  it('keeps a service, its callers and whom it calls', () => {
    expect(
      within(topology, 'shop/payments', 1)
        .nodes.map(({ id }) => id)
        .sort(),
    ).toEqual(['batch/batch-reports', 'shop/checkout', 'shop/payments']);
  });
  it('on something unknown shows the whole mesh', () => expect(within(topology, 'shop/gone', 1)).toBe(topology));
});

describe('the missing stage', () => {
  const silent: Topology = { ...topology, edges: [] };
  const empty = { ...mesh, proxies: { total: 0, connected: 0, synced: 0, rejected: 0 } };
  it('is none while calls are seen', () => expect(missingStage(topology, mesh)).toBeNull());
  it('is the first proxy', () =>
    expect(missingStage({ ...silent, connected: 0, reporting: 0 }, empty)).toBe('no-proxy'));
  it('is a connection', () =>
    expect(missingStage({ ...silent, connected: 0, reporting: 0 }, mesh)).toBe('not-connected'));
  it('is a report', () => expect(missingStage({ ...silent, reporting: 0 }, mesh)).toBe('not-reporting'));
  it('is a call', () => expect(missingStage(silent, mesh)).toBe('no-calls'));
  it('is none when all calls are denied', () => {
    const denied = edges.filter(({ health }) => health === 'deny').map((each) => ({ ...each, requests: 0 }));
    expect(missingStage({ ...silent, edges: denied }, mesh)).toBeNull();
  });
});

describe('the sentence about an edge', () => {
  const say = (id: string) => edgeSentence(edges.find((each) => edgeId(each) === id) ?? expect.fail(`no edge ${id}`));
  it('counts failures', () =>
    expect(say('shop/checkout~shop/shipping')).toBe('1 call in 16 of checkout to shipping fails.'));
  it('does not call a denial an error', () =>
    expect(say('batch/batch-reports~shop/payments')).toMatch(/payments denies 2.4\/s .* nothing is broken/));
});
