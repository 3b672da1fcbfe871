import { useSyncExternalStore } from 'react';

let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = Date.now();
    listeners.forEach((each) => each());
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

function read(): number {
  // Without a running timer the value would be as old as the last page that showed a time.
  if (!timer && Date.now() - now > 1000) now = Date.now();
  return now;
}

/** One clock for all relative times, so that they never disagree on one page. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, read);
}
