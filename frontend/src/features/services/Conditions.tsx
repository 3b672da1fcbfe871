import type { Condition } from '@/api/types';
import { Note } from '@/ui/state';

/** What the control plane says about a document, where it is not simply fine. */
export function Conditions({ conditions, document }: { conditions: Condition[]; document: string }) {
  const open = conditions.filter((condition) => condition.status !== 'True');
  return open.map((condition) => (
    <Note key={condition.type} tone={condition.status === 'False' ? 'warn' : 'unknown'}>
      <b className="b6">
        {document}: {condition.type} is {condition.status === 'False' ? 'not met' : 'unknown'} ({condition.reason}).
      </b>{' '}
      {condition.message}
    </Note>
  ));
}
