import { Select } from '@mantine/core';
import { useQueries } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { FileText, Plus } from 'lucide-react';
import { useMemo } from 'react';
import { KINDS, kindLabel, kindWithPlural } from '@/api/kinds';
import { queries } from '@/api/queries';
import { FilterBar, NothingMatches } from '@/ui/filter';
import { NOTHING, plural } from '@/ui/format';
import { Ago, Empty, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { State, type Tone } from '@/ui/state';
import { DataTable, type Column } from '@/ui/table';
import { NewMenu } from './NewMenu';
import { attentionFirst, fits, rowOf, type Row, type StateKey } from './model';

const CHIPS: { key: Exclude<StateKey, 'live'>; label: string; tone: Tone }[] = [
  { key: 'accepted', label: 'Not accepted', tone: 'bad' },
  { key: 'programmed', label: 'Refused', tone: 'bad' },
  { key: 'refs', label: 'Points to nothing', tone: 'warn' },
  { key: 'conflicted', label: 'Loses to another', tone: 'warn' },
  { key: 'going', label: 'Going live', tone: 'go' },
];

const COLUMNS: Column<Row>[] = [
  {
    key: 'state',
    head: 'State',
    cell: ({ state }) => <State tone={state.tone}>{state.word}</State>,
  },
  {
    key: 'name',
    head: 'Document',
    isName: true,
    sortBy: (row) => row.name,
    cell: ({ place, name }) => (
      <Link to="/documents/$plural/$namespace/$name" params={{ ...place }}>
        {name}
      </Link>
    ),
  },
  { key: 'kind', head: 'Kind', sortBy: (row) => row.kind.key, cell: (row) => kindLabel(row.kind) },
  {
    key: 'namespace',
    head: 'Namespace',
    className: 'dim',
    sortBy: (row) => row.namespace,
    cell: (row) => row.namespace || NOTHING,
  },
  {
    key: 'because',
    head: 'Reason',
    className: 'dim grow',
    cell: ({ state }) => (
      <span title={state.because?.message}>{state.because?.message || state.because?.reason || ''}</span>
    ),
  },
  {
    key: 'revision',
    head: 'Changed in',
    align: 'r',
    className: 'mono low',
    sortBy: (row) => Number(row.document.metadata.resourceVersion),
    cell: ({ document }) => (
      <Link to="/changes" search={{ revision: Number(document.metadata.resourceVersion) }}>
        r{document.metadata.resourceVersion}
      </Link>
    ),
  },
  {
    key: 'age',
    head: 'Made',
    align: 'r',
    className: 'dim low',
    sortBy: (row) => -Date.parse(row.document.metadata.creationTimestamp),
    cell: ({ document }) => <Ago at={document.metadata.creationTimestamp} />,
  },
];

/** All kinds at once; a kind without a namespace stands in none, so the filter leaves it out. */
function useRows(namespace: string | undefined) {
  return useQueries({
    queries: KINDS.map((kind) => queries.anyDocuments(kind.plural, kind.namespaced ? namespace : undefined)),
    combine: (results) => ({
      rows: attentionFirst(
        results.flatMap(({ data }, index) => {
          const kind = KINDS[index];
          if (!kind || !data || (namespace && !kind.namespaced)) return [];
          return data.map((document) => rowOf(kind, document));
        }),
      ),
      pending: results.some((result) => result.isPending),
      error: results.find((result) => result.error)?.error ?? null,
      refetch: () => void Promise.all(results.map((result) => result.refetch())),
    }),
  });
}

function headline(rows: Row[]): string {
  const open = rows.filter((row) => !['live', 'going'].includes(row.state.key)).length;
  const kinds = new Set(rows.map((row) => row.kind.key)).size;
  const all = `${plural(rows.length, 'document')} of ${plural(kinds, 'kind')}`;
  return open ? `${all}, ${open} ${open === 1 ? 'needs' : 'need'} a look` : `${all}, none needs a look`;
}

function NoDocument() {
  return (
    <Empty
      icon={<FileText aria-hidden />}
      title="No document yet"
      actions={
        <Link to="/documents/new" className="btn p lg">
          <Plus className="i s" aria-hidden /> New document
        </Link>
      }
    >
      Documents say what the mesh does: services, routes, policies, gateways. YAML that you have from elsewhere can be
      pasted into a new one.
    </Empty>
  );
}

function KindField({ rows, value, onChange }: { rows: Row[]; value?: string; onChange: (value?: string) => void }) {
  const count = (kind: string) => rows.filter((row) => row.kind.plural === kind).length;
  return (
    <Select
      aria-label="Kind"
      placeholder="All kinds"
      clearable
      searchable
      value={value ?? null}
      style={{ width: 210 }}
      clearButtonProps={{ 'aria-label': 'All kinds' }}
      data={KINDS.map((kind) => ({ value: kind.plural, label: `${kindLabel(kind)} · ${count(kind.plural)}` }))}
      onChange={(next) => onChange(next ?? undefined)}
    />
  );
}

export function DocumentsPage() {
  const search = useSearch({ from: '/console/documents' });
  const navigate = useNavigate({ from: '/documents' });
  const { rows, pending, error, refetch } = useRows(search.ns);
  const ofKind = useMemo(
    () => rows.filter((row) => !search.kind || row.kind.plural === search.kind),
    [rows, search.kind],
  );
  const shown = ofKind.filter((row) => (!search.state || row.state.key === search.state) && fits(row, search.q ?? ''));
  const set = (change: object) => void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });
  const clear = () => set({ q: undefined, state: undefined, kind: undefined });
  const kind = search.kind ? kindWithPlural(search.kind) : undefined;
  return (
    <div className="page">
      <div className="ph">
        <h1>Documents</h1>
        {rows.length > 0 && !pending && <span className="sub">{headline(rows)}</span>}
        <span className="sp" />
        {kind ? (
          <Link to="/documents/new" search={{ kind: kind.plural }} className="btn p">
            <Plus className="i s" aria-hidden /> New {kindLabel(kind)}
          </Link>
        ) : (
          <NewMenu />
        )}
      </div>
      {rows.length > 0 && (
        <FilterBar
          label="Filter documents"
          all={ofKind.length}
          before={<KindField rows={rows} value={search.kind} onChange={(next) => set({ kind: next })} />}
          chips={CHIPS.map((chip) => ({ ...chip, count: ofKind.filter((row) => row.state.key === chip.key).length }))}
          chosen={search.state}
          onChoose={(state) => set({ state })}
          find={{ label: 'Name, kind, label', value: search.q, onChange: (q) => set({ q }) }}
        />
      )}
      <div className="work">
        <div className="tw">
          {error && (
            <div className="pad">
              <ProblemNote error={error} what="Some documents could not be read." onRetry={refetch} />
            </div>
          )}
          {pending && rows.length === 0 && <Loading what="documents" />}
          {!pending && !error && rows.length === 0 && <NoDocument />}
          {rows.length > 0 && shown.length === 0 && !pending && (
            <NothingMatches
              what={search.q ?? (kind ? kindLabel(kind) : (search.state ?? ''))}
              hidden={plural(rows.length, 'document is', 'documents are')}
              onClear={clear}
            />
          )}
          {shown.length > 0 && (
            <DataTable
              full
              label="Documents"
              columns={COLUMNS}
              rows={shown}
              rowKey={(row) => row.key}
              onOpen={({ place }) => void navigate({ to: '/documents/$plural/$namespace/$name', params: { ...place } })}
            />
          )}
        </div>
      </div>
    </div>
  );
}
