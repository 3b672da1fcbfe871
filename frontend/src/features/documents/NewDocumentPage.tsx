import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { kindLabel, kindWithPlural, type Kind } from '@/api/kinds';
import { queries } from '@/api/queries';
import { RollBackNow } from '@/features/changes/RollBackNow';
import { FlowHead } from '@/ui/flow';
import { Card, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { newDraftKey, useDraft, type Draft } from './draft';
import { grouped } from './groups';
import { startFor } from './starts';
import { Writing, type Step } from './Writing';
import { toYaml } from './yaml/text';

function ChooseKind() {
  return (
    <div className="scroll pad">
      <div className="stack" style={{ maxWidth: 1120 }}>
        <p className="say">
          Choose what the document is about. It starts from an example, and YAML that you have can be pasted over it.
        </p>
        {grouped().map(({ title, kinds }) => (
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

/** Reads the service first: the document starts with its name and port. */
function MakingFor({
  service,
  principal,
  ...props
}: Omit<MakingProps, 'text' | 'about'> & { service: string; principal: string | undefined }) {
  const { data, error, refetch } = useQuery(queries.document('services', service));
  const others = useQuery(queries.anyDocuments(props.kind.plural));
  // What is there when the page is opened; the draft does not change by itself.
  const [text, setText] = useState<string | null>(null);
  if (text === null && data && others.data) {
    const start = startFor(props.kind, data, others.data, principal);
    setText(start ? toYaml(start) : startFrom(props.kind, data.metadata.namespace ?? undefined));
  }
  if (text !== null) return <Making {...props} text={text} about={[service, principal].filter(Boolean).join(' ')} />;
  if (!error && !others.error) return <Loading what="the service" />;
  return (
    <div className="pad">
      <ProblemNote
        error={error ?? others.error}
        what={`Service ${service} could not be read.`}
        onRetry={() => void Promise.all([refetch(), others.refetch()])}
      />
    </div>
  );
}

function Making({ kind, text, about, search, set }: MakingProps) {
  const fresh = useMemo<Draft>(() => ({ text, seen: null, base: null, at: null }), [text]);
  const work = useDraft(newDraftKey(kind.plural, about), fresh, !kind.writeOnly);
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
  text: string;
  /** The service that it is about; a draft for one is not gone on with for another. */
  about: string | undefined;
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
      {!kind && <ChooseKind />}
      {kind && search.service && (
        <MakingFor
          key={`${kind.key} ${search.service} ${search.principal}`}
          kind={kind}
          service={search.service}
          principal={search.principal}
          search={search}
          set={set}
        />
      )}
      {kind && !search.service && (
        <Making
          key={kind.key}
          kind={kind}
          text={startFrom(kind, search.ns)}
          about={undefined}
          search={search}
          set={set}
        />
      )}
    </div>
  );
}
