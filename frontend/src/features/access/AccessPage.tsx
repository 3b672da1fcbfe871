import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Grid3x3, Plus, ShieldCheck, Table2, WandSparkles } from 'lucide-react';
import { DEFAULT_WINDOW, WINDOWS } from '@/app/search';
import { queries } from '@/api/queries';
import type { AccessMatrix, AnyDocument } from '@/api/types';
import { plural } from '@/ui/format';
import { Card, Empty, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { CellTable } from './CellTable';
import { POLICIES } from './principals';
import { lookOf } from './model';
import { Legend, Matrix } from './Matrix';
import { Policies } from './Policies';
import { isTrial } from './policies';
import { Simulator } from './Simulator';
import { Trials } from './Trials';
import { WorthALook } from './WorthALook';
import './access.css';

function headline(matrix: AccessMatrix): string {
  const count = (...looks: string[]) => matrix.cells.filter((cell) => looks.includes(lookOf(cell))).length;
  const [denied, loose] = [count('denied'), count('everyone', 'undeclared')];
  const parts = [];
  if (denied)
    parts.push(`${plural(denied, 'caller is', 'callers are')} denied and still ${denied === 1 ? 'tries' : 'try'}`);
  if (loose) parts.push(`${plural(loose, 'caller is', 'callers are')} let in by nobody’s decision`);
  return parts.join(', ') || 'who may call whom: nothing needs a look';
}

function Tabs({ policies }: { policies: AnyDocument[] }) {
  const { tab } = useSearch({ from: '/console/access' });
  const entries = [
    [undefined, 'Matrix', null],
    ['policies', 'Policies', policies.length],
    ['trials', 'Trial runs', policies.filter(isTrial).length],
  ] as const;
  return (
    <nav className="tabs" aria-label="Views of access">
      {entries.map(([key, label, count]) => (
        <Link
          key={label}
          from="/access"
          to="/access"
          search={(previous) => ({ ...previous, tab: key, q: undefined })}
          replace
          activeOptions={{ includeSearch: true }}
          aria-current={tab === key ? 'page' : undefined}
          data-on={tab === key || undefined}
        >
          {label}
          {count !== null && <small>{count}</small>}
        </Link>
      ))}
    </nav>
  );
}

function LeftOut({ matrix }: { matrix: AccessMatrix }) {
  const { callers, services } = matrix.leftOut;
  if (!callers && !services) return null;
  const parts = [callers && plural(callers, 'more caller'), services && plural(services, 'more service')];
  return (
    <p className="sm two left-out" role="status">
      {parts.filter(Boolean).join(' and ')} not shown: those with the least to look at. Choose a namespace above, or{' '}
      <code>meshctl access-matrix</code> shows them all.
    </p>
  );
}

function Whole({ matrix }: { matrix: AccessMatrix }) {
  const search = useSearch({ from: '/console/access' });
  const navigate = useNavigate({ from: '/access' });
  const small = useMediaQuery('(max-width: 720px)', false, { getInitialValueInEffect: false });
  const set = (change: object) => void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });
  const view = search.view ?? (small ? 'table' : 'matrix');
  const chosen = search.to ? `${search.from ?? ''} ${search.to}` : undefined;
  if (matrix.services.length === 0 || matrix.callers.length === 0)
    return (
      <Empty icon={<ShieldCheck aria-hidden />} title="Nobody could call anybody yet">
        The matrix appears when there are services and workloads{search.ns ? ` in namespace ${search.ns}` : ''}.
      </Empty>
    );
  return (
    <div className="stack">
      <Card
        title="Callers down, services across"
        meta={`calls of the ${WINDOWS[search.window ?? DEFAULT_WINDOW].toLowerCase()}`}
        aside={
          <div className="seg" role="group" aria-label="Show as">
            <button
              type="button"
              aria-pressed={view === 'matrix'}
              onClick={() => set({ view: small ? 'matrix' : undefined })}
            >
              <Grid3x3 className="i s" aria-hidden /> Matrix
            </button>
            <button type="button" aria-pressed={view === 'table'} onClick={() => set({ view: 'table' })}>
              <Table2 className="i s" aria-hidden /> Table
            </button>
          </div>
        }
      >
        {view === 'matrix' ? (
          <>
            <Matrix matrix={matrix} from={search.to ? search.from : undefined} to={search.to} />
            <Legend cells={matrix.cells} />
          </>
        ) : (
          <CellTable
            matrix={matrix}
            chosen={chosen}
            small={small}
            onOpen={(cell) => set({ from: cell.caller, to: cell.service, port: undefined })}
          />
        )}
        <LeftOut matrix={matrix} />
      </Card>
      <WorthALook matrix={matrix} />
    </div>
  );
}

export function AccessPage() {
  const search = useSearch({ from: '/console/access' });
  const navigate = useNavigate({ from: '/access' });
  const matrix = useQuery(queries.accessMatrix({ namespace: search.ns }, search.window ?? DEFAULT_WINDOW, search.at));
  const policies = useQuery(queries.anyDocuments(POLICIES, search.ns));
  const open = search.to !== undefined && search.tab === undefined;
  const closed = { to: undefined, from: undefined, port: undefined, method: undefined, path: undefined };
  const close = () =>
    void navigate({
      search: (previous) => ({ ...previous, ...closed, headers: undefined, claims: undefined, draft: undefined }),
      replace: true,
    });
  const failed = search.tab === undefined ? matrix : policies;
  return (
    <div className="page">
      <div className="ph">
        <h1>Access</h1>
        {matrix.data && <span className="sub">{headline(matrix.data)}</span>}
        <span className="sp" />
        <Link to="/access/suggest" className="btn">
          <WandSparkles className="i s" aria-hidden /> Suggest policies from what was seen
        </Link>
        <Link to="/documents/new" search={{ kind: POLICIES }} className="btn p">
          <Plus className="i s" aria-hidden /> New policy
        </Link>
      </div>
      <Tabs policies={policies.data ?? []} />
      {failed.error && (
        <div className="pad" style={{ flex: 'none' }}>
          <ProblemNote error={failed.error} what="Access could not be read." onRetry={() => void failed.refetch()} />
        </div>
      )}
      <div className={`work access${open ? ' open' : ''}`}>
        <div className="scroll pad">
          {failed.isPending && <Loading what="who may call whom" />}
          {search.tab === undefined && matrix.data && <Whole matrix={matrix.data} />}
          {search.tab === 'policies' && policies.data && <Policies policies={policies.data} />}
          {search.tab === 'trials' && policies.data && <Trials policies={policies.data.filter(isTrial)} />}
        </div>
        {open && matrix.data && <Simulator matrix={matrix.data} onClose={close} />}
      </div>
    </div>
  );
}
