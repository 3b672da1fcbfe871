import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { ApiError } from '@/api/client';
import type { Kind } from '@/api/kinds';
import type { Place } from '@/api/places';
import { commands } from '@/api/queries';
import type { AuthoredDocument } from '@/api/types';
import { renamed, stillThere, toSend, type Verdict } from './check';
import type { Draft } from './draft';
import { locate } from './yaml/pointer';
import { readText } from './yaml/text';

interface Wanted {
  draft: Draft;
  /** The document that is edited; null for a new one. */
  edited: { kind: Kind; place: Place } | null;
  step: 'review' | 'live' | undefined;
  onReviewed: () => void;
  onApplied: (revision: number) => void;
}

/** Reads the draft, has it checked by the server without writing, and applies it. */
export function useWriting({ draft, edited, step, onReviewed, onApplied }: Wanted) {
  const queryClient = useQueryClient();
  const [verdict, setVerdict] = useState<Verdict | null>(null);
  const [asked, setAsked] = useState(false);
  const { text, seen } = draft;
  const read = useMemo(() => readText(text), [text]);
  const own = useMemo(() => {
    if (read.findings.length) return read.findings;
    return edited ? locate(read, renamed(read, edited.kind, edited.place)) : [];
  }, [read, edited]);
  const findings = useMemo(() => {
    if (own.length || !verdict) return own;
    return stillThere(read, text, verdict, readText(verdict.text));
  }, [own, read, text, verdict]);
  const documents = useMemo(() => toSend(read, seen), [read, seen]);
  const key = ['apply-review', JSON.stringify(documents)];

  const check = useMutation({
    mutationFn: (sent: AuthoredDocument[]) => commands.apply(sent, { dryRun: true }),
    onSuccess: (result, sent) => {
      queryClient.setQueryData(['apply-review', JSON.stringify(sent)], result);
      setVerdict(null);
      setAsked(false);
      onReviewed();
    },
    onError: (error) => {
      if (error instanceof ApiError && error.problem.errors?.length)
        setVerdict({ text, violations: error.problem.errors });
    },
  });
  const review = useQuery({
    queryKey: key,
    queryFn: () => commands.apply(documents, { dryRun: true }),
    enabled: step === 'review' && own.length === 0,
    gcTime: 60_000,
    staleTime: Infinity,
    retry: false,
  });
  const apply = useMutation({
    mutationFn: (reason: string) => commands.apply(documents, { dryRun: false, reason }),
    onSuccess: (result) => {
      for (const each of ['documents', 'revisions', 'mesh', 'effective', 'apply-review']) {
        void queryClient.invalidateQueries({ queryKey: [each] });
      }
      if (result.revision !== null) onApplied(result.revision);
    },
  });
  return {
    read,
    findings,
    documents,
    asked,
    check,
    review,
    apply,
    startReview() {
      setAsked(true);
      apply.reset();
      if (own.length === 0) check.mutate(documents);
    },
    /** After what was started from changed, nothing that was said before holds. */
    forget() {
      check.reset();
      apply.reset();
      setVerdict(null);
    },
  };
}
