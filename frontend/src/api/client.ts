import type { Problem } from './types';

/** What the server said when it did not do what was asked; `status` 0: it did not answer at all. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = 'ApiError';
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }
}

export interface Answer<T> {
  body: T;
  /** From `Meshweb-Revision`: the revision a write made. */
  revision: number | null;
  etag: string | null;
}

interface Call {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  ifMatch?: string;
  signal?: AbortSignal;
}

const BASE = '/api/v1';
const SAFE = new Set(['GET', 'HEAD']);

let onSignedOut: () => void = () => undefined;

/** Told once per 401, so that the application can show the login page and keep the target. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

export interface Pulse {
  /** When the control plane last answered. */
  goodAt: number | null;
  /** Since when it has not answered; null while it does. */
  failingSince: number | null;
}

let pulse: Pulse = { goodAt: null, failingSince: null };
const listeners = new Set<() => void>();

export function readPulse(): Pulse {
  return pulse;
}

export function watchPulse(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function beat(answered: boolean): void {
  const now = Date.now();
  pulse = answered
    ? { goodAt: now, failingSince: null }
    : { goodAt: pulse.goodAt, failingSince: pulse.failingSince ?? now };
  listeners.forEach((listener) => listener());
}

export function cookie(name: string): string | null {
  for (const part of document.cookie.split('; ')) {
    const [key, ...value] = part.split('=');
    if (key === name) return decodeURIComponent(value.join('='));
  }
  return null;
}

function url(path: string, query: Call['query']): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== '') search.set(key, String(value));
  }
  const text = search.toString();
  return `${BASE}${path}${text ? `?${text}` : ''}`;
}

function unreachable(): Problem {
  return {
    type: 'about:blank',
    title: 'The control plane does not answer',
    status: 0,
    detail: 'Calls between services keep running. Changes and certificates wait.',
    code: 'unreachable',
    requestId: '',
  };
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback: Problem = {
    type: 'about:blank',
    title: response.statusText || `Status ${response.status}`,
    status: response.status,
    detail: `The control plane answered ${response.status} without saying why.`,
    code: 'unknown',
    requestId: response.headers.get('X-Request-Id') ?? '',
  };
  try {
    const body: unknown = await response.json();
    return body && typeof body === 'object' ? { ...fallback, ...body } : fallback;
  } catch {
    return fallback;
  }
}

function headersOf(call: Call, method: string): Headers {
  const headers = new Headers({ Accept: 'application/json' });
  if (call.body !== undefined) headers.set('Content-Type', 'application/json');
  if (call.ifMatch) headers.set('If-Match', call.ifMatch);
  if (!SAFE.has(method)) headers.set('X-CSRFToken', cookie('csrftoken') ?? '');
  return headers;
}

export async function call<T>(path: string, options: Call = {}): Promise<Answer<T>> {
  const method = options.method ?? 'GET';
  let response: Response;
  try {
    response = await fetch(url(path, options.query), {
      method,
      headers: headersOf(options, method),
      credentials: 'same-origin',
      body: options.body === undefined ? undefined : JSON.stringify(options.body),
      signal: options.signal,
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    beat(false);
    throw new ApiError(unreachable());
  }
  // A proxy in front that cannot reach the server is the same to the reader as no answer.
  beat(![502, 503, 504].includes(response.status));
  if (!response.ok) {
    const problem = await problemOf(response);
    if (problem.status === 401 && path !== '/session') onSignedOut();
    throw new ApiError(problem);
  }
  const text = response.status === 204 ? '' : await response.text();
  const revision = response.headers.get('Meshweb-Revision');
  return {
    body: (text ? JSON.parse(text) : null) as T,
    revision: revision ? Number(revision) : null,
    etag: response.headers.get('ETag'),
  };
}

export async function read<T>(path: string, query?: Call['query'], signal?: AbortSignal): Promise<T> {
  return (await call<T>(path, { query, signal })).body;
}

/** Every page of a list; the server's cursor decides when it ends. */
export async function readAll<T>(path: string, query: Call['query'] = {}, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page: { items: T[]; next: string | null } = await read(path, { ...query, limit: 500, cursor }, signal);
    items.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor);
  return items;
}
