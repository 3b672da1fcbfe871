import { Play } from 'lucide-react';
import { useState, type ReactNode } from 'react';
import type { ApplyResult } from '@/api/types';
import { Documents, summary } from '@/features/changes/Documents';
import { useDenialGuard } from '@/features/changes/DenialGuard';
import { Impact } from '@/features/changes/Impact';
import { SayWhy } from '@/features/changes/SayWhy';
import { documentName } from '@/features/changes/words';
import { plural } from '@/ui/format';
import { Card, CopyButton, Loading } from '@/ui/parts';

const VERBS: Record<string, string> = { created: 'Create', updated: 'Change', deleted: 'Delete' };

/** The change in one line, as Changes names it where nobody said why. */
export function sentence(result: ApplyResult): string {
  const changed = result.results.filter(({ action }) => action !== 'unchanged');
  const [first, ...rest] = changed;
  if (!first) return 'Nothing changes';
  const name = `${VERBS[first.action] ?? first.action} ${documentName(first)}`;
  return rest.length ? `${name} and ${plural(rest.length, 'more document')}` : name;
}

interface Props {
  result: ApplyResult | undefined;
  busy: boolean;
  notes: ReactNode;
  /** What the button says and shows. */
  deed: ReactNode;
  danger?: boolean;
  undo: string;
  command: string | null;
  back: ReactNode;
  onApply: (reason: string) => void;
  children?: ReactNode;
}

/** What changes and what it touches, before it is done; with the reason that goes into history. */
export function ReviewStep(props: Props) {
  const { result, busy, notes, deed, danger, undo, command, back, onApply, children } = props;
  const [reason, setReason] = useState('');
  const guard = useDenialGuard(result?.impact);
  const changed = result?.results.filter(({ action }) => action !== 'unchanged') ?? [];
  return (
    <>
      <div className="scroll pad">
        <div className="grid">
          <div className="stack">
            {result && <h2 className="headline">{sentence(result)}</h2>}
            {notes}
            {!result && !notes && <Loading what="what this changes" />}
            {result && (
              <>
                <Card title="What changes" meta={summary(changed)}>
                  <div className="b">
                    <Documents documents={result.results} />
                  </div>
                </Card>
                <Card title="What it touches">
                  <Impact impact={result.impact} />
                </Card>
              </>
            )}
          </div>
          <div className="stack">
            <SayWhy placeholder={result ? sentence(result) : ''} reason={reason} onReason={setReason} />
            {guard.field}
            {children}
          </div>
        </div>
      </div>
      <div className="foot">
        <span className={`two sm${danger ? '' : ' hide-n'}`}>{undo}</span>
        <span className="sp" />
        {command && <CopyButton text={command} label="Copy as meshctl command" />}
        {back}
        <button
          type="button"
          className={`btn lg ${danger ? 'd' : 'p'}`}
          disabled={!result || changed.length === 0 || busy || guard.held}
          onClick={() => onApply(reason.trim() || (result ? sentence(result) : ''))}
        >
          {!danger && <Play className="i s" aria-hidden />} {deed}
        </button>
      </div>
    </>
  );
}
