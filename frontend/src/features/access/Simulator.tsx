import { Autocomplete, NumberInput, Select, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Pencil, Plus } from 'lucide-react';
import { useState } from 'react';
import { queries } from '@/api/queries';
import { placeOf } from '@/api/places';
import type { AccessCaller, AccessMatrix, Explanation } from '@/api/types';
import { namespaceOf, plural, shortName } from '@/ui/format';
import { CopyButton, Loading, Panel, Section } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { ToneIcon } from '@/ui/state';
import { useAllowDraft } from './drafts';
import { POLICIES, principalOf } from './principals';
import { differing, Trace } from './Trace';

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const NOBODY = 'no certificate';

/** "x-role: admin" by lines. */
export function headersOf(text: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const line of text.split('\n')) {
    const [name, ...rest] = line.split(':');
    if (name?.trim() && rest.length) (found[name.trim()] ??= []).push(rest.join(':').trim());
  }
  return found;
}

/** A token's payload; nothing written: no token; null: it cannot be read. */
export function claimsOf(text: string): Record<string, unknown> | null {
  if (!text.trim()) return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}

function quoted(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}

/** The same question for a terminal. */
export function asMeshctl(asked: {
  from: string;
  to: string;
  port?: number;
  method: string;
  path: string;
  headers: string;
}) {
  const parts = ['meshctl explain'];
  if (asked.from) parts.push(`--from ${quoted(asked.from)}`);
  parts.push(`--to ${quoted(asked.to)}`);
  if (asked.port) parts.push(`--port ${asked.port}`);
  parts.push(`--method ${quoted(asked.method)} --path ${quoted(asked.path)}`);
  for (const [name, values] of Object.entries(headersOf(asked.headers)))
    for (const value of values) parts.push(`--header ${quoted(`${name}: ${value}`)}`);
  return parts.join(' ');
}

function useQuestion(matrix: AccessMatrix) {
  const search = useSearch({ from: '/console/access' });
  const navigate = useNavigate({ from: '/access' });
  const set = (change: object) => void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });
  const caller = matrix.callers.find(({ name }) => name === search.from);
  // Who has one identity is asked about by it: a name may stand for several workloads.
  const from = caller ? (caller.identities.find(Boolean) ?? '') : (search.from ?? '');
  const asked = {
    from,
    to: search.to ?? '',
    port: search.port,
    method: search.method ?? 'GET',
    path: search.path ?? '/',
    headers: search.headers ?? '',
    claims: search.claims ?? '',
  };
  return { search, set, caller, asked };
}

function Fields({ matrix, question }: { matrix: AccessMatrix; question: ReturnType<typeof useQuestion> }) {
  const { search, set, asked } = question;
  const [path, setPath] = useState(asked.path);
  const [headers, setHeaders] = useState(asked.headers);
  const [claims, setClaims] = useState(asked.claims);
  const [more, setMore] = useState(asked.headers !== '' || asked.claims !== '');
  const services = [...new Set([...matrix.services.map(({ name }) => name), asked.to])].filter(Boolean);
  const callers = [...new Set([NOBODY, ...matrix.callers.map(({ name }) => name), search.from ?? NOBODY])].filter(
    Boolean,
  );
  const given = path.startsWith('/') ? path : `/${path}`;
  return (
    <div className="sec ask">
      <Select
        label="Caller"
        searchable
        allowDeselect={false}
        data={callers}
        value={search.from || NOBODY}
        onChange={(value) => set({ from: value === NOBODY ? '' : (value ?? ''), draft: undefined })}
      />
      <Select
        label="Service"
        searchable
        allowDeselect={false}
        data={services}
        value={asked.to}
        onChange={(value) => value && set({ to: value, port: undefined, draft: undefined })}
      />
      <div className="req">
        <Autocomplete
          label="Method"
          data={METHODS}
          value={asked.method}
          onChange={(value) => set({ method: value === 'GET' ? undefined : value })}
        />
        <NumberInput
          label="Port"
          placeholder={String(matrix.services.find(({ name }) => name === asked.to)?.ports[0] ?? 'first')}
          hideControls
          min={1}
          max={65535}
          value={search.port ?? ''}
          onChange={(value) => set({ port: typeof value === 'number' ? value : undefined })}
        />
        <TextInput
          label="Path"
          className="code-in"
          value={path}
          onChange={(event) => setPath(event.currentTarget.value)}
          onBlur={() => set({ path: given === '/' ? undefined : given })}
          onKeyDown={(event) => {
            if (event.key === 'Enter') set({ path: given === '/' ? undefined : given });
          }}
        />
      </div>
      {more ? (
        <>
          <Textarea
            label="Headers"
            description="One on each line: x-role: admin"
            className="code-in"
            autosize
            minRows={2}
            value={headers}
            onChange={(event) => setHeaders(event.currentTarget.value)}
            onBlur={() => set({ headers: headers.trim() || undefined })}
          />
          <Textarea
            label="Token"
            description="What a verified token says, as JSON"
            placeholder='{"iss": "https://issuer.example", "sub": "alice"}'
            className="code-in"
            autosize
            minRows={2}
            value={claims}
            error={claimsOf(claims) === null ? 'This is no JSON object' : undefined}
            onChange={(event) => setClaims(event.currentTarget.value)}
            onBlur={() => claimsOf(claims) && set({ claims: claims.trim() || undefined })}
          />
        </>
      ) : (
        <button type="button" className="btn q" onClick={() => setMore(true)}>
          <Plus className="i s" aria-hidden /> Headers, token
        </button>
      )}
    </div>
  );
}

