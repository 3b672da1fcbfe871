import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Undo2 } from 'lucide-react';
import { commands, queries } from '@/api/queries';
import { FlowHead } from '@/ui/flow';
import { Card, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { useDenialGuard } from './DenialGuard';
import { Documents, summary } from './Documents';
import { Impact } from './Impact';
import { LiveProgress } from './LiveProgress';

function Live({ number }: { number: number }) {
  const { data, error, isPending, refetch } = useQuery(queries.revision(number));
  return (
    <div className="scroll pad">
      <div className="stack">
        {isPending && <Loading what={`revision ${number}`} />}
        {error && (
          <ProblemNote error={error} what={`Revision ${number} could not be read.`} onRetry={() => void refetch()} />
        )}
        {data && <LiveProgress revision={data} />}
      </div>
    </div>
  );
}

function Review({ number }: { number: number }) {
  const navigate = useNavigate({ from: '/changes/$revision/rollback' });
  const queryClient = useQueryClient();
  const review = useQuery({
    queryKey: ['rollback-review', number],
    queryFn: () => commands.rollBack(number, true),
    staleTime: 0,
    gcTime: 0,
  });
  const apply = useMutation({
    mutationFn: () => commands.rollBack(number, false),
    onSuccess: (result) => {
      for (const key of ['documents', 'revisions', 'mesh']) void queryClient.invalidateQueries({ queryKey: [key] });
      void navigate({ search: (previous) => ({ ...previous, made: result.revision ?? undefined }), replace: true });
    },
  });
  const guard = useDenialGuard(review.data?.impact);
  const nothing = review.data?.results.every((result) => result.action === 'unchanged') ?? false;
  return (
    <>
      <div className="scroll pad">
        <div className="stack" style={{ maxWidth: 980 }}>
          {review.isPending && <Loading what="what a rollback would do" />}
          {review.error && (
            <ProblemNote
              error={review.error}
              what={`Revision ${number} cannot be rolled back.`}
              onRetry={() => void review.refetch()}
            />
          )}
          {review.data && (
            <>
              <p className="say">
                What revision {number} changed goes back to what it was before. This makes a new revision; nothing is
                erased.
              </p>
              <Card
                title="What changes"
                meta={summary(review.data.results.filter((result) => result.action !== 'unchanged'))}
              >
                <div className="b">
                  <Documents documents={review.data.results} />
                </div>
              </Card>
              <Card title="What it touches">
                <Impact impact={review.data.impact} />
              </Card>
              {guard.field}
            </>
          )}
          {apply.error && <ProblemNote error={apply.error} what="Not rolled back. Nothing was changed." />}
        </div>
      </div>
      <div className="foot">
        <span className="two sm">Undo is the same again: roll back the revision that this makes.</span>
        <span className="sp" />
        <Link className="btn" to="/changes" search={{ revision: number }}>
          Back
        </Link>
        <button
          type="button"
          className="btn p lg"
          disabled={!review.data || nothing || apply.isPending || guard.held}
          onClick={() => apply.mutate()}
        >
          <Undo2 className="i s" aria-hidden /> Roll back revision {number}
        </button>
      </div>
    </>
  );
}

export function RollbackPage() {
  const { revision } = useParams({ from: '/console/changes/$revision/rollback' });
  const { made } = useSearch({ from: '/console/changes/$revision/rollback' });
  const number = Number(revision);
  return (
    <div className="page">
      <FlowHead
        crumbs={
          <>
            <Link to="/changes">Changes</Link> <span aria-hidden>›</span>
            <Link to="/changes" search={{ revision: number }}>
              revision {number}
            </Link>
          </>
        }
        title={`Roll back revision ${number}`}
        steps={['Review', 'Live']}
        at={made === undefined ? 0 : 1}
        actions={
          made !== undefined && (
            <Link className="btn d" to="/changes/$revision/rollback" params={{ revision: String(made) }} search={{}}>
              <Undo2 className="i s" aria-hidden /> Undo
            </Link>
          )
        }
      />
      {made === undefined ? <Review number={number} /> : <Live number={made} />}
    </div>
  );
}
