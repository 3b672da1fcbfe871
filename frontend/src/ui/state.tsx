import type { ReactNode } from 'react';

export type Tone = 'ok' | 'go' | 'warn' | 'bad' | 'deny' | 'idle' | 'unknown' | 'away';

const PATHS: Record<Tone, ReactNode> = {
  ok: (
    <path
      fill="currentColor"
      d="M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm4.7 8.2-5.2 5.3a1 1 0 0 1-1.4 0l-2.8-2.8a1 1 0 1 1 1.4-1.4l2.1 2.1 4.5-4.6a1 1 0 1 1 1.4 1.4z"
    />
  ),
  go: <path d="M12 3a9 9 0 1 0 9 9" />,
  warn: (
    <path
      fill="currentColor"
      d="M13.9 3.1 22.6 18a2.2 2.2 0 0 1-1.9 3.3H3.3A2.2 2.2 0 0 1 1.4 18l8.7-14.9a2.2 2.2 0 0 1 3.8 0zM12 8a1.2 1.2 0 0 0-1.2 1.2v4a1.2 1.2 0 0 0 2.4 0v-4A1.2 1.2 0 0 0 12 8zm0 8.3a1.3 1.3 0 1 0 0 2.6 1.3 1.3 0 0 0 0-2.6z"
      fillRule="evenodd"
    />
  ),
  bad: (
    <path
      fill="currentColor"
      d="M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm3.7 12.3a1 1 0 0 1-1.4 1.4L12 13.4l-2.3 2.3a1 1 0 0 1-1.4-1.4l2.3-2.3-2.3-2.3a1 1 0 0 1 1.4-1.4l2.3 2.3 2.3-2.3a1 1 0 1 1 1.4 1.4L13.4 12z"
    />
  ),
  deny: <path d="M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5.7 5.7l12.6 12.6" />,
  idle: <circle cx="12" cy="12" r="9" strokeDasharray="3.6 3.4" />,
  unknown: <path d="M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zm0 13.5v.01M12 13.5a2 2 0 0 1 .9-1.7 2.6 2.6 0 1 0-3.4-3.8" />,
  away: (
    <path d="m20 16-4 4m-9-8 5 5-1.5 1.5a3.5 3.5 0 1 1-5-5L7 12m10 0-5-5 1.5-1.5a3.5 3.5 0 1 1 5 5L17 12M3 21l2.5-2.5m13-13L21 3M10 11l-2 2m5 1-2 2m5 0 4 4" />
  ),
};

const FILLED = new Set<Tone>(['ok', 'warn', 'bad']);

export function ToneIcon({ tone, className = 'i s' }: { tone: Tone; className?: string }) {
  const filled = FILLED.has(tone);
  return (
    <svg
      className={`${className}${tone === 'go' ? ' spin' : ''}`}
      viewBox="0 0 24 24"
      fill="none"
      stroke={filled ? 'none' : 'currentColor'}
      strokeWidth={1.9}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {PATHS[tone]}
    </svg>
  );
}

function ground(tone: Tone): string {
  return tone === 'unknown' || tone === 'away' ? 'idle' : tone;
}

/** Icon and word. Healthy ones stay quiet, so that colour is left for what needs a look. */
export function State({ tone, children, quiet = tone === 'ok' }: { tone: Tone; children: ReactNode; quiet?: boolean }) {
  return (
    <span className={`st ${ground(tone)}${quiet ? ' quiet' : ''}`}>
      <ToneIcon tone={tone} />
      {children}
    </span>
  );
}

export function Pill({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <span className={`pill ${ground(tone)}`}>
      <ToneIcon tone={tone} />
      {children}
    </span>
  );
}

export function Note({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <div className={`note ${ground(tone)}`}>
      <ToneIcon tone={tone} />
      <div>{children}</div>
    </div>
  );
}