const VERDICTS = {
  allow: { tone: 'ok', title: 'Allowed' },
  deny: { tone: 'deny', title: 'Denied' },
  ask: { tone: 'warn', title: 'A provider decides' },
  mixed: { tone: 'warn', title: 'Allowed by some workloads, denied by others' },
} as const;

/** What to do about a denial: the way there, with everything filled in. */
export function WayOut({
  explanation,
  service,
  caller,
}: {
  explanation: Explanation;
  service: string;
  caller?: AccessCaller;
}) {
  const denied = explanation.verdicts.find(({ decision }) => decision === 'deny');
  if (!denied) return null;
  const place = denied.document ? placeOf(denied.document) : null;
  const byRule = denied.policies.some(({ action, matched, dryRun }) => action !== 'ALLOW' && matched && !dryRun);
  const principal = principalOf(explanation.identity || caller?.identities.find(Boolean));
  if ((denied.hop === 'connection' || byRule) && place)
    return (
      <Link
        className="btn"
        to="/documents/$plural/$namespace/$name/edit"
        params={{ plural: place.plural, namespace: place.namespace, name: place.name }}
      >
        <Pencil className="i s" aria-hidden /> Change {place.name}…
      </Link>
    );
  if (denied.hop === 'connection' || byRule) return null;
  if (!principal)
    return <p className="sm two">A caller without a certificate can be let in by no rule that names it.</p>;
  return (
    <Link className="btn p" to="/documents/new" search={{ kind: POLICIES, service, principal }}>
      <Pencil className="i s" aria-hidden /> Draft a rule that allows it…
    </Link>
  );
}

function Answer({ question }: { question: ReturnType<typeof useQuestion> }) {
  const { search, set, caller, asked } = question;
  const principal = principalOf(asked.from.startsWith('spiffe://') ? asked.from : caller?.identities.find(Boolean));
  const withDraft = search.draft === true;
  const draft = useAllowDraft(asked.to, principal, withDraft);
  const { data, error, isPending, refetch } = useQuery({
    ...queries.explain({
      ...asked,
      headers: headersOf(asked.headers),
      claims: claimsOf(asked.claims) ?? {},
      draft: withDraft ? (draft.text ?? '') : '',
    }),
    enabled: !withDraft || draft.text !== null,
  });
  return (
    <>
      <div className="sec col">
        <div>
          <div className="seg" role="group" aria-label="Documents">
            <button type="button" aria-pressed={!withDraft} onClick={() => set({ draft: undefined })}>
              {data && !data.draft ? `As live, revision ${data.revision}` : 'As live'}
            </button>
            <button type="button" aria-pressed={withDraft} disabled={!principal} onClick={() => set({ draft: true })}>
              With my draft
            </button>
          </div>
        </div>
        {(error ?? draft.error) && (
          <ProblemNote error={error ?? draft.error} what="This could not be answered." onRetry={() => void refetch()} />
        )}
        {isPending && !error && !draft.error && <Loading what="the answer" rows={3} />}
        {data && (
          <>
            <div className={`verdict ${VERDICTS[data.decision].tone}`} role="status">
              <ToneIcon tone={VERDICTS[data.decision].tone} className="i" />
              <div>
                <b>{VERDICTS[data.decision].title}</b>
                <div>{sentence(data)}</div>
              </div>
            </div>
            {withDraft ? (
              <div className="row wrap">
                <Link className="btn p" to="/documents/new" search={{ kind: POLICIES, service: asked.to, principal }}>
                  <Pencil className="i s" aria-hidden /> Go on with the draft…
                </Link>
              </div>
            ) : (
              data.decision !== 'allow' &&
              data.decision !== 'ask' && (
                <div className="row wrap">
                  <WayOut explanation={data} service={asked.to} caller={caller} />
                </div>
              )
            )}
          </>
        )}
      </div>
      {withDraft && draft.text && (
        <Section title="The draft">
          <pre className="draft">{draft.text}</pre>
        </Section>
      )}
      {data &&
        differing(data).map(({ verdict, alike }) => (
          <Section
            key={verdict.workload}
            title={`How it was decided, at ${shortName(verdict.workload)}`}
            meta={alike > 1 ? `and ${plural(alike - 1, 'more workload')} alike` : undefined}
          >
            <Trace verdict={verdict} identity={data.identity} />
          </Section>
        ))}
    </>
  );
}

function sentence(data: Explanation): string {
  const text = data.reason;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.?]$/.test(text) ? '' : '.'}`;
}

/** Asks about one call and shows every rule that was looked at; the question stands in the address. */
export function Simulator({ matrix, onClose }: { matrix: AccessMatrix; onClose: () => void }) {
  const question = useQuestion(matrix);
  const { search, asked } = question;
  return (
    <Panel title="Would this call be allowed?" label="Would this call be allowed?" onClose={onClose}>
      {/* A caller or service that was chosen in the matrix starts the fields anew. */}
      <Fields key={`${search.from} ${search.to}`} matrix={matrix} question={question} />
      {asked.to && namespaceOf(asked.to) && <Answer question={question} />}
      <div className="sec row wrap">
        {!asked.claims && (
          <CopyButton text={asMeshctl({ ...asked, from: search.from ?? '' })} label="Copy as meshctl command" />
        )}
        <span className="sp" />
        <CopyButton text={window.location.href} label="Copy link" />
      </div>
    </Panel>
  );
}
