import { RotateCw } from 'lucide-react';
import { ApiError } from '@/api/client';
import type { Violation } from '@/api/types';
import { Note } from './state';

/** "/spec/rules/0/backendRefs" -> "spec.rules[0].backendRefs", the way people write a field's path. */
export function fieldPath(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replace(/~1/g, '/').replace(/~0/g, '~'))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path ? `${path}.${part}` : part), '');
}

function Violations({ violations, names }: { violations: Violation[]; names?: string[] }) {
  return (
    <ul style={{ margin: '4px 0', paddingLeft: 16 }}>
      {violations.map((violation, index) => (
        <li key={index}>
          {names?.[violation.document] ? `${names[violation.document]}: ` : ''}
          <code>{fieldPath(violation.pointer) || 'the document'}</code> {violation.detail}
        </li>
      ))}
    </ul>
  );
}

function describe(error: unknown): { title: string; detail: string; violations: Violation[]; requestId: string } {
  if (error instanceof ApiError) {
    const { title, detail, errors, requestId } = error.problem;
    return { title, detail, violations: errors ?? [], requestId };
  }
  const detail = error instanceof Error ? error.message : String(error);
  return { title: 'This part of the page failed', detail, violations: [], requestId: '' };
}

interface Props {
  error: unknown;
  /** What failed, as a sentence: "Proxies could not be read." */
  what?: string;
  /** Names of the documents that were sent, in their order. */
  names?: string[];
  onRetry?: () => void;
}

/** A problem as the server told it: title, detail, every field that was refused, and the number to quote. */
export function ProblemNote({ error, what, names, onRetry }: Props) {
  const { title, detail, violations, requestId } = describe(error);
  return (
    <div role="alert">
      <Note tone="bad">
        <b className="b6">{what ?? sentence(title)}</b> {what && detail !== title ? `${sentence(title)} ` : ''}
        {detail}
        {violations.length > 0 && <Violations violations={violations} names={names} />}
        {requestId && (
          <div className="dim">
            Request <code>{requestId}</code>
          </div>
        )}
        {onRetry && (
          <div style={{ marginTop: 6 }}>
            <button type="button" className="btn" onClick={onRetry}>
              <RotateCw className="i s" aria-hidden /> Try again
            </button>
          </div>
        )}
      </Note>
    </div>
  );
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
