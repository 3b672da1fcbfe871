import { NumberInput, Select } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { X } from 'lucide-react';
import type { ServiceDocument } from '@/api/types';
import { Card } from '@/ui/parts';
import { State } from '@/ui/state';
import { SplitBars } from './SplitBars';
import { keyOf, objection, total, type Place, type Weight } from './model';

interface Props {
  service: ServiceDocument;
  services: ServiceDocument[];
  places: Place[];
  place: Place | null;
  weights: Weight[];
  onPlace: (key: string) => void;
  onWeights: (weights: Weight[]) => void;
  onReview: () => void;
}

function WeightFields({ weights, onWeights }: Pick<Props, 'weights' | 'onWeights'>) {
  const change = (index: number, percent: number) =>
    onWeights(weights.map((weight, at) => (at === index ? { ...weight, percent } : weight)));
  return (
    <table className="t" aria-label="Shares">
      <thead>
        <tr>
          <th scope="col">Backend</th>
          <th scope="col" className="r">
            Now
          </th>
          <th scope="col">Share of calls</th>
          <th scope="col">
            <span className="sr">Remove</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {weights.map((weight, index) => (
          <tr key={keyOf(weight)} style={{ height: 44 }}>
            <td>
              <span className="row">
                <span
                  aria-hidden
                  style={{ width: 10, height: 10, borderRadius: 2, background: `var(--v${(index % 6) + 1})` }}
                />
                <b className="b5">{weight.name}</b> <span className="dim">port {weight.port}</span>
              </span>
            </td>
            <td className="r dim">{weight.now === null ? 'new' : `${weight.now} %`}</td>
            <td>
              <NumberInput
                aria-label={`Share of ${weight.name}`}
                value={weight.percent}
                min={0}
                max={100}
                clampBehavior="strict"
                allowDecimal={false}
                allowNegative={false}
                suffix=" %"
                style={{ width: 110 }}
                onChange={(value) => change(index, Number(value) || 0)}
              />
            </td>
            <td className="r">
              {weight.now === null && (
                <button
                  type="button"
                  className="btn q ic"
                  aria-label={`Remove ${weight.name}`}
                  onClick={() => onWeights(weights.filter((_, at) => at !== index))}
                >
                  <X className="i s" aria-hidden />
                </button>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Sum({ weights }: { weights: Weight[] }) {
  const sum = total(weights);
  return (
    <span role="status" aria-label="Sum of the shares">
      <State tone={sum === 100 ? 'ok' : 'bad'}>Sum {sum} %</State>
    </span>
  );
}

function AddBackend({
  service,
  services,
  weights,
  onWeights,
}: Pick<Props, 'service' | 'services' | 'weights' | 'onWeights'>) {
  const taken = new Set(weights.map((weight) => weight.name));
  const options = services.filter(
    ({ metadata }) => metadata.namespace === service.metadata.namespace && !taken.has(metadata.name),
  );
  if (options.length === 0) return <p className="sm dim">No other service in this namespace could take calls.</p>;
  return (
    <Select
      label="Add a backend"
      placeholder="A service in this namespace"
      searchable
      value={null}
      style={{ maxWidth: 300 }}
      data={options.map(({ metadata }) => metadata.name)}
      onChange={(name) => {
        const found = options.find(({ metadata }) => metadata.name === name);
        if (found)
          onWeights([
            ...weights,
            { name: found.metadata.name, port: found.spec.ports[0]?.port ?? 80, percent: 0, now: null },
          ]);
      }}
    />
  );
}

/** Which backends get what share of the calls to a service. Numbers are typed; the sum stands beside them. */
export function ChooseStep(props: Props) {
  const { service, places, place, weights, onPlace, onReview } = props;
  const problem = objection(weights);
  const { name } = service.metadata;
  const namespace = service.metadata.namespace ?? '';
  return (
    <>
      <div className="scroll pad">
        <div className="stack" style={{ maxWidth: 860 }}>
          <Card
            title={`Who answers calls to ${name}`}
            meta={place ? `set by HTTPRoute ${place.route?.metadata.name}` : 'no route yet; one is made'}
            aside={<Sum weights={weights} />}
          >
            <div className="b col" style={{ gap: 14 }}>
              {places.length > 1 && (
                <Select
                  label="Rule"
                  allowDeselect={false}
                  style={{ maxWidth: 480 }}
                  value={place?.key ?? null}
                  data={places.map(({ key, label }) => ({ value: key, label }))}
                  onChange={(key) => key && onPlace(key)}
                />
              )}
              <SplitBars weights={weights} />
            </div>
            <WeightFields {...props} />
            <div className="b">
              <AddBackend {...props} />
            </div>
          </Card>
        </div>
      </div>
      <div className="foot">
        <span className="two sm" role="status">
          {problem ?? 'Nothing is written before you have seen what changes.'}
        </span>
        <span className="sp" />
        <Link className="btn" to="/services/$namespace/$name" params={{ namespace, name }}>
          Cancel
        </Link>
        <button type="button" className="btn p lg" disabled={problem !== null} onClick={onReview}>
          Review…
        </button>
      </div>
    </>
  );
}
