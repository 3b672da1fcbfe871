import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { queries } from '@/api/queries';
import { EffectiveView } from '@/features/effective/EffectiveView';
import { Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { Pill } from '@/ui/state';
import { ProxyDetails } from './ProxyDetails';
import { STATE_WORDS } from './words';

/** The panel of the list as a page of its own, to be sent to somebody. */
export function ProxyPage() {
  const { namespace, name } = useParams({ from: '/console/proxies/$namespace/$name' });
  const { data, error, isPending, refetch } = useQuery(queries.proxy(`${namespace}/${name}`));
  return (
    <div className="page">
      <div className="ph">
        <div>
          <nav className="crumb" aria-label="Way here">
            <Link to="/proxies">Proxies</Link> <span aria-hidden>›</span> {namespace}
          </nav>
          <div className="row">
            <h1>{name}</h1>
            {data && <Pill tone={STATE_WORDS[data.state].tone}>{STATE_WORDS[data.state].word}</Pill>}
          </div>
        </div>
      </div>
      <div className="scroll pad">
        {error && <ProblemNote error={error} what="This proxy could not be read." onRetry={() => void refetch()} />}
        {isPending && <Loading what="the proxy" />}
        {data && (
          <div className="grid proxy">
            <EffectiveView proxy={data.id} />
            <div className="card">
              <h2 className="sr">What it runs</h2>
              <ProxyDetails proxy={data} />
            </div>
          </div>
        )}
      </div>
    </div>
  );
}
