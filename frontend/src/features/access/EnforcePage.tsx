import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { commands, queries } from '@/api/queries';
import type { AnyDocument } from '@/api/types';
import { RollBackNow } from '@/features/changes/RollBackNow';
import { LiveStep } from '@/features/documents/LiveStep';
import { ReviewStep } from '@/features/documents/ReviewStep';
import type { Step } from '@/features/documents/Writing';
import { asCommand } from '@/features/shift-traffic/model';
import { FlowHead } from '@/ui/flow';
import { Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Note } from '@/ui/state';
import { POLICIES } from './principals';
import { enforced, isTrial } from './policies';

function Review({ policy, onDone }: { policy: AnyDocument; onDone: (revision: number) => void }) {
  const queryClient = useQueryClient();
  const document = enforced(policy);
  const review = useQuery({
    queryKey: ['apply-review', JSON.stringify(document)],
    queryFn: () => commands.apply([document], { dryRun: true }),
    gcTime: 0,
    retry: false,
  });
  const apply = useMutation({
    mutationFn: (reason: string) => commands.apply([document], { dryRun: false, reason }),
    onSuccess: (result) => {
      for (const each of ['documents', 'revisions', 'mesh', 'effective', 'access-matrix'])
        void queryClient.invalidateQueries({ queryKey: [each] });
      if (result.revision !== null) onDone(result.revision);
    },
  });
  const failed = apply.error ?? review.error;
  const would = policy.status.enforcement?.wouldDeny ?? 0;
  const after = review.data?.results[0]?.after;
  return (
    <ReviewStep
      result={review.data}
      busy={apply.isPending}
      deed={`Enforce ${policy.metadata.name}`}
      undo="Undo is one click: Roll back now makes it a trial run again."
      command={after ? asCommand(after, '') : null}
      onApply={(reason) => apply.mutate(reason)}
      back={
        <Link className="btn" to="/access" search={{ tab: 'trials' }}>
          Back
        </Link>
      }
      notes={
        failed ? (
          <ProblemNote
            error={failed}
            what="Not enforced. Nothing was changed."
            onRetry={() => void review.refetch().then(() => apply.reset())}
          />
        ) : !isTrial(policy) ? (
          <Note tone="unknown">
            <b className="b6">It is enforced already.</b> There is nothing to change.
          </Note>
        ) : would > 0 ? (
          <Note tone="deny">
            <b className="b6">The trial would have denied {would.toLocaleString('en-US')} calls of the last hour.</b>{' '}
            <Link to="/access" search={{ tab: 'trials' }}>
              Show whose
            </Link>
          </Note>
        ) : null
      }
    />
  );
}

/** From a trial run to a policy that decides: Review, then Live. */
export function EnforcePage() {
  const place = useParams({ from: '/console/access/enforce/$namespace/$name' });
  const search = useSearch({ from: '/console/access/enforce/$namespace/$name' });
  const navigate = useNavigate({ from: '/access/enforce/$namespace/$name' });
  const { data, error, refetch } = useQuery(queries.anyDocument({ plural: POLICIES, ...place }));
  const set = (change: Step) => void navigate({ search: (previous) => ({ ...previous, ...change }), replace: true });
  const { revision } = search;
  const live = search.step === 'live' && revision !== undefined;
  return (
    <div className="page">
      <FlowHead
        crumbs={
          <>
            <Link to="/access">Access</Link> <span aria-hidden>›</span>
            <Link to="/access" search={{ tab: 'trials' }}>
              Trial runs
            </Link>
          </>
        }
        title={`Enforce ${place.name}`}
        steps={['Review', 'Live']}
        at={live ? 1 : 0}
        actions={
          live && (
            <RollBackNow
              key={revision}
              revision={revision}
              onDone={(made) => set({ revision: made, undone: revision })}
            />
          )
        }
      />
      {live ? (
        <LiveStep revision={revision} undone={search.undone}>
          <p>
            <Link to="/access">Show who may call whom now</Link>
          </p>
        </LiveStep>
      ) : data ? (
        <Review policy={data} onDone={(made) => set({ step: 'live', revision: made })} />
      ) : error ? (
        <div className="pad">
          <ProblemNote error={error} what={`Policy ${place.name} could not be read.`} onRetry={() => void refetch()} />
        </div>
      ) : (
        <Loading what="the policy" />
      )}
    </div>
  );
}
