import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { kindLabel, kindWithPlural, type Kind } from '@/api/kinds';
import type { Place } from '@/api/places';
import { queries } from '@/api/queries';
import type { AnyDocument } from '@/api/types';
import { RollBackNow } from '@/features/changes/RollBackNow';
import { FlowHead } from '@/ui/flow';
import { Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { NoSuchKind } from './DocumentPage';
import { useDraft, type Draft } from './draft';
import { titleOf } from './model';
import { OpenDocument, Writing, type Step } from './Writing';
import { authored, editable } from './yaml/text';

function Editing({ kind, place, document, set, search }: EditingProps) {
  // What was there when the page was opened: that it changes meanwhile is told when it matters, not by a jump.
  const [opened] = useState(document);
  const fresh = useMemo<Draft>(
    () => ({ text: editable(opened), seen: opened.metadata.resourceVersion, base: authored(opened), at: null }),
    [opened],
  );
  const work = useDraft(`${place.plural}/${place.namespace}/${place.name}`, fresh, !kind.writeOnly);
  const edited = useMemo(() => ({ kind, place }), [kind, place]);
  return (
    <Writing
      label={`YAML of ${titleOf(kind, place.namespace, place.name)}`}
      edited={edited}
      work={work}
      search={search}
      set={set}
      cancel={
        <Link className="btn" to="/documents/$plural/$namespace/$name" params={{ ...place }} onClick={work.drop}>
          Cancel
        </Link>
      }
      afterwards={
        <p>
          <OpenDocument place={place}>Open {titleOf(kind, place.namespace, place.name)}</OpenDocument>
        </p>
      }
    />
  );
}

interface EditingProps {
  kind: Kind;
  place: Place;
  document: AnyDocument;
  search: Step;
  set: (change: Step, replace?: boolean) => void;
}

export function EditDocumentPage() {
  const { plural, namespace, name } = useParams({ from: '/console/documents/$plural/$namespace/$name/edit' });
  const search = useSearch({ from: '/console/documents/$plural/$namespace/$name/edit' });
  const navigate = useNavigate({ from: '/documents/$plural/$namespace/$name/edit' });
  const place = useMemo(() => ({ plural, namespace, name }), [plural, namespace, name]);
  const kind = kindWithPlural(plural);
  const { data, error, refetch } = useQuery({ ...queries.anyDocument(place), enabled: kind !== undefined });
  const live = search.step === 'live' && search.revision !== undefined;
  if (!kind) return <NoSuchKind plural={plural} />;
  const set = (change: Step, replace = false) =>
    void navigate({ search: (previous) => ({ ...previous, ...change }), replace });
  return (
    <div className="page">
      <FlowHead
        crumbs={
          <>
            <Link to="/documents">Documents</Link> <span aria-hidden>›</span>
            <Link to="/documents" search={{ kind: plural }}>
              {kindLabel(kind)}
            </Link>
            <span aria-hidden>›</span>
            <OpenDocument place={place}>{name}</OpenDocument>
          </>
        }
        title={`Edit ${name}`}
        steps={['Write', 'Review', 'Live']}
        at={live ? 2 : search.step === 'review' ? 1 : 0}
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
      {data ? (
        <Editing kind={kind} place={place} document={data} search={search} set={set} />
      ) : error ? (
        <div className="pad">
          <ProblemNote
            error={error}
            what={`${titleOf(kind, namespace, name)} could not be read.`}
            onRetry={() => void refetch()}
          />
        </div>
      ) : (
        <Loading what="the document" />
      )}
    </div>
  );
}
