import { TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { Impact } from '@/api/types';
import { shortName } from '@/ui/format';
import { Card } from '@/ui/parts';

/** Live callers would be denied: the deed waits until the service is named. `field` is null while there is nothing to fear. */
export function useDenialGuard(impact: Impact | undefined): { held: boolean; field: ReactNode } {
  const [typed, setTyped] = useState('');
  const first = impact?.access?.changes.find(({ fate }) => fate === 'newlyDenied');
  if (!first) return { held: false, field: null };
  const name = shortName(first.destination);
  return {
    held: typed !== name,
    field: (
      <Card title="This denies live callers">
        <div className="b">
          <TextInput
            label={`Type ${name} to go on`}
            description={`${shortName(first.source)} calls it now and would get 403.`}
            placeholder={name}
            value={typed}
            autoComplete="off"
            onChange={(event) => setTyped(event.currentTarget.value)}
          />
        </div>
      </Card>
    ),
  };
}
