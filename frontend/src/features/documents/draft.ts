import { useCallback, useState } from 'react';
import type { AuthoredDocument } from '@/api/types';

/** A text that is not applied yet, and what it started from. */
export interface Draft {
  text: string;
  /** The version that was read, and the document as it was then; null for a new document. */
  seen: string | null;
  base: AuthoredDocument | null;
  /** When it was last changed, in ms; null: as it was read. */
  at: number | null;
}

const PREFIX = 'meshweb draft ';

function load(key: string): Draft | null {
  try {
    const stored = sessionStorage.getItem(PREFIX + key);
    return stored ? (JSON.parse(stored) as Draft) : null;
  } catch {
    return null;
  }
}

function store(key: string, draft: Draft | null): void {
  try {
    if (draft) sessionStorage.setItem(PREFIX + key, JSON.stringify(draft));
    else sessionStorage.removeItem(PREFIX + key);
  } catch {
    // A browser that keeps nothing: the draft still lives as long as the page.
  }
}

/** The text that is being written under a key, if there is one. */
export function keptText(key: string): string | null {
  return load(key)?.text ?? null;
}

/** Under which key a new document is written; `about`: the service, and whom a policy is to admit. */
export function newDraftKey(plural: string, ...about: (string | undefined)[]): string {
  return ['new', plural, ...about].filter(Boolean).join(' ');
}

/**
 * The draft of a page. It outlives a reload and a look at another page, until it is applied or thrown away; not for
 * kinds with secret values (`keep` false), which have no business in a browser's storage.
 */
export function useDraft(key: string, fresh: Draft, keep: boolean) {
  const [draft, setDraft] = useState<Draft>(() => (keep ? load(key) : null) ?? fresh);
  const [found] = useState(() => draft.at);
  const change = useCallback(
    (next: Partial<Draft>) =>
      setDraft((now) => {
        const made = { ...now, at: Date.now(), ...next };
        if (keep) store(key, made);
        return made;
      }),
    [key, keep],
  );
  const drop = useCallback(() => store(key, null), [key]);
  const restart = useCallback(() => {
    store(key, null);
    setDraft(fresh);
  }, [key, fresh]);
  /** When the draft that was found was written; null when this page started anew. */
  return { draft, found, change, drop, restart };
}
