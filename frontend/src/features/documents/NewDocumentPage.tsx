import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { KINDS, kindLabel, kindWithPlural, type Kind } from '@/api/kinds';
import { RollBackNow } from '@/features/changes/RollBackNow';
import { FlowHead } from '@/ui/flow';
import { Card } from '@/ui/parts';
import { useDraft, type Draft } from './draft';
import { Writing, type Step } from './Writing';
import { toYaml } from './yaml/text';

const GROUPS: { title: string; has: (kind: Kind) => boolean }[] = [
  { title: 'Services and workloads', has: ({ key }) => /^(Namespace|Service|Workload)/.test(key) },
  { title: 'Routes and destinations', has: ({ key }) => /Route$|^VirtualService|^DestinationRule|^Sidecar/.test(key) },
  { title: 'Gateways', has: ({ key }) => /Gateway$|^ReferenceGrant|^Secret/.test(key) },
  { title: 'Access', has: ({ key }) => /Authorization|Authentication/.test(key) },
];

/** Every kind stands in one group; what fits none is for the whole mesh. */
function grouped(): { title: string; kinds: Kind[] }[] {
  const groups = [...GROUPS, { title: 'Whole mesh', has: () => true }];
  const taken = new Set<Kind>();
  return groups.map(({ title, has }) => {
    const kinds = KINDS.filter((kind) => !taken.has(kind) && has(kind));
    kinds.forEach((kind) => taken.add(kind));
    return { title, kinds };
  });
}

function ChooseKind() {
  return (
    <div className="scroll pad">
      <div className="stack" style={{ maxWidth: 1120 }}>
        <p className="say">
          Choose what the document is about. It starts from an example, and YAML that you have can be pasted over it.
        </p>
        {grouped()
          .filter(({ kinds }) => kinds.length > 0)
          .map(({ title, kinds }) => (
            <Card key={title} title={title}>
              <div className="b">
                <ul className="kinds">
                  {kinds.map((kind) => (
                    <li key={kind.key}>
                      <Link to="/documents/new" search={{ kind: kind.plural }}>
                        <b>{kindLabel(kind)}</b>
                        <span className="sm two">{kind.summary}</span>
                      </Link>
                    </li>
                  ))}
                </ul>
              </div>
            </Card>
          ))}
      </div>
    </div>
  );
}

function startFrom(kind: Kind, namespace: string | undefined): string {
  const { metadata, ...rest } = kind.example;
  const { apiVersion, kind: name, ...body } = rest;
  const where = namespace && kind.namespaced ? { ...metadata, namespace } : metadata;
  return toYaml({ apiVersion, kind: name, metadata: where, ...body });
}

function Making({ kind, namespace, search, set }: MakingProps) {
  const fresh = useMemo<Draft>(
    () => ({ text: startFrom(kind, namespace), seen: null, base: null, at: null }),
    [kind, namespace],
  );
  const work = useDraft(`new ${kind.plural}`, fresh, !kind.writeOnly);
  return (
    <Writing
      label={`YAML of the new ${kindLabel(kind)}`}
      edited={null}
      work={work}
      search={search}
      set={set}
      cancel={
        <Link className="btn" to="/documents" onClick={work.drop}>
          Cancel
        </Link>
      }
      afterwards={
        <p>
          <Link to="/documents" search={{ kind: kind.plural }}>
            Open documents of kind {kindLabel(kind)}
          </Link>
        </p>
      }
    />
  );
}

interface MakingProps {
  kind: Kind;
  namespace: string | undefined;
  search: Step;
  set: (change: Step, replace?: boolean) => void;
}

export function NewDocumentPage() {
  const search = useSearch({ from: '/console/documents/new' });
  const navigate = useNavigate({ from: '/documents/new' });
  const kind = search.kind ? kindWithPlural(search.kind) : undefined;
  const live = search.step === 'live' && search.revision !== undefined;
  const set = (change: Step, replace = false) =>
    void navigate({ search: (previous) => ({ ...previous, ...change }), replace });
  return (
    <div className="page">
      <FlowHead
        crumbs={
          <>
            <Link to="/documents">Documents</Link>
            {kind && (
              <>
                <span aria-hidden>›</span>
                <Link to="/documents/new">Choose another kind</Link>
              </>
            )}
          </>
        }
        title={kind ? `New ${kindLabel(kind)}` : 'New document'}
        steps={['Choose', 'Write', 'Review', 'Live']}
        at={live ? 3 : search.step === 'review' ? 2 : kind ? 1 : 0}
        actions={
          live &&
          search.revision !== undefined && (
            <RollBackNow
              key={search.revision}
              revision={search.revision}
              onDone={(made) => set({ revision: made, undone: search.revision }, true)}
            />
          )
        }
      />
      {kind ? <Making key={kind.key} kind={kind} namespace={search.ns} search={search} set={set} /> : <ChooseKind />}
    </div>
  );
}
