import { useState } from 'react';
import type { Impact as ImpactOfChange } from '@/api/types';
import { Finding } from '@/ui/flow';
import { plural, shortName } from '@/ui/format';
import { AccessImpact } from './AccessImpact';

const FEW = 6;

function parts(proxies: ImpactOfChange['proxies']): string {
  const names = [...new Set(proxies.flatMap((proxy) => proxy.changes))].map((name) => name.toLowerCase());
  return names.length ? `New ${names.join(', ')}.` : '';
}

function Names({ proxies }: { proxies: ImpactOfChange['proxies'] }) {
  const [all, setAll] = useState(false);
  const shown = all ? proxies : proxies.slice(0, FEW);
  return (
    <>
      {shown.map((proxy) => shortName(proxy.id)).join(', ')}
      {proxies.length > shown.length && (
        <>
          {' '}
          <button type="button" className="linkish" onClick={() => setAll(true)}>
            and {proxies.length - shown.length} more
          </button>
        </>
      )}
    </>
  );
}

/** What the change reaches, as the control plane worked it out from the compiled result. */
export function Impact({ impact }: { impact: ImpactOfChange }) {
  const connected = impact.proxies.filter((proxy) => proxy.connected);
  const away = impact.proxies.filter((proxy) => !proxy.connected);
  return (
    <div className="b">
      {impact.proxies.length === 0 ? (
        <Finding tone="ok" title="No proxy gets anything new">
          The documents change, what the proxies run does not.
        </Finding>
      ) : (
        <Finding
          tone="ok"
          title={`${plural(connected.length, 'connected proxy gets', 'connected proxies get')} something new`}
        >
          {parts(connected)} <Names proxies={connected} />
        </Finding>
      )}
      {away.length > 0 && (
        <Finding tone="warn" title={`${plural(away.length, 'proxy is', 'proxies are')} not connected`}>
          <Names proxies={away} />.{' '}
          {away.length === 1
            ? 'It gets this on return and runs what it has until then.'
            : 'They get this on return and run what they have until then.'}
        </Finding>
      )}
      {impact.services.length > 0 && (
        <Finding tone="ok" title={`${plural(impact.services.length, 'service')} touched`}>
          {impact.services.join(', ')}
        </Finding>
      )}
      {impact.access && <AccessImpact access={impact.access} />}
    </div>
  );
}
