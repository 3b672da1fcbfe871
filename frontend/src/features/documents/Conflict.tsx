import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import { ApiError } from '@/api/client';
import type { Kind } from '@/api/kinds';
import type { Place } from '@/api/places';
import { queries } from '@/api/queries';
import { ago } from '@/ui/format';
import { useNow } from '@/ui/now';
import { Note } from '@/ui/state';
import type { Draft } from './draft';
import { changed, titleOf } from './model';
import { merge } from './yaml/merge';
import { authored } from './yaml/text';

/** Someone else changed the same document after it was read. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 409 || error.status === 412);
}

interface Props {
  kind: Kind;
  place: Place;
  draft: Draft;
  onTake: (next: Partial<Draft>) => void;
}

function inWords(both: string[] | null): string {
  if (both === null) return 'Your text is kept. It does not read as one document, so it cannot be merged.';
  if (both.length === 0) return 'Your lines and theirs do not overlap.';
  return `Both of you changed ${both.join(', ')}: merged, yours stays there, and the review shows it.`;
}

/** Who was faster, what both changed, and the way on. The text in the editor is never lost. */
export function Conflict({ kind, place, draft, onTake }: Props) {
  const now = useNow();
  const theirs = useQuery({ ...queries.anyDocument(place), staleTime: 0, refetchOnMount: 'always' });
  const history = useInfiniteQuery(queries.revisions());
  const last = history.data?.pages.flatMap((page) => page.items).find((each) => changed(each, kind, place));
  const title = titleOf(kind, place.namespace, place.name);
  const merged = useMemo(
    () => (theirs.data && draft.base ? merge(draft.base, authored(theirs.data), draft.text) : null),
    [theirs.data, draft.base, draft.text],
  );
  const gone = theirs.error instanceof ApiError && theirs.error.status === 404;
  const fresh = theirs.data && theirs.data.metadata.resourceVersion !== draft.seen ? theirs.data : undefined;
  function take(text: string) {
    if (fresh) onTake({ text, seen: fresh.metadata.resourceVersion, base: authored(fresh) });
  }
  return (
    <div role="alert">
      <Note tone="warn">
        <b className="b6">
          {last ? `${last.author} changed ${title} ${ago(last.createdAt, now)}.` : `Somebody changed ${title}.`}
        </b>{' '}
        Nothing was overwritten.{' '}
        {gone
          ? 'It was deleted. Your text is kept; applying it makes the document anew.'
          : inWords(merged?.both ?? null)}
        <div className="row wrap" style={{ marginTop: 6 }}>
          {merged && (
            <button type="button" className="btn" disabled={!fresh} onClick={() => take(merged.text)}>
              Merge and review
            </button>
          )}
          {!gone && (
            <button type="button" className="btn" disabled={!fresh} onClick={() => take(draft.text)}>
              Keep mine and review
            </button>
          )}
          {gone && (
            <button type="button" className="btn" onClick={() => onTake({ seen: null, base: null })}>
              Make it anew
            </button>
          )}
          {last && (
            <Link className="btn" to="/changes" search={{ revision: last.number }} target="_blank">
              See {last.author}’s change
            </Link>
          )}
        </div>
      </Note>
    </div>
  );
}
