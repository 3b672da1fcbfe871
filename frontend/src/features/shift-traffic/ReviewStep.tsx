import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Play } from 'lucide-react';
import { useState } from 'react';
import { ApiError } from '@/api/client';
import { commands } from '@/api/queries';
import type { Draft } from '@/api/types';
import { Documents, summary } from '@/features/changes/Documents';
import { useDenialGuard } from '@/features/changes/DenialGuard';
import { Impact } from '@/features/changes/Impact';
import { SayWhy } from '@/features/changes/SayWhy';
import { Card, CopyButton, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Note } from '@/ui/state';
import { asCommand, sentence, type Weight } from './model';
import { SplitBars } from './SplitBars';
import { VersionsNow } from './VersionsNow';

interface Props {
  service: string;
  draft: Draft;
  weights: Weight[];
  onBack: () => void;
  onStarted: (revision: number) => void;
}

/** Someone else changed the same document after it was read. */
function isConflict(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 409 || error.status === 412);
}

function NotSaved({ error, draft, onAgain }: { error: unknown; draft: Draft; onAgain: () => void }) {
  const name = `${draft.kind} ${draft.metadata.namespace}/${draft.metadata.name}`;
  if (!isConflict(error)) return <ProblemNote error={error} what="Not saved. Nothing was changed." names={[name]} />;
  return (
    <div role="alert">
      <Note tone="warn">
        <b className="b6">Somebody changed {name} after you opened this page.</b> Nothing was overwritten. Your shares
        are kept.
        <div style={{ marginTop: 6 }}>
          <button type="button" className="btn" onClick={onAgain}>
            Read theirs and review again
          </button>
        </div>
      </Note>
    </div>
  );
}

function useReview({ draft, weights, onStarted }: Pick<Props, 'draft' | 'weights' | 'onStarted'>, reason: string) {
  const queryClient = useQueryClient();
  const review = useQuery({
    queryKey: ['apply-review', JSON.stringify(draft)],
    queryFn: () => commands.apply([draft], { dryRun: true }),
    gcTime: 0,
    staleTime: Infinity,
  });
  const apply = useMutation({
    mutationFn: () => commands.apply([draft], { dryRun: false, reason: reason.trim() || sentence(weights) }),
    onSuccess: (result) => {
      void queryClient.invalidateQueries({ queryKey: ['documents'] });
      void queryClient.invalidateQueries({ queryKey: ['revisions'] });
      if (result.revision !== null) onStarted(result.revision);
    },
  });
  function again() {
    apply.reset();
    void queryClient.invalidateQueries({ queryKey: ['documents', 'httproutes'] });
    void review.refetch();
  }
  const changed = review.data?.results.filter((result) => result.action !== 'unchanged') ?? [];
  return { review, apply, again, changed, failed: apply.error ?? review.error };
}

export function ReviewStep(props: Props) {
  const { service, draft, weights, onBack } = props;
  const [reason, setReason] = useState('');
  const { review, apply, again, changed, failed } = useReview(props, reason);
  const guard = useDenialGuard(review.data?.impact);
  const before = weights.map(({ now }) => now ?? 0).join(' / ');
  return (
    <>
      <div className="scroll pad">
        <div className="grid">
          <div className="stack">
            <section className="card" aria-label="The change">
              <div className="b col" style={{ gap: 12 }}>
                <h2 style={{ fontSize: 16, lineHeight: '24px' }}>{sentence(weights)}</h2>
                <SplitBars weights={weights} />
              </div>
            </section>
            {failed && <NotSaved error={failed} draft={draft} onAgain={again} />}
            {review.isPending && <Loading what="what this changes" />}
            {review.data && (
              <>
                <Card title="What changes" meta={summary(changed)}>
                  <div className="b">
                    <Documents documents={review.data.results} />
                  </div>
                </Card>
                <Card title="What it touches">
                  <Impact impact={review.data.impact} />
                </Card>
              </>
            )}
          </div>
          <div className="stack">
            <VersionsNow service={service} />
            <SayWhy placeholder={sentence(weights)} reason={reason} onReason={setReason} />
            {guard.field}
          </div>
        </div>
      </div>
      <div className="foot">
        <span className="two sm hide-n">
          Undo is one click: <b className="b6">Roll back now</b> sets {before} again.
        </span>
        <span className="sp" />
        {review.data && (
          <CopyButton
            text={asCommand(changed.map((result) => result.after ?? '').join('---\n'), reason.trim())}
            label="Copy as meshctl command"
          />
        )}
        <button type="button" className="btn" onClick={onBack}>
          Back
        </button>
        <button
          type="button"
          className="btn p lg"
          disabled={!review.data || changed.length === 0 || apply.isPending || guard.held}
          onClick={() => apply.mutate()}
        >
          <Play className="i s" aria-hidden /> Start the shift
        </button>
      </div>
    </>
  );
}
