import { Check, Minus, X } from 'lucide-react';
import { Fragment, type ReactNode } from 'react';
import type { Explanation, PolicyTrace, RuleTrace, Verdict } from '@/api/types';
import { DocumentLink } from '@/features/documents/DocumentLink';
import { plural } from '@/ui/format';
import { ToneIcon } from '@/ui/state';
import { documentShort, identityShort } from './model';

type Mark = 'ok' | 'skip' | 'miss' | 'deny';

const MARKS: Record<Mark, ReactNode> = {
  ok: <Check className="i s ok" aria-hidden />,
  skip: <Minus className="i s skip" aria-hidden />,
  miss: <X className="i s miss" aria-hidden />,
  deny: (
    <span className="st deny">
      <ToneIcon tone="deny" />
    </span>
  ),
};

function Step({ mark, title, children }: { mark: Mark; title: ReactNode; children?: ReactNode }) {
  return (
    <li className="tr">
      {MARKS[mark]}
      <div>
        <span className="b5">{title}</span>
        {children && <div className="two">{children}</div>}
      </div>
    </li>
  );
}

const FIELDS: Record<string, string> = {
  principals: 'caller',
  namespaces: 'a caller of namespace',
  serviceAccounts: 'caller',
  trustDomains: 'a caller of trust domain',
  requestPrincipals: 'token of',
  ipBlocks: 'address',
  remoteIpBlocks: 'address',
  hosts: 'host',
  ports: 'port',
  methods: 'method',
  paths: 'path',
};

/** "/spec/rules/0/from/0/source/notPrincipals" -> "caller", as people say it. */
function fieldName(pointer: string): string {
  const last = pointer.split('/').findLast((part) => part && !/^\d+$/.test(part)) ?? '';
  const name = last.replace(/^not(.)/, (_, first: string) => first.toLowerCase());
  return FIELDS[name] ?? (name === 'values' ? 'what its condition asks' : name);
}

/** Principals and identities by namespace and account; the whole name behind it. */
function Value({ text }: { text: string }) {
  return (
    <span className="mono" title={text}>
      {identityShort(text)}
    </span>
  );
}

function Failed({ rule }: { rule: RuleTrace }) {
  return (
    <>
      {rule.failed.map(({ field, wants, negated, got }) => (
        <div key={field}>
          wants {negated ? 'not ' : ''}
          {fieldName(field)}{' '}
          {wants.slice(0, 4).map((text, index) => (
            <Fragment key={text}>
              {index > 0 && ', '}
              <Value text={text} />
            </Fragment>
          ))}
          {wants.length > 4 && ` and ${wants.length - 4} more`}, got {got ? <Value text={got} /> : 'nothing'}
        </div>
      ))}
    </>
  );
}

function Policy({ policy }: { policy: PolicyTrace }) {
  const link = <DocumentLink document={policy.document}>{documentShort(policy.document)}</DocumentLink>;
  const denies = policy.action !== 'ALLOW';
  const trial = policy.dryRun ? ', trial run: decides nothing' : '';
  const word = { ALLOW: 'Allow', DENY: 'Deny', CUSTOM: 'Ask', AUDIT: 'Record' }[policy.action];
  if (policy.rules.length === 0)
    return (
      <Step
        mark={policy.dryRun ? 'skip' : 'miss'}
        title={
          <>
            {word} policy {link}: has no rules{trial}
          </>
        }
      >
        It fits no call.
      </Step>
    );
  if (denies && !policy.matched)
    return (
      <Step
        mark="skip"
        title={
          <>
            {word} {link}: {plural(policy.rules.length, 'rule')} checked, none fits{trial}
          </>
        }
      >
        {policy.rules[0] && <Failed rule={policy.rules[0]} />}
      </Step>
    );
  return (
    <>
      {policy.rules.map((rule) => (
        <Step
          key={rule.rule}
          mark={
            policy.dryRun || policy.action === 'AUDIT'
              ? 'skip'
              : rule.matched
                ? policy.action === 'DENY'
                  ? 'deny'
                  : 'ok'
                : denies
                  ? 'skip'
                  : 'miss'
          }
          title={
            <>
              {word} rule {rule.rule} of{' '}
              <DocumentLink document={policy.document} field={`/spec/rules/${rule.rule - 1}`}>
                {documentShort(policy.document)}
              </DocumentLink>
              : {rule.matched ? 'fits' : 'does not fit'}
              {trial}
            </>
          }
        >
          {!rule.matched && <Failed rule={rule} />}
        </Step>
      ))}
    </>
  );
}

const ENDS = {
  allow: () => 'Let through',
  ask: (provider: string) => `${provider} is asked, and decides`,
  deny: () => 'Denied with 403',
};

const ORDER = ['AUDIT', 'CUSTOM', 'DENY', 'ALLOW'];

function byAction(policies: PolicyTrace[]): PolicyTrace[] {
  return [...policies].sort((a, b) => ORDER.indexOf(a.action) - ORDER.indexOf(b.action));
}

/** What one workload's proxy looks at, in its order. */
export function Trace({ verdict, identity }: { verdict: Verdict; identity: string }) {
  const closed = verdict.hop === 'connection';
  return (
    <ol className="trace">
      <Step
        mark={closed ? 'deny' : identity ? 'ok' : 'skip'}
        title={closed ? 'Encryption: the connection is closed' : 'Encryption: passes'}
      >
        {closed ? (
          verdict.reason
        ) : identity ? (
          <>
            mTLS; the caller proved to be <span className="mono">{identityShort(identity)}</span>
          </>
        ) : (
          'plain text: nobody knows who calls'
        )}
      </Step>
      {byAction(verdict.policies).map((policy) => (
        <Policy key={policy.document} policy={policy} />
      ))}
      {verdict.omitted > 0 && (
        <Step mark="skip" title={`${plural(verdict.omitted, 'more policy', 'more policies')}: none fits`} />
      )}
      {verdict.hop === 'token' && (
        <Step mark="deny" title="Token: refused with 401">
          {verdict.reason}
        </Step>
      )}
      {verdict.hop === 'policy' && (
        <Step
          mark={{ allow: 'ok', ask: 'skip', deny: 'deny' }[verdict.decision] as Mark}
          title={ENDS[verdict.decision](verdict.provider)}
        >
          {verdict.reason}
        </Step>
      )}
    </ol>
  );
}

/** One trace where all workloads decide alike, else the first of each kind. */
export function differing(explanation: Explanation): { verdict: Verdict; alike: number }[] {
  const found = new Map<string, { verdict: Verdict; alike: number }>();
  for (const verdict of explanation.verdicts) {
    const key = JSON.stringify({ ...verdict, workload: '' });
    const known = found.get(key);
    if (known) known.alike++;
    else found.set(key, { verdict, alike: 1 });
  }
  return [...found.values()];
}
