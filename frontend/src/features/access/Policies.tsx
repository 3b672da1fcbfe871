import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Plus, ShieldCheck } from 'lucide-react';
import { useMemo } from 'react';
import type { AnyDocument } from '@/api/types';
import { FindField, NothingMatches } from '@/ui/filter';
import { NOTHING, plural, shortName } from '@/ui/format';
import { Card, Empty } from '@/ui/parts';
import { State } from '@/ui/state';
import { DataTable, type Column } from '@/ui/table';
import { POLICIES } from './principals';
import { actionOf, isTrial, nameOf, rulesOf } from './policies';

const ACTIONS: Record<string, string> = { ALLOW: 'Lets in', DENY: 'Denies', CUSTOM: 'Asks another', AUDIT: 'Records' };

const COLUMNS: Column<AnyDocument>[] = [
  {
    key: 'name',
    head: 'Policy',
    isName: true,
    sortBy: nameOf,
    cell: ({ metadata }) => (
      <Link
        to="/documents/$plural/$namespace/$name"
        params={{ plural: POLICIES, namespace: metadata.namespace ?? '', name: metadata.name }}
        title={metadata.namespace ?? ''}
      >
        {metadata.name}
      </Link>
    ),
  },
  {
    key: 'action',
    head: 'Does',
    sortBy: actionOf,
    cell: (policy) => (
      <>
        {ACTIONS[actionOf(policy)] ?? actionOf(policy)}
        {isTrial(policy) && <span className="dim"> · trial run</span>}
      </>
    ),
  },
  { key: 'rules', head: 'Rules', align: 'r', sortBy: rulesOf, cell: (policy) => rulesOf(policy) || 'none' },
  {
    key: 'before',
    head: 'Stands before',
    sortBy: (policy) => policy.status.enforcement?.workloads ?? 0,
    cell: ({ status }) => {
      const found = status.enforcement;
      if (!found?.workloads) return <State tone="warn">no workload</State>;
      const names = found.services.map(shortName);
      const some = names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
      return <span title={found.services.join(', ')}>{`${some} · ${plural(found.workloads, 'workload')}`}</span>;
    },
  },
  {
    key: 'ports',
    head: 'Ports',
    className: 'dim mono low',
    cell: ({ status }) => status.enforcement?.ports.slice(0, 4).join(', ') || NOTHING,
  },
  {
    key: 'denied',
    head: 'Denied, last hour',
    align: 'r',
    sortBy: ({ status }) => status.enforcement?.denied ?? 0,
    cell: ({ status }) => {
      const denied = status.enforcement?.denied ?? 0;
      return denied ? <State tone="deny">{denied.toLocaleString('en-US')}</State> : <span className="dim">none</span>;
    },
  },
  {
    key: 'would',
    head: 'Would deny',
    align: 'r',
    sortBy: ({ status }) => status.enforcement?.wouldDeny ?? 0,
    cell: (policy) => {
      if (!isTrial(policy)) return <span className="dim">{NOTHING}</span>;
      const would = policy.status.enforcement?.wouldDeny ?? 0;
      return would ? <State tone="deny">{would.toLocaleString('en-US')}</State> : 'nobody';
    },
  },
];

function attentionFirst(policies: AnyDocument[]): AnyDocument[] {
  const weight = ({ status }: AnyDocument) =>
    (status.enforcement?.workloads ? 0 : 1) + (status.enforcement?.denied || status.enforcement?.wouldDeny ? 1 : 0);
  return [...policies].sort((a, b) => weight(b) - weight(a) || nameOf(a).localeCompare(nameOf(b)));
}

/** Every policy, before what it stands now, and whom it denied. */
export function Policies({ policies }: { policies: AnyDocument[] }) {
  const search = useSearch({ from: '/console/access' });
  const navigate = useNavigate({ from: '/access' });
  const find = (q: string | undefined) => void navigate({ search: (previous) => ({ ...previous, q }), replace: true });
  const sorted = useMemo(() => attentionFirst(policies), [policies]);
  if (policies.length === 0)
    return (
      <Empty
        icon={<ShieldCheck aria-hidden />}
        title="No policy yet"
        actions={
          <Link to="/documents/new" search={{ kind: POLICIES }} className="btn p lg">
            <Plus className="i s" aria-hidden /> New policy
          </Link>
        }
      >
        Without a policy the default of the mesh holds for everybody.
      </Empty>
    );
  const text = (search.q ?? '').toLowerCase();
  const shown = sorted.filter((policy) =>
    `${nameOf(policy)} ${policy.status.enforcement?.services.join(' ')}`.toLowerCase().includes(text),
  );
  return (
    <Card
      title="Policies"
      meta="what each stands before now"
      aside={<FindField label="Name or service" value={search.q ?? ''} onChange={find} />}
    >
      {shown.length === 0 ? (
        <NothingMatches
          what={search.q ?? ''}
          hidden={plural(policies.length, 'policy is', 'policies are')}
          onClear={() => find(undefined)}
        />
      ) : (
        <DataTable label="Policies" columns={COLUMNS} rows={shown} rowKey={nameOf} />
      )}
    </Card>
  );
}
