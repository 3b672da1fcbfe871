import { http, HttpResponse, ws, type DefaultBodyType } from 'msw';
import { setupServer } from 'msw/node';
import { KINDS } from '@/api/kinds';
import * as shop from './fixtures';

/** A control plane that answers from the fixtures. Tests put their own handlers before these. */

export const api = (path: string) => `http://mesh.test/api/v1${path}`;

export function page<T>(items: T[]) {
  return { items, next: null, revision: shop.mesh.revision };
}

export function problem(status: number, more: object = {}) {
  const body = {
    type: 'about:blank',
    title: 'Refused',
    status,
    detail: 'It was refused.',
    code: 'refused',
    requestId: '9f31c2',
    ...more,
  };
  return HttpResponse.json(body as DefaultBodyType, {
    status,
    headers: { 'Content-Type': 'application/problem+json' },
  });
}

function find<T extends { metadata: { namespace?: string | null; name: string } }>(
  items: T[],
  params: Record<string, unknown>,
) {
  const found = items.find(({ metadata }) => metadata.namespace === params.namespace && metadata.name === params.name);
  return found ? HttpResponse.json(found as DefaultBodyType) : problem(404, { title: 'Not found' });
}

/** The socket of hints: `hints.broadcast(...)` says that something changed. */
export const hints = ws.link('ws://mesh.test/ws/v1');

export const server = setupServer(
  hints.addEventListener('connection', () => undefined),
  http.get(api('/session'), () => HttpResponse.json(shop.session)),
  http.get(api('/mesh'), () => HttpResponse.json(shop.mesh)),
  http.get(api('/topology'), () => HttpResponse.json(shop.topology)),
  http.get(api('/denials'), () => HttpResponse.json(shop.denials)),
  http.get(api('/access-matrix'), ({ request }) => {
    const asked = new URL(request.url).searchParams;
    const fits = (name: string, key: string) => (asked.get(key) ?? name) === name;
    return HttpResponse.json({
      ...shop.accessMatrix,
      callers: shop.accessMatrix.callers.filter(({ name }) => fits(name, 'caller')),
      services: shop.accessMatrix.services.filter(({ name }) => fits(name, 'service')),
      cells: shop.accessMatrix.cells.filter((cell) => fits(cell.caller, 'caller') && fits(cell.service, 'service')),
    });
  }),
  http.get(api('/access-suggestions'), () => HttpResponse.json(shop.suggestions)),
  http.post(api('/explain'), () => HttpResponse.json(shop.explanation)),
  http.get(api('/authorizationpolicies'), () => HttpResponse.json(page(shop.policies))),
  http.get(api('/authorizationpolicies/:namespace/:name'), ({ params }) => find(shop.policies, params)),
  http.get(api('/topology/series'), () => HttpResponse.json(shop.series)),
  http.get(api('/proxies'), () => HttpResponse.json(page(shop.proxies))),
  http.get(api('/proxies/:namespace/:name'), ({ params }) => {
    const found = [...shop.proxies, shop.joiningProxy].find(({ id }) => id === `${params.namespace}/${params.name}`);
    return found ? HttpResponse.json(found) : problem(404);
  }),
  http.get(api('/proxies/:namespace/:name/effective'), () => HttpResponse.json(shop.effective)),
  http.get(api('/proxies/:namespace/:name/endpoints'), ({ params }) =>
    HttpResponse.json(shop.endpointsOf(`${params.namespace}/${params.name}`)),
  ),
  http.get(api('/workloads'), ({ request }) =>
    HttpResponse.json(page(shop.workloadsOf(new URL(request.url).searchParams.get('service') ?? ''))),
  ),
  http.get(api('/namespaces'), () => HttpResponse.json(page(shop.namespaces))),
  http.get(api('/services'), () => HttpResponse.json(page(shop.services))),
  http.get(api('/services/:namespace/:name'), ({ params }) => find(shop.services, params)),
  http.get(api('/httproutes'), () => HttpResponse.json(page([shop.paymentsRoute]))),
  http.get(api('/httproutes/:namespace/:name'), ({ params }) => find([shop.paymentsRoute], params)),
  http.get(api('/workloadgroups'), () => HttpResponse.json(page(shop.workloadGroups))),
  http.get(api('/revisions'), () => HttpResponse.json(page(shop.revisions))),
  http.get(api('/revisions/:number'), ({ params }) => HttpResponse.json(shop.revisionDetail(Number(params.number)))),
  http.get(api('/revisions/:number/diff'), ({ params }) =>
    HttpResponse.json(shop.diffs[Number(params.number)] ?? { items: [] }),
  ),
  ...KINDS.map((kind) => http.get(api(`/${kind.plural}`), () => HttpResponse.json(page([])))),
  http.get(api('/join-tokens/:id'), () => HttpResponse.json(shop.joinToken)),
);
