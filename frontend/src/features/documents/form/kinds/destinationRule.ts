import { get, words, type Choice, type FormTable, type Item, type Option, type Scope } from '../table';

const HASH = 'trafficPolicy.loadBalancer.consistentHash';
const SIMPLE = 'trafficPolicy.loadBalancer.simple';

function simple(value: string, label: string): Option {
  return { label, is: (spec) => get(spec, SIMPLE) === value, sets: { [SIMPLE]: value, [HASH]: undefined } };
}

/** Each way to hash takes the others away, but keeps the table that it hashes into. */
const KEYS = ['httpHeaderName', 'httpCookie', 'useSourceIp', 'httpQueryParameterName'];

function hash(key: string, label: string, fresh: unknown, items: Item[] = []): Option {
  const others = KEYS.filter((each) => each !== key).map((each) => [`${HASH}.${each}`, undefined]);
  return {
    label,
    is: (spec) => get(spec, `${HASH}.${key}`) !== undefined,
    sets: { [`${HASH}.${key}`]: fresh, ...Object.fromEntries(others), [SIMPLE]: undefined },
    items,
  };
}

const balancing: Choice = {
  label: 'How an endpoint is chosen',
  width: 12,
  choice: [
    {
      label: 'as usual: the less busy of two',
      is: (spec) => get(spec, SIMPLE) === undefined && get(spec, HASH) === undefined,
      sets: { [SIMPLE]: undefined, [HASH]: undefined },
    },
    simple('LEAST_REQUEST', 'the less busy of two'),
    simple('ROUND_ROBIN', 'in turn'),
    simple('RANDOM', 'at random'),
    hash('httpHeaderName', 'by the hash of a header', '', [
      { at: `${HASH}.httpHeaderName`, label: 'Header', as: 'text', placeholder: 'x-user' },
    ]),
    hash('httpCookie', 'by the hash of a cookie', { name: '' }, [
      { at: `${HASH}.httpCookie.name`, label: 'Cookie', as: 'text' },
      { at: `${HASH}.httpCookie.ttl`, label: 'Lives for', help: 'Made where a caller has none', as: 'duration' },
    ]),
    hash('useSourceIp', 'by the hash of the caller’s address', true),
    hash('httpQueryParameterName', 'by the hash of a query parameter', '', [
      { at: `${HASH}.httpQueryParameterName`, label: 'Query parameter', as: 'text' },
    ]),
  ],
};

const POOL = 'trafficPolicy.connectionPool';
const OUT = 'trafficPolicy.outlierDetection';
const TLS = 'trafficPolicy.tls';

const ownCertificate = (spec: Scope) => words(spec, `${TLS}.mode`) === 'MUTUAL';
const ownTls = (spec: Scope) => ['SIMPLE', 'MUTUAL'].includes(words(spec, `${TLS}.mode`));

export const destinationRule: FormTable = {
  kind: 'DestinationRule',
  sections: [
    {
      section: 'Where it holds',
      items: [{ at: 'host', label: 'Calls to the host', width: 12, as: 'pick', from: () => 'hosts' }, balancing],
    },
    {
      section: 'Limits',
      help: 'of each calling proxy',
      items: [
        { at: `${POOL}.tcp.maxConnections`, label: 'Connections', as: 'number' },
        { at: `${POOL}.tcp.connectTimeout`, label: 'Time to connect', as: 'duration' },
        { at: `${POOL}.http.http2MaxRequests`, label: 'Requests at a time', as: 'number' },
        {
          at: `${POOL}.http.http1MaxPendingRequests`,
          label: 'Waiting requests',
          help: 'More are refused at once',
          as: 'number',
        },
        { at: `${POOL}.http.maxRequestsPerConnection`, label: 'Requests on one connection', as: 'number' },
        { at: `${POOL}.http.maxRetries`, label: 'Retries at a time', as: 'number' },
        { at: `${POOL}.http.idleTimeout`, label: 'Close idle connections after', as: 'duration' },
        { at: `${POOL}.tcp.maxConnectionDuration`, label: 'Close any connection after', as: 'duration' },
      ],
    },
    {
      section: 'Outlier detection',
      help: 'endpoints that fail get no calls for a while',
      items: [
        { at: `${OUT}.consecutive5xxErrors`, label: 'Failed answers in a row', help: '5xx; 0 for off', as: 'number' },
        {
          at: `${OUT}.consecutiveGatewayErrors`,
          label: 'Gateway errors in a row',
          help: '502, 503, 504',
          as: 'number',
        },
        { at: `${OUT}.interval`, label: 'Looked at every', as: 'duration' },
        { at: `${OUT}.baseEjectionTime`, label: 'Left out for', help: 'Longer each time', as: 'duration' },
        { at: `${OUT}.maxEjectionPercent`, label: 'At most left out', as: 'number', unit: '%' },
        {
          at: `${OUT}.minHealthPercent`,
          label: 'Off below',
          help: 'Healthy endpoints of all',
          as: 'number',
          unit: '%',
        },
      ],
    },
    {
      section: 'TLS to the host',
      items: [
        {
          at: `${TLS}.mode`,
          label: 'Mode',
          width: 12,
          as: 'select',
          unset: 'as the mesh does: its own certificates inside, none outside',
          options: [
            ['ISTIO_MUTUAL', 'ISTIO_MUTUAL: certificates of the mesh'],
            ['SIMPLE', 'SIMPLE: the host shows a certificate'],
            ['MUTUAL', 'MUTUAL: both sides show one'],
            ['DISABLE', 'DISABLE: no TLS'],
          ],
        },
        { at: `${TLS}.sni`, label: 'Server name (SNI)', as: 'text', when: ownTls },
        { at: `${TLS}.credentialName`, label: 'Secret', as: 'pick', from: () => 'secrets', when: ownTls },
        { at: `${TLS}.caCertificates`, label: 'Authorities, a file', as: 'text', when: ownTls },
        { at: `${TLS}.clientCertificate`, label: 'Certificate, a file', as: 'text', when: ownCertificate },
        { at: `${TLS}.privateKey`, label: 'Key, a file', as: 'text', when: ownCertificate },
        {
          at: `${TLS}.subjectAltNames`,
          label: 'Names that the host may have',
          as: 'list',
          width: 12,
          when: ownTls,
        },
      ],
    },
    {
      section: 'Subsets',
      help: 'endpoints with certain labels, under a name',
      items: [
        {
          rows: 'subsets',
          label: 'Subsets',
          one: 'subset',
          add: 'Add a subset',
          empty: 'None.',
          fresh: { name: '', labels: { version: '' } },
          look: 'box',
          items: [
            { at: 'name', label: 'Name', width: 5, as: 'text', placeholder: 'v1' },
            { at: 'labels', label: 'Labels', width: 7, as: 'pairs', of: 'text', one: 'label' },
          ],
        },
      ],
    },
  ],
};
