import type { EffectiveDestination, EffectiveRoute, EffectiveValue, Origin } from '@/api/types';
import { DocumentLink } from '@/features/documents/DocumentLink';
import { plural } from '@/ui/format';
import { Term } from '@/ui/parts';
import { fieldPath } from '@/ui/problem';
import { State } from '@/ui/state';
import { health, matchWords, settingsOf, shareWords, type Called } from './words';

/** The document and field that said so; nobody said a default. */
export function OriginLink({ origin }: { origin: Origin | null }) {
  if (!origin) return <span className="dim">default</span>;
  return (
    <span className="origin">
      <DocumentLink document={origin.document} field={origin.field} /> <code>{fieldPath(origin.field)}</code>
    </span>
  );
}

export function Settings({ values, label }: { values: EffectiveValue[]; label: string }) {
  return (
    <dl className="settings" aria-label={label}>
      {settingsOf(values).map(({ key, label: name, says, value, more, origin }) => (
        <div key={key}>
          <dt>
            <Term says={says}>{name}</Term>
          </dt>
          <dd>
            <b className="b5">{value}</b>
            {more && <span className="sm two"> {more}</span>}
          </dd>
          <dd>
            <OriginLink origin={origin} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Rules in the order in which they are tried: the first that matches a call takes it. */
export function RouteList({ routes, label }: { routes: EffectiveRoute[]; label: string }) {
  return (
    <ol className="rules" aria-label={label}>
      {routes.map((route, index) => (
        <li key={index}>
          <div className="rulehead">
            <span className="num" aria-hidden>
              {index + 1}
            </span>
            <code className="wordy">{matchWords(route.match)}</code>
            <span aria-hidden>→</span>
            <span className="sr">goes to</span>
            <span className="b5 wordy">{shareWords(route)}</span>
            <span className="sp" />
            <span className="sm">
              <OriginLink origin={route.origin} />
            </span>
          </div>
          {route.values.length > 0 && <Settings values={route.values} label={`Settings of rule ${index + 1}`} />}
        </li>
      ))}
    </ol>
  );
}

export function DestinationBlock({ destination }: { destination: EffectiveDestination }) {
  const { service, port, subset, endpoints, values } = destination;
  const { tone, words } = health([destination]);
  const name = `${service}, port ${port}${subset ? `, subset ${subset}` : ''}`;
  return (
    <div className="dest">
      <h3>
        {name} <State tone={tone}>{endpoints ? words : 'no endpoint'}</State>
      </h3>
      <Settings values={values} label={`Settings of ${name}`} />
    </div>
  );
}

function summary({ upstream, documents }: Called): string {
  const rules = plural(upstream.routes.length, 'rule');
  if (documents.length === 0) return `${rules}, all defaults`;
  return `${rules}, set by ${documents.slice(0, 2).join(', ')}${documents.length > 2 ? ` and ${documents.length - 2} more` : ''}`;
}

/** Everything about the calls to one service; closed, it says whether any document has a word in it. */
export function CalledBlock({ called, open }: { called: Called; open: boolean }) {
  const { upstream, destinations, title } = called;
  const { tone, words } = health(destinations);
  return (
    <details className="called" open={open}>
      <summary>
        <b className="b5">{title}</b>
        <span className="dim">
          port {upstream.port} · {upstream.protocol}
        </span>
        <State tone={tone}>{words}</State>
        <span className="sm two ell">{summary(called)}</span>
      </summary>
      <CalledDetails called={called} />
    </details>
  );
}

export function CalledDetails({ called }: { called: Called }) {
  const { upstream, destinations, title } = called;
  return (
    <div className="calledbody">
      <h3>Rules, in the order in which they are tried</h3>
      <RouteList routes={upstream.routes} label={`Rules for ${title}, port ${upstream.port}`} />
      {destinations.map((destination) => (
        <DestinationBlock
          key={`${destination.service} ${destination.port} ${destination.subset}`}
          destination={destination}
        />
      ))}
    </div>
  );
}
