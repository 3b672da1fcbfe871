import type { ReactNode } from 'react';
import { ToneIcon } from './state';

/** Title row of a flow: where it belongs, its name, the steps and how far one is. */
export function FlowHead({
  crumbs,
  title,
  steps,
  at,
  actions,
}: {
  crumbs: ReactNode;
  title: string;
  steps: string[];
  at: number;
  actions?: ReactNode;
}) {
  return (
    <div className="ph flow">
      <div>
        <nav className="crumb" aria-label="Way here">
          {crumbs}
        </nav>
        <h1>{title}</h1>
      </div>
      <ol className="steps" aria-label="Steps">
        {steps.map((step, index) => (
          <li
            key={step}
            className={index < at ? 'done' : index === at ? 'on' : undefined}
            aria-current={index === at ? 'step' : undefined}
          >
            {index < at ? <ToneIcon tone="ok" className="i" /> : <b aria-hidden>{index + 1}</b>}
            {step}
          </li>
        ))}
      </ol>
      <span className="sp" />
      {actions}
    </div>
  );
}

export interface RoadStep {
  title: string;
  detail: ReactNode;
  tone: 'ok' | 'go' | 'bad' | 'idle';
}

/** Stations of something under way, left to right. */
export function Road({ steps }: { steps: RoadStep[] }) {
  return (
    <ol className="road" aria-label="Progress">
      {steps.map(({ title, detail, tone }) => (
        <li key={title} className={tone === 'ok' ? 'ok' : tone === 'idle' ? 'no' : tone}>
          <span className={`st ${tone}`}>
            <ToneIcon tone={tone} className="i" />
          </span>
          <b>{title}</b>
          <span className="sm dim">{detail}</span>
        </li>
      ))}
    </ol>
  );
}

/** One line of what a change touches: state, claim, explanation. */
export function Finding({
  tone,
  title,
  children,
}: {
  tone: 'ok' | 'warn' | 'bad' | 'deny' | 'unknown';
  title: string;
  children?: ReactNode;
}) {
  return (
    <div className="chk">
      <span className={`st ${tone === 'unknown' ? 'idle' : tone}`}>
        <ToneIcon tone={tone} />
      </span>
      <div>
        <b className="b5">{title}</b>
        {children && <div className="sm two">{children}</div>}
      </div>
    </div>
  );
}
