import { Fragment, type ReactNode } from 'react';
import type { AccessSuggestion, SuggestedCaller } from '@/api/types';
import { DocumentLink } from '@/features/documents/DocumentLink';
import { toYaml } from '@/features/documents/yaml/text';
import { Finding } from '@/ui/flow';
import { plural, shortName } from '@/ui/format';
import { Ago } from '@/ui/parts';

const FEW = 8;

function Callers({ callers, label }: { callers: SuggestedCaller[]; label: string }) {
  return (
    <table className="t" aria-label={label}>
      <thead>
        <tr>
          <th scope="col">Caller</th>
          <th scope="col">Ports</th>
          <th scope="col" className="r">
            Calls
          </th>
          <th scope="col" className="r">
            Last
          </th>
        </tr>
      </thead>
      <tbody>
        {callers.map((caller) => (
          <tr key={caller.name}>
            <td className="b5" title={caller.identities.join(', ')}>
              {caller.name}
              {caller.plain > 0 && <span className="dim"> · {caller.plain.toLocaleString('en-US')} without mTLS</span>}
            </td>
            <td className="mono">{caller.ports.join(', ')}</td>
            <td className="r">{caller.requests.toLocaleString('en-US')}</td>
            <td className="r">
              <Ago at={caller.lastSeen} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function names(list: { name: string }[], more = 0): string {
  const left = Math.max(list.length - FEW, 0) + more;
  const shown = list.slice(0, FEW).map(({ name }) => shortName(name));
  return shown.join(', ') + (left ? ` and ${left} more` : '');
}

function Some({ when, children }: { when: unknown[]; children: ReactNode }) {
  return when.length ? <>{children}</> : null;
}

/** What speaks for a suggestion, whom it leaves out, and what cannot be known. */
export function Evidence({ item }: { item: AccessSuggestion }) {
  const { policy, why, admitted, nameless, refused, unseen, unseenLeftOut, standing, unknowable } = item;
  return (
    <div className="b">
      {!policy && (
        <Finding tone="unknown" title="No policy can be suggested">
          {why.charAt(0).toUpperCase() + why.slice(1)}.
        </Finding>
      )}
      <Some when={admitted}>
        <Callers callers={admitted} label={`Callers of ${item.service} that are let in`} />
      </Some>
      <Some when={standing}>
        <Finding
          tone={policy ? 'warn' : 'ok'}
          title={plural(standing.length, 'policy lets callers in already', 'policies let callers in already')}
        >
          {policy && `As long as ${standing.length === 1 ? 'it stands' : 'they stand'}, this one narrows nothing: `}
          {standing.map((document, index) => (
            <Fragment key={document}>
              {index > 0 && ', '}
              <DocumentLink document={document}>{shortName(document)}</DocumentLink>
            </Fragment>
          ))}
        </Finding>
      </Some>
      <Some when={nameless}>
        <Finding tone="bad" title={`${plural(nameless.length, 'caller has', 'callers have')} no identity`}>
          {names(nameless)} called without mTLS. No policy can name them, and enforcing denies them.
        </Finding>
      </Some>
      <Some when={refused}>
        <Finding tone="deny" title={`${plural(refused.length, 'caller is', 'callers are')} denied today, and stay so`}>
          {names(refused)}
        </Finding>
      </Some>
      <Some when={unseen}>
        <Finding
          tone="unknown"
          title={plural(
            unseen.length + unseenLeftOut,
            'caller may call today and was not seen',
            'callers may call today and were not seen',
          )}
        >
          {names(unseen, unseenLeftOut)}
        </Finding>
      </Some>
      {unknowable.map((sentence) => (
        <Finding key={sentence} tone="warn" title="This cannot be known">
          {sentence}
        </Finding>
      ))}
      {policy && (
        <details>
          <summary>The policy</summary>
          <pre className="draft">{toYaml(policy)}</pre>
        </details>
      )}
    </div>
  );
}
