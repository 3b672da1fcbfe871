import { TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import { kindLabel, kindWithPlural, type Kind } from '@/api/kinds';
import type { Place } from '@/api/places';
import { commands, queries } from '@/api/queries';
import type { AnyDocument } from '@/api/types';
import { RollBackNow } from '@/features/changes/RollBackNow';
import { FlowHead } from '@/ui/flow';
import { Card, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { NoSuchKind } from './DocumentPage';
import { LiveStep } from './LiveStep';
import { titleOf } from './model';
import { ReviewStep } from './ReviewStep';
import { OpenDocument, type Step } from './Writing';

interface Props {
  kind: Kind;
  place: Place;
  document: AnyDocument;
  onDone: (revision: number) => void;
}

function Deleting({ kind, place, document, onDone }: Props) {
  const queryClient = useQueryClient();
  const [typed, setTyped] = useState('');
  const seen = document.metadata.resourceVersion;
  const title = titleOf(kind, place.namespace, place.name);
  const review = useQuery({
    queryKey: ['delete-review', title, seen],
    queryFn: () => commands.deletion(place, seen),
    gcTime: 0,
    retry: false,
  });
  const remove = useMutation({
    mutationFn: (reason: string) => commands.deleteDocument(place, seen, reason),
    onSuccess: (revision) => {
      for (const each of ['revisions', 'mesh', 'effective']) void queryClient.invalidateQueries({ queryKey: [each] });
      void queryClient.invalidateQueries({ queryKey: ['documents', place.plural, ''] });
      if (revision !== null) onDone(revision);
    },
  });
  const failed = remove.error ?? review.error;
  const meant = typed === place.name;
  return (
    <ReviewStep
      result={review.data}
      busy={remove.isPending || !meant}
      danger
      deed={`Delete ${place.name}`}
      undo={
        meant
          ? 'Undo is one click: Roll back now makes the document again.'
          : 'Type the name of the document to delete it.'
      }
      command={`meshctl delete ${kind.key.toLowerCase()} ${place.name}${kind.namespaced ? ` -n ${place.namespace}` : ''}`}
      onApply={(reason) => remove.mutate(reason)}
      back={
        <Link className="btn" to="/documents/$plural/$namespace/$name" params={{ ...place }}>
          Back
        </Link>
      }
      notes={
        failed && (
          <ProblemNote
            error={failed}
            what={`${title} was not deleted. Nothing was changed.`}
            onRetry={() => void review.refetch().then(() => remove.reset())}
          />
        )
      }
    >
      <Card title="Type the name to delete">
        <div className="b">
          <TextInput
            label={`Name of this ${kindLabel(kind)}`}
            placeholder={place.name}
            value={typed}
            autoComplete="off"
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        </div>
      </Card>
    </ReviewStep>
  );
}

export function DeleteDocumentPage() {
  const { plural, namespace, name } = useParams({ from: '/console/documents/$plural/$namespace/$name/delete' });
  const search = useSearch({ from: '/console/documents/$plural/$namespace/$name/delete' });
  const navigate = useNavigate({ from: '/documents/$plural/$namespace/$name/delete' });
  const place = useMemo(() => ({ plural, namespace, name }), [plural, namespace, name]);
  const kind = kindWithPlural(plural);
  const live = search.step === 'live' && search.revision !== undefined;
  const { data, error, refetch } = useQuery({ ...queries.anyDocument(place), enabled: kind !== undefined && !live });
  if (!kind) return <NoSuchKind plural={plural} />;
  const set = (change: Step) => void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });
  return (
    <div className="page">
      <FlowHead
        crumbs={
          <>
            <Link to="/documents">Documents</Link> <span aria-hidden>›</span>
            <Link to="/documents" search={{ kind: plural }}>
              {kindLabel(kind)}
            </Link>
            {!live && (
              <>
                <span aria-hidden>›</span>
                <OpenDocument place={place}>{name}</OpenDocument>
              </>
            )}
          </>
        }
        title={`Delete ${name}`}
        steps={['Review', 'Live']}
        at={live ? 1 : 0}
        actions={
          live &&
          search.revision !== undefined && (
            <RollBackNow
              key={search.revision}
              revision={search.revision}
              onDone={(made) => set({ revision: made, undone: search.revision })}
            />
          )
        }
      />
      {live && search.revision !== undefined ? (
        <LiveStep revision={search.revision} undone={search.undone} />
      ) : data ? (
        <Deleting kind={kind} place={place} document={data} onDone={(revision) => set({ step: 'live', revision })} />
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
