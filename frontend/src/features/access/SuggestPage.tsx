import { Checkbox } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { WandSparkles } from 'lucide-react';
import { commands, queries } from '@/api/queries';
import type { AccessSuggestion, AccessSuggestions } from '@/api/types';
import { RollBackNow } from '@/features/changes/RollBackNow';
import { LiveStep } from '@/features/documents/LiveStep';
import { ReviewStep } from '@/features/documents/ReviewStep';
import { asCommand } from '@/features/shift-traffic/model';
import { FlowHead } from '@/ui/flow';
import { plural } from '@/ui/format';
import { Card, Empty, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Evidence } from './Evidence';
import './access.css';

interface Search {
  service?: string;
  services?: string;
  step?: 'review' | 'live';
  revision?: number;
  undone?: number;
}
type Set = (change: Search, replace?: boolean) => void;

/** The services whose policies are to be applied: those in the address, or all for which there is one. */
function chosenOf(items: AccessSuggestion[], services: string | undefined): AccessSuggestion[] {
  const wanted = services === undefined ? null : new Set(services.split(',').filter(Boolean));
  return items.filter(({ service, policy }) => policy !== null && (wanted?.has(service) ?? true));
}

/** What there is something to do about comes first. */
function policiesFirst(items: AccessSuggestion[]): AccessSuggestion[] {
  return [...items].sort((a, b) => Number(b.policy !== null) - Number(a.policy !== null));
}

function Choose({ found, search, set }: { found: AccessSuggestions; search: Search; set: Set }) {
  const chosen = new Set(chosenOf(found.items, search.services).map(({ service }) => service));
  function toggle(service: string) {
    const next = new Set(chosen);
    if (!next.delete(service)) next.add(service);
    set({ services: [...next].join(',') }, true);
  }
  if (found.items.length === 0)
    return (
      <Empty icon={<WandSparkles aria-hidden />} title="Nobody called in the last 24 hours">
        Policies are suggested from calls that were seen{search.service ? ` to ${search.service}` : ''}.
      </Empty>
    );
  return (
    <>
      <div className="scroll pad">
        <div className="grid">
          <div className="stack">
            {policiesFirst(found.items).map((item) => (
              <Card
                key={item.service}
                title={item.service}
                meta={item.policy ? `${plural(item.admitted.length, 'caller')} let in, nobody else` : 'no policy'}
                aside={
                  item.policy && (
                    <Checkbox
                      label="Try it out"
                      aria-label={`Try out the policy for ${item.service}`}
                      checked={chosen.has(item.service)}
                      onChange={() => toggle(item.service)}
                    />
                  )
                }
              >
                <Evidence item={item} />
              </Card>
            ))}
          </div>
          <Card title="What happens next">
            <div className="b col sm two">
              <p>
                Each policy lets in the callers that were seen, by certificate and port, and nobody else. It starts as a
                trial run: it counts whom it would have denied, and denies nobody.
              </p>
              <p>When the trial has seen enough, Access › Trial runs enforces it.</p>
              {found.since && <p>Calls are known only since {new Date(found.since).toLocaleString('en-GB')}.</p>}
            </div>
          </Card>
        </div>
      </div>
      <div className="foot">
        <span className="two sm hide-n">Nothing changes before you have seen the review.</span>
        <span className="sp" />
        <Link className="btn" to="/access">
          Cancel
        </Link>
        <button
          type="button"
          className="btn p lg"
          disabled={chosen.size === 0}
          onClick={() => set({ step: 'review', services: [...chosen].join(',') })}
        >
          Review {plural(chosen.size, 'policy', 'policies')}…
        </button>
      </div>
    </>
  );
}

function Review({ found, search, set }: { found: AccessSuggestions; search: Search; set: Set }) {
  const queryClient = useQueryClient();
  const documents = chosenOf(found.items, search.services).flatMap(({ policy }) => (policy ? [policy] : []));
  const review = useQuery({
    queryKey: ['apply-review', JSON.stringify(documents)],
    queryFn: () => commands.apply(documents, { dryRun: true }),
    gcTime: 0,
    retry: false,
    enabled: documents.length > 0,
  });
  const apply = useMutation({
    mutationFn: (reason: string) => commands.apply(documents, { dryRun: false, reason }),
    onSuccess: (result) => {
      for (const each of ['documents', 'revisions', 'mesh', 'access-matrix', 'access-suggestions'])
        void queryClient.invalidateQueries({ queryKey: [each] });
      if (result.revision !== null) set({ step: 'live', revision: result.revision }, true);
    },
  });
  const failed = apply.error ?? review.error;
  const after = review.data?.results.map((each) => each.after).join('---\n');
  return (
    <ReviewStep
      result={review.data}
      busy={apply.isPending}
      deed="Start the trial run"
      undo="Undo is one click: Roll back now takes the policies away again."
      command={after ? asCommand(after, '') : null}
      onApply={(reason) => apply.mutate(reason)}
      back={
        <button type="button" className="btn" onClick={() => set({ step: undefined })}>
          Back
        </button>
      }
      notes={
        failed && (
          <ProblemNote
            error={failed}
            what="Not started. Nothing was changed."
            onRetry={() => void review.refetch().then(() => apply.reset())}
          />
        )
      }
    />
  );
}

/** From who was seen to policies that let in them alone: Choose, Review, Live; as trial runs first. */
export function SuggestPage() {
  const search = useSearch({ from: '/console/access/suggest' });
  const navigate = useNavigate({ from: '/access/suggest' });
  const { revision } = search;
  const live = search.step === 'live' && revision !== undefined;
  const { data, error, refetch } = useQuery({
    ...queries.accessSuggestions({ namespace: search.ns, service: search.service }),
    enabled: !live,
  });
  const set: Set = (change, replace = false) =>
    void navigate({ search: (previous) => ({ ...previous, ...change }), replace });
  return (
    <div className="page">
      <FlowHead
        crumbs={<Link to="/access">Access</Link>}
        title={search.service ? `Suggest a policy for ${search.service}` : 'Suggest policies'}
        steps={['Choose', 'Review', 'Live']}
        at={live ? 2 : search.step === 'review' ? 1 : 0}
        actions={
          live && (
            <RollBackNow
              key={revision}
              revision={revision}
              onDone={(made) => set({ revision: made, undone: revision }, true)}
            />
          )
        }
      />
      {live ? (
        <LiveStep revision={revision} undone={search.undone}>
          <p>
            <Link to="/access" search={{ tab: 'trials' }}>
              Watch the trial run
            </Link>
          </p>
        </LiveStep>
      ) : error ? (
        <div className="pad">
          <ProblemNote error={error} what="Suggestions could not be read." onRetry={() => void refetch()} />
        </div>
      ) : !data ? (
        <Loading what="who called in the last 24 hours" />
      ) : search.step === 'review' ? (
        <Review found={data} search={search} set={set} />
      ) : (
        <Choose found={data} search={search} set={set} />
      )}
    </div>
  );
}
