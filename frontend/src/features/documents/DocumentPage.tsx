import { useQuery } from '@tanstack/react-query';
import { Link, useParams, useSearch } from '@tanstack/react-router';
import { Pencil, Trash2 } from 'lucide-react';
import { useMemo } from 'react';
import { kindLabel, kindWithPlural, type Kind } from '@/api/kinds';
import { NO_NAMESPACE, type Place } from '@/api/places';
import { queries } from '@/api/queries';
import type { AnyDocument } from '@/api/types';
import { LastChanges } from '@/features/changes/LastChanges';
import { Ago, Card, CopyButton, Facts, Loading } from '@/ui/parts';
import { fieldPath, ProblemNote } from '@/ui/problem';
import { Note, Pill } from '@/ui/state';
import { AccessRecordsCard } from './AccessRecordsCard';
import { changed, stateOf, titleOf } from './model';
import { ConditionsCard, EnforcementCard, ListenersCard, ParentsCard, RequestsCard } from './Status';
import { lineOf } from './yaml/pointer';
import { authored, readText, toYaml } from './yaml/text';
import { YamlView } from './YamlView';

function Text({ kind, document, field }: { kind: Kind; document: AnyDocument; field: string | undefined }) {
  const text = useMemo(() => toYaml(authored(document)), [document]);
  const marked = useMemo(() => (field ? lineOf(readText(text), field) : null), [text, field]);
  return (
    <Card
      title="Document"
      meta={`generation ${document.metadata.generation}`}
      aside={!kind.writeOnly && <CopyButton text={text} label="Copy YAML" />}
    >
      <div className="b col">
        {field && marked === null && (
          <Note tone="warn">
            <code>{fieldPath(field)}</code> is not in this document any more.
          </Note>
        )}
        {kind.writeOnly && (
          <Note tone="unknown">Values are sealed where they are stored, and never shown again, here or elsewhere.</Note>
        )}
        <YamlView text={text} label={`YAML of ${document.metadata.name}`} marked={marked} />
      </div>
    </Card>
  );
}

function About({ kind, document }: { kind: Kind; document: AnyDocument }) {
  const { metadata } = document;
  return (
    <Card title="About">
      <div className="b col">
        <p className="sm two">{kind.summary}</p>
        <Facts
          items={[
            ['Kind', <code key="kind">{`${document.apiVersion} ${document.kind}`}</code>],
            [
              'Changed in',
              <Link key="changed" to="/changes" search={{ revision: Number(metadata.resourceVersion) }}>
                revision {metadata.resourceVersion}
              </Link>,
            ],
            ['Made', <Ago key="made" at={metadata.creationTimestamp} />],
            ['Identifier', <code key="uid">{metadata.uid}</code>],
          ]}
        />
      </div>
    </Card>
  );
}

function records({ spec }: AnyDocument): boolean {
  return typeof spec === 'object' && spec !== null && 'action' in spec && spec.action === 'AUDIT';
}

function Details({ kind, place, document }: { kind: Kind; place: Place; document: AnyDocument }) {
  const { field } = useSearch({ from: '/console/documents/$plural/$namespace/$name' });
  const { parents, listeners, requests, enforcement } = document.status;
  return (
    <div className="grid">
      <div className="stack">
        <Text kind={kind} document={document} field={field} />
      </div>
      <div className="stack">
        <ConditionsCard document={document} />
        {enforcement && <EnforcementCard enforcement={enforcement} />}
        {requests && <RequestsCard requests={requests} />}
        {parents && parents.length > 0 && <ParentsCard parents={parents} />}
        {kind.kind === 'AuthorizationPolicy' && records(document) && (
          <AccessRecordsCard policy={`${place.namespace}/${place.name}`} />
        )}
        {listeners && listeners.length > 0 && <ListenersCard listeners={listeners} />}
        <LastChanges all={place.name} here={(revision) => changed(revision, kind, place)} />
        <About kind={kind} document={document} />
      </div>
    </div>
  );
}

export function NoSuchKind({ plural }: { plural: string }) {
  return (
    <div className="empty">
      <h1>There is no kind {plural}</h1>
      <p>The address names a kind of document that this control plane does not know.</p>
      <div className="row">
        <Link className="btn" to="/documents">
          Show all documents
        </Link>
      </div>
    </div>
  );
}

export function DocumentPage() {
  const place = useParams({ from: '/console/documents/$plural/$namespace/$name' });
  const kind = kindWithPlural(place.plural);
  const { data, error, isPending, refetch } = useQuery(queries.anyDocument(place));
  if (!kind) return <NoSuchKind plural={place.plural} />;
  const state = data && stateOf(data);
  return (
    <div className="page">
      <div className="ph">
        <div style={{ minWidth: 0 }}>
          <nav className="crumb" aria-label="Way here">
            <Link to="/documents">Documents</Link> <span aria-hidden>›</span>
            <Link to="/documents" search={{ kind: kind.plural }}>
              {kindLabel(kind)}
            </Link>
            {place.namespace !== NO_NAMESPACE && (
              <>
                <span aria-hidden>›</span> {place.namespace}
              </>
            )}
          </nav>
          <div className="row wrap">
            <h1>{place.name}</h1>
            {state && <Pill tone={state.tone}>{state.word}</Pill>}
          </div>
        </div>
        <span className="sp" />
        {data && (
          <>
            <Link className="btn d" to="/documents/$plural/$namespace/$name/delete" params={place}>
              <Trash2 className="i s" aria-hidden /> Delete…
            </Link>
            <Link className="btn p" to="/documents/$plural/$namespace/$name/edit" params={place}>
              <Pencil className="i s" aria-hidden /> Edit
            </Link>
          </>
        )}
      </div>
      <div className="scroll pad" style={{ paddingTop: 4 }}>
        {error && (
          <ProblemNote
            error={error}
            what={`${titleOf(kind, place.namespace, place.name)} could not be read.`}
            onRetry={() => void refetch()}
          />
        )}
        {isPending && <Loading what="the document" />}
        {data && <Details kind={kind} place={place} document={data} />}
      </div>
    </div>
  );
}
