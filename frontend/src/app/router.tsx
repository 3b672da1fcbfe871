import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
  retainSearchParams,
  type RouterHistory,
} from '@tanstack/react-router';
import { whenSignedOut } from '@/api/client';
import { queries } from '@/api/queries';
import { LoginPage } from '@/features/login/LoginPage';
import { ProblemNote } from '@/ui/problem';
import { Shell } from './Shell';
import * as search from './search';

interface Context {
  queryClient: QueryClient;
  loginToken: string | null;
}

const root = createRootRouteWithContext<Context>()({
  component: Outlet,
  errorComponent: ({ error, reset }) => (
    <main className="pad">
      <ProblemNote error={error} onRetry={reset} />
    </main>
  ),
  notFoundComponent: () => (
    <main className="empty">
      <h1>There is no page at this address</h1>
      <a className="btn" href="/">
        Open the console
      </a>
    </main>
  ),
});

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: search.loginSearch,
  component: function Login() {
    const { to } = login.useSearch();
    const { loginToken } = login.useRouteContext();
    return <LoginPage to={to} loginToken={loginToken} />;
  },
});

const frame = createRoute({
  getParentRoute: () => root,
  id: 'console',
  validateSearch: search.frameSearch,
  search: { middlewares: [retainSearchParams(['ns', 'window', 'at'])] },
  beforeLoad: async ({ context, location }) => {
    const session = await context.queryClient.ensureQueryData(queries.session());
    if (!session) throw redirect({ to: '/login', search: { to: location.href } });
  },
  component: Shell,
});

const home = createRoute({
  getParentRoute: () => frame,
  path: '/',
  component: lazyRouteComponent(() => import('@/features/home/HomePage'), 'HomePage'),
});

const topology = createRoute({
  getParentRoute: () => frame,
  path: '/topology',
  validateSearch: search.topologySearch,
  component: lazyRouteComponent(() => import('@/features/topology/TopologyPage'), 'TopologyPage'),
});

const services = createRoute({
  getParentRoute: () => frame,
  path: '/services',
  validateSearch: search.servicesSearch,
  component: lazyRouteComponent(() => import('@/features/services/ServicesPage'), 'ServicesPage'),
});

const service = createRoute({
  getParentRoute: () => frame,
  path: '/services/$namespace/$name',
  component: lazyRouteComponent(() => import('@/features/services/ServicePage'), 'ServicePage'),
});

const shift = createRoute({
  getParentRoute: () => frame,
  path: '/services/$namespace/$name/shift',
  validateSearch: search.shiftSearch,
  component: lazyRouteComponent(() => import('@/features/shift-traffic/ShiftPage'), 'ShiftPage'),
});

const proxies = createRoute({
  getParentRoute: () => frame,
  path: '/proxies',
  validateSearch: search.proxiesSearch,
  component: lazyRouteComponent(() => import('@/features/proxies/ProxiesPage'), 'ProxiesPage'),
});

const proxy = createRoute({
  getParentRoute: () => frame,
  path: '/proxies/$namespace/$name',
  component: lazyRouteComponent(() => import('@/features/proxies/ProxyPage'), 'ProxyPage'),
});

const addVm = createRoute({
  getParentRoute: () => frame,
  path: '/add-vm',
  validateSearch: search.addVmSearch,
  component: lazyRouteComponent(() => import('@/features/add-vm/AddVmPage'), 'AddVmPage'),
});

const changes = createRoute({
  getParentRoute: () => frame,
  path: '/changes',
  validateSearch: search.changesSearch,
  component: lazyRouteComponent(() => import('@/features/changes/ChangesPage'), 'ChangesPage'),
});

const rollback = createRoute({
  getParentRoute: () => frame,
  path: '/changes/$revision/rollback',
  validateSearch: search.rollbackSearch,
  component: lazyRouteComponent(() => import('@/features/changes/RollbackPage'), 'RollbackPage'),
});

const documents = createRoute({
  getParentRoute: () => frame,
  path: '/documents',
  validateSearch: search.documentsSearch,
  component: lazyRouteComponent(() => import('@/features/documents/DocumentsPage'), 'DocumentsPage'),
});

const newDocument = createRoute({
  getParentRoute: () => frame,
  path: '/documents/new',
  validateSearch: search.newDocumentSearch,
  component: lazyRouteComponent(() => import('@/features/documents/NewDocumentPage'), 'NewDocumentPage'),
});

const document = createRoute({
  getParentRoute: () => frame,
  path: '/documents/$plural/$namespace/$name',
  validateSearch: search.documentSearch,
  component: lazyRouteComponent(() => import('@/features/documents/DocumentPage'), 'DocumentPage'),
});

const editDocument = createRoute({
  getParentRoute: () => frame,
  path: '/documents/$plural/$namespace/$name/edit',
  validateSearch: search.writeSearch,
  component: lazyRouteComponent(() => import('@/features/documents/EditDocumentPage'), 'EditDocumentPage'),
});

const deleteDocument = createRoute({
  getParentRoute: () => frame,
  path: '/documents/$plural/$namespace/$name/delete',
  validateSearch: search.writeSearch,
  component: lazyRouteComponent(() => import('@/features/documents/DeleteDocumentPage'), 'DeleteDocumentPage'),
});

const access = createRoute({
  getParentRoute: () => frame,
  path: '/access',
  validateSearch: search.accessSearch,
  component: lazyRouteComponent(() => import('@/features/access/AccessPage'), 'AccessPage'),
});

const suggest = createRoute({
  getParentRoute: () => frame,
  path: '/access/suggest',
  validateSearch: search.suggestSearch,
  component: lazyRouteComponent(() => import('@/features/access/SuggestPage'), 'SuggestPage'),
});

const enforce = createRoute({
  getParentRoute: () => frame,
  path: '/access/enforce/$namespace/$name',
  validateSearch: search.writeSearch,
  component: lazyRouteComponent(() => import('@/features/access/EnforcePage'), 'EnforcePage'),
});

const routeTree = root.addChildren([
  login,
  frame.addChildren([
    ...[home, topology, services, service, shift, proxies, proxy, addVm, changes, rollback],
    ...[access, suggest, enforce],
    ...[documents, newDocument, document, editDocument, deleteDocument],
  ]),
]);

export function createConsoleRouter(
  queryClient: QueryClient,
  loginToken: string | null = null,
  history?: RouterHistory,
) {
  const router = createRouter({
    routeTree,
    history,
    context: { queryClient, loginToken },
    defaultPreload: 'intent',
    scrollRestoration: true,
  });
  whenSignedOut(() => {
    const { pathname, href } = router.state.location;
    if (pathname === '/login') return;
    queryClient.clear();
    void router.navigate({ to: '/login', search: { to: href } });
  });
  return router;
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createConsoleRouter>;
  }
}
