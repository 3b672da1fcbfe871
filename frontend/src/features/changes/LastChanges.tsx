import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { queries } from '@/api/queries';
import type { RevisionSummary } from '@/api/types';
import { Ago, Card } from '@/ui/parts';
import { State } from '@/ui/state';
import { reasonOf, stateOf } from './words';

/** The newest changes that `here` picks; `all` is what to search for in Changes. */
export function LastChanges({ here, all }: { here: (revision: RevisionSummary) => boolean; all: string }) {
  const { data } = useInfiniteQuery(queries.revisions());
  const found = (data?.pages.flatMap((page) => page.items) ?? []).filter(here).slice(0, 5);
  return (
    <Card
      title="Last changes here"
      aside={
        <Link to="/changes" search={{ q: all }}>
          All
        </Link>
      }
    >
      {found.length === 0 && <div className="b dim">None among the newest changes.</div>}
      {found.length > 0 && (
        <table className="t" aria-label="Last changes">
          <tbody>
            {found.map((revision) => (
              <tr key={revision.number}>
                <td className="mono">
                  <Link to="/changes" search={{ revision: revision.number }}>
                    r{revision.number}
                  </Link>
                </td>
                <td className="grow">{reasonOf(revision)}</td>
                <td>
                  <State tone={stateOf(revision).tone}>{stateOf(revision).word}</State>
                </td>
                <td className="r dim">
                  <Ago at={revision.createdAt} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
