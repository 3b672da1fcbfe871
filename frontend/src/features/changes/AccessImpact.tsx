import type { AccessChange, AccessImpact as Access } from '@/api/types';
import { DocumentLink } from '@/features/documents/DocumentLink';
import { Finding } from '@/ui/flow';
import { plural, shortName } from '@/ui/format';
import { Ago } from '@/ui/parts';

const WORDS = {
  newlyDenied: { tone: 'deny', one: 'caller is newly denied', many: 'callers are newly denied' },
  newlyAllowed: { tone: 'warn', one: 'caller is newly let in', many: 'callers are newly let in' },
  mayChange: { tone: 'unknown', one: 'caller may be decided otherwise', many: 'callers may be decided otherwise' },
} as const;

const FATES = ['newlyDenied', 'newlyAllowed', 'mayChange'] as const;

function Line({ change }: { change: AccessChange }) {
  const by = change.reasons.find((reason) => reason.document);
  return (
    <li>
      <b className="b5">
        {shortName(change.source)} → {shortName(change.destination)}
      </b>
      : {plural(change.requests, 'call')} in the last hour, the last <Ago at={change.lastSeen} />.{' '}
      {by?.document ? (
        <DocumentLink document={by.document} field={by.field}>
          {change.reason}
        </DocumentLink>
      ) : (
        change.reason
      )}
    </li>
  );
}

/** Whose calls, of those that were seen, would be decided otherwise. */
export function AccessImpact({ access }: { access: Access }) {
  if (access.callers === 0)
    return (
      <Finding tone="unknown" title="Nobody called in the last hour">
        There are no callers to check this against.
      </Finding>
    );
  const checked = `Checked against ${plural(access.callers, 'caller')} seen in the last hour.`;
  return (
    <>
      {access.newlyDenied === 0 && (
        <Finding tone="ok" title="No caller is newly denied">
          {checked}
        </Finding>
      )}
      {FATES.filter((fate) => access[fate] > 0).map((fate) => (
        <Finding key={fate} tone={WORDS[fate].tone} title={plural(access[fate], WORDS[fate].one, WORDS[fate].many)}>
          {fate === 'newlyDenied' && checked}
          <ul>
            {access.changes
              .filter((change) => change.fate === fate)
              .map((change) => (
                <Line key={`${change.source} ${change.destination}`} change={change} />
              ))}
          </ul>
        </Finding>
      ))}
      {access.leftOut > 0 && <p className="sm dim">{plural(access.leftOut, 'more edge')} not shown.</p>}
    </>
  );
}
