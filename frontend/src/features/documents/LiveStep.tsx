import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { queries } from '@/api/queries';
import { LiveProgress } from '@/features/changes/LiveProgress';
import { Card, Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Note } from '@/ui/state';

/** The road of a revision that this page made, until it is live. */
export function LiveStep({ revision, undone, children }: { revision: number; undone?: number; children?: ReactNode }) {
  const { data, error, isPending, refetch } = useQuery(queries.revision(revision));
  return (
    <div className="scroll pad">
      <div className="grid">
        <div className="stack">
          {undone !== undefined && (
            <Note tone="unknown">
              <b className="b6">Rolled back.</b> Revision {revision} sets again what was there before revision {undone}.
            </Note>
          )}
          {isPending && <Loading what={`revision ${revision}`} />}
          {error && (
            <ProblemNote
              error={error}
              what={`Revision ${revision} could not be read.`}
              onRetry={() => void refetch()}
            />
          )}
          {data && <LiveProgress revision={data} />}
        </div>
        <Card title="What happens next">
          <div className="b col sm two">
            <p>You can leave this page. It goes on without you, and stands in Changes.</p>
            {children}
            <p>
              <Link to="/changes" search={{ revision }}>
                Open revision {revision} in Changes
              </Link>
            </p>
          </div>
        </Card>
      </div>
    </div>
  );
}
