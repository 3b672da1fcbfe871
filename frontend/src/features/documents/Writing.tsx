import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ApiError } from '@/api/client';
import { kindOf, type Kind } from '@/api/kinds';
import type { Place } from '@/api/places';
import { asCommand } from '@/features/shift-traffic/model';
import { clock } from '@/ui/format';
import { ProblemNote } from '@/ui/problem';
import { Note } from '@/ui/state';
import { nameOf } from './check';
import { Conflict, isConflict } from './Conflict';
import type { useDraft } from './draft';
import { LiveStep } from './LiveStep';
import { ReviewStep } from './ReviewStep';
import { useWriting } from './useWriting';
import { WriteStep } from './WriteStep';

export interface Step {
  step?: 'review' | 'live';
  revision?: number;
  undone?: number;
}

interface Props {
  label: string;
  edited: { kind: Kind; place: Place } | null;
  work: ReturnType<typeof useDraft>;
  search: Step;
  set: (change: Step, replace?: boolean) => void;
  cancel: ReactNode;
  afterwards?: ReactNode;
}

function KeptDraft({ work }: { work: Props['work'] }) {
  if (work.found === null || work.draft.at === null) return null;
  return (
    <div className="strip calm">
      <span>You go on with your draft of {clock(work.found)}. It is kept in this browser tab until it is applied.</span>
      <button type="button" className="btn" onClick={work.restart}>
        Throw it away
      </button>
    </div>
  );
}

/** Every way an attempt can fail, but for what stands at a line. */
function Failure({
  error,
  names,
  props,
  onTake,
}: {
  error: unknown;
  names: string[];
  props: Props;
  onTake: Parameters<typeof Conflict>[0]['onTake'];
}) {
  if (!error) return null;
  if (isConflict(error) && props.edited) {
    return <Conflict {...props.edited} draft={props.work.draft} onTake={onTake} />;
  }
  return <ProblemNote error={error} what="Not saved. Nothing was changed; your text is kept." names={names} />;
}

const atLines = (error: unknown) => error instanceof ApiError && Boolean(error.problem.errors?.length);

/** Write, review, live: one flow for new documents and for those that are there. */
export function Writing(props: Props) {
  const { label, edited, work, search, set, cancel, afterwards } = props;
  const { draft, change, drop } = work;
  const writing = useWriting({
    draft,
    edited,
    step: search.step,
    onReviewed: () => set({ step: 'review' }),
    onApplied: (revision) => {
      drop();
      set({ step: 'live', revision, undone: undefined }, true);
    },
  });
  if (search.step === 'live' && search.revision !== undefined) {
    return (
      <LiveStep revision={search.revision} undone={search.undone}>
        {afterwards}
      </LiveStep>
    );
  }
  const { findings, documents, check, review, apply, read } = writing;
  const names = documents.map(nameOf);
  const kinds = documents.map((value) => kindOf(value.apiVersion, value.kind));
  const take: Parameters<typeof Conflict>[0]['onTake'] = (next) => {
    writing.forget();
    change(next);
    set({ step: 'review' }, true);
  };
  if (search.step === 'review' && findings.length === 0) {
    const result = review.data;
    const failed = apply.error ?? review.error;
    const existing = edited === null && result?.results.find(({ action }) => action === 'updated');
    const after = result?.results.filter(({ action }) => action !== 'unchanged').map((each) => each.after) ?? [];
    return (
      <ReviewStep
        result={result}
        busy={apply.isPending || review.isFetching}
        deed="Apply"
        undo="Undo is one click: Roll back now sets again what is there today."
        command={kinds.some((kind) => kind?.writeOnly) || !after.length ? null : asCommand(after.join('---\n'), '')}
        onApply={(reason) => apply.mutate(reason)}
        back={
          <button type="button" className="btn" onClick={() => set({ step: undefined })}>
            Back
          </button>
        }
        notes={
          failed ? (
            <Failure error={failed} names={names} props={props} onTake={take} />
          ) : existing ? (
            <Note tone="warn">
              <b className="b6">A document with this name is there already.</b> Applying changes it; go back to choose
              another name.
            </Note>
          ) : null
        }
      />
    );
  }
  const failed = check.error && !atLines(check.error) ? check.error : null;
  return (
    <WriteStep
      label={label}
      text={draft.text}
      read={read}
      findings={findings}
      isNew={edited === null}
      asked={writing.asked}
      busy={check.isPending}
      onChange={(text) => {
        if (text !== draft.text) change({ text });
      }}
      onReview={writing.startReview}
      cancel={cancel}
      notes={
        <>
          <KeptDraft work={work} />
          {failed && (
            <div className="pad" style={{ flex: 'none' }}>
              <Failure error={failed} names={names} props={props} onTake={take} />
            </div>
          )}
          {read.documents.length > 1 && edited && (
            <div className="strip calm">
              <span>The first document is the one that is edited; the others are applied with it.</span>
            </div>
          )}
        </>
      }
    />
  );
}

export function OpenDocument({ place, children }: { place: Place; children: ReactNode }) {
  return (
    <Link
      to="/documents/$plural/$namespace/$name"
      params={{ plural: place.plural, namespace: place.namespace, name: place.name }}
    >
      {children}
    </Link>
  );
}
