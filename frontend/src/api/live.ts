import type { QueryClient } from '@tanstack/react-query';
import type { Hint } from './types';

export type SocketState = 'connecting' | 'open' | 'closed';

const KEYS: Record<Hint['type'], string[][]> = {
  revision: [['revisions'], ['revision'], ['documents'], ['mesh'], ['effective']],
  proxy: [['proxies'], ['proxy'], ['workloads'], ['revision'], ['mesh']],
  topology: [['topology']],
  'join-token': [['join-token']],
};

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

/** Full jitter: many browsers that lost one server must not come back at the same moment. */
export function waitBefore(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** attempt);
}

export function keysOf(hint: unknown): string[][] {
  if (!hint || typeof hint !== 'object' || !('type' in hint)) return [];
  return KEYS[hint.type as Hint['type']] ?? [];
}

let state: SocketState = 'closed';
const listeners = new Set<() => void>();

export function readSocket(): SocketState {
  return state;
}

export function watchSocket(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function become(next: SocketState): void {
  state = next;
  listeners.forEach((listener) => listener());
}

/** Hints say only that something changed; what it is, is read again over REST. Returns how to stop. */
export function listen(client: QueryClient): () => void {
  let stopped = false;
  let attempt = 0;
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const waiting = new Map<string, string[]>();
  let flushing: ReturnType<typeof setTimeout> | undefined;

  // A busy mesh sends hints faster than anyone reads: one re-read per key and quarter second is enough.
  function flush() {
    flushing = undefined;
    for (const key of waiting.values()) void client.invalidateQueries({ queryKey: key });
    waiting.clear();
  }

  function hear(event: MessageEvent) {
    for (const key of keysOf(parse(event.data))) waiting.set(key.join(), key);
    if (waiting.size) flushing ??= setTimeout(flush, 250);
  }

  function connect() {
    become('connecting');
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    socket = new WebSocket(`${scheme}://${location.host}/ws/v1`);
    socket.onopen = () => {
      attempt = 0;
      become('open');
      void client.invalidateQueries();
    };
    socket.onmessage = hear;
    socket.onclose = () => {
      if (stopped) return;
      become('closed');
      timer = setTimeout(connect, waitBefore(attempt++));
    };
  }

  connect();
  return () => {
    stopped = true;
    clearTimeout(timer);
    clearTimeout(flushing);
    socket?.close();
    become('closed');
  };
}

function parse(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
