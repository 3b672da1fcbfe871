import { get, type FormTable, type Item, type Option } from '../table';

const WAYS = ['http', 'tcp', 'grpc'];

function way(key: string, label: string, fresh: object, items: Item[] = []): Option {
  const others = WAYS.filter((each) => each !== key).map((each) => [each, undefined]);
  return {
    label,
    is: (spec) => get(spec, key) !== undefined,
    sets: { [key]: fresh, ...Object.fromEntries(others) },
    items,
  };
}

export const healthCheck: FormTable = {
  kind: 'HealthCheck',
  sections: [
    {
      section: 'Where it holds',
      items: [
        {
          rows: 'targetRefs',
          label: 'Targets',
          one: 'target',
          add: 'Add a target',
          fresh: { kind: 'Service', name: '' },
          look: 'line',
          items: [
            {
              label: 'Endpoints of',
              width: 4,
              choice: [
                {
                  label: 'the service',
                  is: (each) => get(each, 'kind') !== 'ServiceEntry',
                  sets: { kind: 'Service', group: undefined },
                },
                {
                  label: 'the ServiceEntry',
                  is: (each) => get(each, 'kind') === 'ServiceEntry',
                  sets: { kind: 'ServiceEntry', group: 'networking.istio.io' },
                },
              ],
            },
            {
              at: 'name',
              label: 'Name',
              width: 5,
              as: 'pick',
              from: (each) => (get(each, 'kind') === 'ServiceEntry' ? 'serviceentries' : 'services'),
              also: ['group'],
            },
            { at: 'sectionName', label: 'Port', width: 3, as: 'text', placeholder: 'all' },
          ],
        },
      ],
    },
    {
      section: 'What is asked',
      items: [
        {
          label: 'Asked by',
          width: 12,
          choice: [
            way('http', 'an HTTP request', { path: '/healthz' }, [
              { at: 'http.path', label: 'Path', as: 'text', placeholder: '/' },
              { at: 'http.method', label: 'Method', as: 'select', unset: 'GET' },
              { at: 'http.host', label: 'Host', help: 'Left out: the name of the service', as: 'text' },
              { at: 'http.expectedStatuses', label: 'Good answers', as: 'list', numbers: true, placeholder: '200' },
            ]),
            way('grpc', 'a gRPC health check', {}, [{ at: 'grpc.service', label: 'Service', as: 'text' }]),
            way('tcp', 'a connection', {}),
          ],
        },
        { at: 'interval', label: 'Every', as: 'duration', whole: true },
        { at: 'timeout', label: 'Waits for', as: 'duration', whole: true },
        { at: 'unhealthyThreshold', label: 'Unhealthy after', help: 'Bad answers in a row', as: 'number' },
        { at: 'healthyThreshold', label: 'Healthy after', help: 'Good answers in a row', as: 'number' },
        {
          at: 'panicThreshold',
          label: 'All are called below',
          help: 'Healthy endpoints of all',
          as: 'number',
          unit: '%',
        },
      ],
    },
  ],
};
