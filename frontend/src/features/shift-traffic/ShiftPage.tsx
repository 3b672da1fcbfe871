import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { queries } from '@/api/queries';
import type { HttpRouteDocument, ServiceDocument } from '@/api/types';
import { RollBackNow } from '@/features/changes/RollBackNow';
import { FlowHead } from '@/ui/flow';
import { Loading } from '@/ui/parts';
import { ProblemNote } from '@/ui/problem';
import { ChooseStep } from './ChooseStep';
import { LiveStep } from './LiveStep';
import { draftOf, objection, placesOf, readWeights, weightsNow, writeWeights } from './model';
import { ReviewStep } from './ReviewStep';

function useSetSearch() {
  const navigate = useNavigate({ from: '/services/$namespace/$name/shift' });
  return (change: object, replace = false) =>
    void navigate({ search: (previous) => ({ ...previous, ...change }), replace });
}

/** Choosing and reviewing: both work on one draft, and the draft is in the address. */
function Draft({
  service,
  services,
  routes,
}: {
  service: ServiceDocument;
  services: ServiceDocument[];
  routes: HttpRouteDocument[];
}) {
  const search = useSearch({ from: '/console/services/$namespace/$name/shift' });
  const set = useSetSearch();
  const id = `${service.metadata.namespace}/${service.metadata.name}`;
  const places = placesOf(id, routes);
  const place = places.find(({ key }) => key === search.rule) ?? places[0] ?? null;
  const weights = readWeights(search.weights, weightsNow(place, service));
  if (search.step === 'review' && objection(weights) === null) {
    return (
      <ReviewStep
        service={id}
        draft={draftOf(place, service, weights)}
        weights={weights}
        onBack={() => set({ step: undefined })}
        onStarted={(revision) =>
          set({ step: 'live', revision, weights: undefined, rule: undefined, undone: undefined }, true)
        }
      />
    );
  }
  return (
    <ChooseStep
      service={service}
      services={services}
      places={places}
      place={place}
      weights={weights}
      onPlace={(rule) => set({ rule, weights: undefined }, true)}
      onWeights={(next) => set({ weights: writeWeights(next) }, true)}
      onReview={() => set({ step: 'review' })}
    />
  );
}

export function ShiftPage() {
  const { namespace, name } = useParams({ from: '/console/services/$namespace/$name/shift' });
  const search = useSearch({ from: '/console/services/$namespace/$name/shift' });
  const set = useSetSearch();
  const service = useQuery(queries.document('services', `${namespace}/${name}`));
  const services = useQuery(queries.documents('services'));
  const routes = useQuery(queries.documents('httproutes'));
  const live = search.step === 'live' && search.revision !== undefined;
  const error = service.error ?? routes.error ?? services.error;
  const ready = service.data && services.data && routes.data;
  return (
    <div className="page">
      <FlowHead
        crumbs={
          <>
            <Link to="/services">Services</Link> <span aria-hidden>›</span>
            <Link to="/services/$namespace/$name" params={{ namespace, name }}>
              {name}
            </Link>
          </>
        }
        title="Shift traffic"
        steps={['Choose', 'Review', 'Live']}
        at={live ? 2 : search.step === 'review' ? 1 : 0}
        actions={
          live &&
          search.revision !== undefined && (
            <RollBackNow
              key={search.revision}
              revision={search.revision}
              onDone={(made) => set({ revision: made, undone: search.revision }, true)}
            />
          )
        }
      />
      {live && search.revision !== undefined ? (
        <LiveStep service={`${namespace}/${name}`} revision={search.revision} undone={search.undone} />
      ) : error ? (
        <div className="pad">
          <ProblemNote
            error={error}
            what={`Service ${namespace}/${name} could not be read.`}
            onRetry={() => void Promise.all([service.refetch(), routes.refetch(), services.refetch()])}
          />
        </div>
      ) : ready ? (
        <Draft service={service.data} services={services.data} routes={routes.data} />
      ) : (
        <Loading what="the service and its routes" />
      )}
    </div>
  );
}
