import { Check, Copy, X } from 'lucide-react';
import { useEffect, useRef, useState, type ReactNode } from 'react';
import { Tooltip } from '@mantine/core';
import { useNow } from './now';
import { absolute, ago, NOTHING } from './format';

export function Card({
  title,
  meta,
  aside,
  children,
}: {
  title: string;
  meta?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="card" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {meta && <span className="m">{meta}</span>}
        <span className="sp" />
        {aside}
      </header>
      {children}
    </section>
  );
}

export function Section({ title, meta, children }: { title: string; meta?: ReactNode; children: ReactNode }) {
  return (
    <section className="sec" aria-label={title}>
      <h3>
        {title} {meta && <span className="k">{meta}</span>}
      </h3>
      {children}
    </section>
  );
}

/** A relative time with the absolute one behind it; "–" when it was never observed. */
export function Ago({ at, empty = NOTHING }: { at: string | null | undefined; empty?: string }) {
  const now = useNow();
  if (!at) return <>{empty}</>;
  return (
    <Tooltip label={absolute(at)}>
      <time dateTime={at}>{ago(at, now)}</time>
    </Tooltip>
  );
}

/** A term of the trade: dotted underline, one sentence behind it. Reachable by keyboard. */
export function Term({ children, says }: { children: ReactNode; says: string }) {
  return (
    <Tooltip label={says} multiline maw={320} events={{ hover: true, focus: true, touch: true }}>
      <button type="button" className="linkish help" style={{ color: 'inherit', textDecoration: 'none' }}>
        {children}
      </button>
    </Tooltip>
  );
}

export function Stat({
  label,
  value,
  unit,
  tone,
}: {
  label: ReactNode;
  value: string;
  unit?: string;
  tone?: 'bad' | 'deny' | 'warn';
}) {
  return (
    <div className="stat">
      <span className="k">{label}</span>
      <b style={tone ? { color: `var(--${tone})` } : undefined}>
        {value}
        {unit && <small>{unit}</small>}
      </b>
    </div>
  );
}

/** "38.6/s" -> 38.6 with a small "/s"; keeps every number formatted in one place. */
export function splitUnit(text: string): { value: string; unit?: string } {
  const match = /^([<–\d.,\s]*\d|–)\s*(.*)$/.exec(text);
  return match?.[1] ? { value: match[1], unit: match[2] || undefined } : { value: text };
}

export function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [state, setState] = useState<'idle' | 'copied' | 'refused'>('idle');
  useEffect(() => {
    if (state === 'idle') return undefined;
    const timer = setTimeout(() => setState('idle'), 4000);
    return () => clearTimeout(timer);
  }, [state]);
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      setState('copied');
    } catch {
      setState('refused');
    }
  }
  const word = { idle: label, copied: 'Copied', refused: 'The browser refuses; select and copy it' }[state];
  return (
    <button type="button" className="btn" onClick={() => void copy()} aria-live="polite">
      {state === 'copied' ? <Check className="i s" aria-hidden /> : <Copy className="i s" aria-hidden />}
      {word}
    </button>
  );
}

interface PanelProps {
  title: ReactNode;
  label: string;
  actions?: ReactNode;
  onClose: () => void;
  children: ReactNode;
}

/** The panel at the right of a list. Esc closes it, unless a menu or field wants the key first. */
export function Panel({ title, label, actions, onClose, children }: PanelProps) {
  const close = useRef(onClose);
  useEffect(() => {
    close.current = onClose;
  });
  useEffect(() => {
    function escape(event: KeyboardEvent) {
      if (
        event.key === 'Escape' &&
        !event.defaultPrevented &&
        !document.querySelector('[role=dialog],[role=menu],[role=listbox]')
      )
        close.current();
    }
    window.addEventListener('keydown', escape);
    return () => window.removeEventListener('keydown', escape);
  }, []);
  return (
    <aside className="panel" aria-label={label}>
      <header>
        <h2>{title}</h2>
        <span className="sp" />
        {actions}
        <button type="button" className="btn q ic" aria-label="Close panel" onClick={onClose}>
          <X className="i" aria-hidden />
        </button>
      </header>
      {/* The panel scrolls on its own, so it must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="body" tabIndex={0} role="region" aria-label={`${label}, details`}>
        {children}
      </div>
    </aside>
  );
}

export function Loading({ what, rows = 6 }: { what: string; rows?: number }) {
  return (
    <div className="skels" role="status" aria-label={`Reading ${what}`}>
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} className="skel" style={{ width: `${[42, 88, 74, 60, 92, 50][index % 6]}%` }} />
      ))}
    </div>
  );
}

export function Empty({
  icon,
  title,
  children,
  actions,
}: {
  icon: ReactNode;
  title: string;
  children: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <div className="empty">
      {icon}
      <h2>{title}</h2>
      <p>{children}</p>
      {actions && <div className="row wrap">{actions}</div>}
    </div>
  );
}

export function Facts({ items }: { items: [ReactNode, ReactNode][] }) {
  return (
    <dl className="kv">
      {items.map(([name, fact], index) => (
        <div key={index} style={{ display: 'contents' }}>
          <dt>{name}</dt>
          <dd>{fact}</dd>
        </div>
      ))}
    </dl>
  );
}
