import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';
import { readPulse, watchPulse } from '@/api/client';
import { listen, readSocket, watchSocket, type SocketState } from '@/api/live';
import { useNow } from '@/ui/now';

export type LiveState =
  | { kind: 'live' }
  | { kind: 'polling' } // answers come, hints do not
  | { kind: 'frozen'; at: string }
  | { kind: 'reconnecting'; since: number; asOf: number | null }
  | { kind: 'offline'; since: number; asOf: number | null };

interface Signs {
  now: number;
  frozenAt?: string;
  online: boolean;
  goodAt: number | null;
  failingSince: number | null;
  socket: SocketState;
}

/** Short hiccups are not worth a word. */
const PATIENCE = 3000;

/** What may truthfully be said about how fresh the page is. */
export function liveState({ now, frozenAt, online, goodAt, failingSince, socket }: Signs): LiveState {
  if (failingSince !== null && now - failingSince >= PATIENCE) {
    return { kind: online ? 'reconnecting' : 'offline', since: failingSince, asOf: goodAt };
  }
  if (frozenAt) return { kind: 'frozen', at: frozenAt };
  return { kind: socket === 'open' ? 'live' : 'polling' };
}

function watchOnline(listener: () => void): () => void {
  window.addEventListener('online', listener);
  window.addEventListener('offline', listener);
  return () => {
    window.removeEventListener('online', listener);
    window.removeEventListener('offline', listener);
  };
}

export function useLiveState(frozenAt: string | undefined): LiveState {
  const pulse = useSyncExternalStore(watchPulse, readPulse);
  const socket = useSyncExternalStore(watchSocket, readSocket);
  const online = useSyncExternalStore(watchOnline, () => navigator.onLine);
  return liveState({ now: useNow(), frozenAt, online, socket, ...pulse });
}

export function useHints(): void {
  const queryClient = useQueryClient();
  useEffect(() => listen(queryClient), [queryClient]);
}
