import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { GitCommitVertical } from 'lucide-react';
import { useMemo } from 'react';
import { queries } from '@/api/queries';
import type { RevisionSummary } from '@/api/types';
import { FilterBar, NothingMatches } from '@/ui/filter';
import { day, plural } from '@/ui/format';
import { useNow } from '@/ui/now';
import { Ago, Empty, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { State } from '@/ui/state';
import { DataTable, type Column } from '@/ui/table';
import { RevisionPanel } from './RevisionPanel';
import { fits, ORIGIN_WORDS, reasonOf, stateOf, whatChanged } from './words';

const CHIPS = [
  { key: 'pending', label: 'Going live', tone: 'go' },
  { key: 'rejected', label: 'Refused', tone: 'bad' },
  { key: 'live', label: 'Live', tone: 'ok' },
  { key: 'superseded', label: 'Replaced', tone: 'idle' },
] as const;

function columnsOf(narrow: boolean): Column<RevisionSummary>[] {
  const all: (Column<RevisionSummary> & { low?: boolean })[] = [
    {
      key: 'revision',
      head: 'Revision',
      isName: true,
      className: 'mono',
      cell: (revision) => (
        <Link from="/changes" to="/changes" search={(previous) => ({ ...previous, revision: revision.number })} replace>
          r{revision.number}
        </Link>
      ),
    },
    {
      key: 'state',
      head: 'State',
      cell: (revision) => {
        const { tone, word } = stateOf(revision);
        return <State tone={tone}>{word}</State>;
      },
    },
    {
      key: 'reason',
      head: 'Reason',
      className: 'grow',
      cell: (revision) => <span title={reasonOf(revision)}>{reasonOf(revision)}</span>,
    },
    {
      key: 'changed',
      head: 'What changed',
      className: 'dim low',
      low: true,
      cell: (revision) => (revision.reason ? whatChanged(revision) : ''),
    },
    { key: 'by', head: 'By', className: 'two', cell: (revision) => revision.author },
    { key: 'origin', head: 'How', className: 'dim low', low: true, cell: (revision) => ORIGIN_WORDS[revision.origin] },
    { key: 'when', head: 'When', align: 'r', className: 'dim', cell: (revision) => <Ago at={revision.createdAt} /> },
  ];
  return narrow ? all.filter((column) => !column.low) : all;
}

function Older({ busy, onClick }: { busy: boolean; onClick: () => void }) {
  return (
    <p className="pagefoot">
      <button type="button" className="btn" disabled={busy} onClick={onClick}>
        Show older changes
      </button>
    </p>
  );
}

export function ChangesPage() {
  const search = useSearch({ from: '/console/changes' });
  const navigate = useNavigate({ from: '/changes' });
  const now = useNow();
  const { data, error, isPending, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    queries.revisions(),
  );
  const narrow = search.revision !== undefined;
  const columns = useMemo(() => columnsOf(narrow), [narrow]);
  const revisions = data?.pages.flatMap((page) => page.items) ?? [];
  const within = revisions.filter((revision) => fits(revision, search.q ?? '', search.ns));
  const shown = within.filter((revision) => !search.state || revision.state === search.state);
  const set = (change: object) => void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });

  return (
    <div className="page">
      <div className="ph">
        <h1>Changes</h1>
        <span className="sub">every write to the mesh, who made it, where it runs</span>
      </div>
      {revisions.length > 0 && (
        <FilterBar
          label="Filter changes"
          all={within.length}
          chips={CHIPS.map((chip) => ({
            ...chip,
            count: within.filter((revision) => revision.state === chip.key).length,
          }))}
          chosen={search.state}
          onChoose={(state) => set({ state })}
          find={{ label: 'Name, reason, document', value: search.q, onChange: (q) => set({ q }) }}
        />
      )}
      {error && (
        <div className="pad" style={{ flex: 'none' }}>
          <ProblemNote error={error} what="Changes could not be read." onRetry={() => void refetch()} />
        </div>
      )}
      {isPending && <Loading what="changes" />}
      {data && (
        <div className={`work${narrow ? ' open' : ''}`} style={{ ['--panel-width' as string]: '548px' }}>
          <div className="tw">
            {revisions.length === 0 ? (
              <Empty icon={<GitCommitVertical aria-hidden />} title="No change yet">
                Every write over the API, with meshctl or in the console appears here, with who made it and where it
                runs.
              </Empty>
            ) : shown.length === 0 ? (
              <NothingMatches
                what={search.q ?? search.state ?? search.ns ?? ''}
                hidden={plural(revisions.length, 'change is', 'changes are')}
                onClear={() => set({ q: undefined, state: undefined, ns: undefined })}
              />
            ) : (
              <DataTable
                full
                label="Changes"
                columns={columns}
                rows={shown}
                rowKey={(revision) => String(revision.number)}
                selected={search.revision === undefined ? undefined : String(search.revision)}
                onOpen={(revision) => set({ revision: revision.number })}
                groupOf={(revision) => day(revision.createdAt, now)}
              />
            )}
            {hasNextPage && <Older busy={isFetchingNextPage} onClick={() => void fetchNextPage()} />}
          </div>
          {search.revision !== undefined && (
            <RevisionPanel number={search.revision} onClose={() => set({ revision: undefined })} />
          )}
        </div>
      )}
    </div>
  );
}
