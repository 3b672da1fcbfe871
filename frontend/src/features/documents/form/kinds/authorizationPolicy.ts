import { get, listAt, words, type FormTable, type Item, type Leaf, type Option, type Rows, type Scope } from '../table';

/** A field and its negation stand beside each other: what is in the one, and what is not in the other. */
function both(at: string, label: string, placeholder: string, help?: string): Item[] {
  const name = at.slice(at.lastIndexOf('.') + 1);
  const not = `${at.slice(0, at.length - name.length)}not${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  const field: Leaf = { at, label, help, as: 'list', placeholder };
  const other: Leaf = { at: not, label: `${label}, but not`, as: 'list' };
  return [field, other];
}

const sources: Rows = {
  rows: 'from',
  label: 'Callers',
  one: 'caller',
  add: 'Add a caller',
  empty: 'Every caller.',
  fresh: { source: { principals: [''] } },
  look: 'box',
  items: [
    ...both(
      'source.principals',
      'Certificates',
      'cluster.local/ns/shop/sa/web',
      'Commas between several; * at one end',
    ),
    ...both('source.namespaces', 'Namespaces', 'shop'),
    {
      group: 'More about the caller',
      items: [
        ...both('source.serviceAccounts', 'Service accounts', 'shop/web'),
        ...both('source.trustDomains', 'Trust domains', 'cluster.local'),
        ...both('source.ipBlocks', 'Addresses', '10.0.0.0/8'),
        ...both(
          'source.remoteIpBlocks',
          'First addresses',
          '203.0.113.0/24',
          'From where the request came before proxies',
        ),
        ...both('source.requestPrincipals', 'Tokens', 'https://issuer.example/*'),
      ],
    },
  ],
};

const operations: Rows = {
  rows: 'to',
  label: 'Requests',
  one: 'request',
  add: 'Add methods and paths',
  empty: 'Every request.',
  fresh: { operation: { methods: ['GET'] } },
  look: 'box',
  items: [
    ...both('operation.methods', 'Methods', 'GET, POST'),
    ...both('operation.paths', 'Paths', '/charges, /charges/*'),
    {
      group: 'More about the request',
      items: [
        ...both('operation.ports', 'Ports', '8080', 'Of the workload'),
        ...both('operation.hosts', 'Hosts', 'shop.example'),
      ],
    },
  ],
};

const conditions: Rows = {
  rows: 'when',
  label: 'Conditions',
  one: 'condition',
  add: 'Add a condition',
  fresh: { key: 'request.headers[x-role]', values: [''] },
  look: 'box',
  items: [
    { at: 'key', label: 'Of', as: 'text', placeholder: 'request.headers[x-role]', width: 12 },
    { at: 'values', label: 'Is one of', as: 'list' },
    { at: 'notValues', label: 'Is none of', as: 'list' },
  ],
};

/** "web, cart: GET" as far as it fits in a title. */
function title(rule: Scope): string {
  const callers = listAt(rule, 'from').flatMap((each) => listAt(each, 'source.principals').map(String));
  const methods = listAt(rule, 'to').flatMap((each) => listAt(each, 'operation.methods').map(String));
  const who = callers.map((each) => each.split('/').pop() || each).filter(Boolean);
  const from = who.slice(0, 3).join(', ') + (who.length > 3 ? ` and ${who.length - 3} more` : '');
  return [from || (listAt(rule, 'from').length ? 'some callers' : 'every caller'), methods.join(', ')]
    .filter(Boolean)
    .join(': ');
}

const byTargets = (spec: Scope) => listAt(spec, 'targetRefs').length > 0;
const bySelector = (spec: Scope) => !byTargets(spec) && get(spec, 'selector') !== undefined;

const scopes: Option[] = [
  {
    label: 'the workloads with these labels',
    is: bySelector,
    sets: { selector: { matchLabels: {} }, targetRefs: undefined },
    items: [{ at: 'selector.matchLabels', label: 'Labels', as: 'pairs', of: 'text', one: 'label', width: 12 }],
  },
  {
    label: 'a service',
    is: byTargets,
    sets: { selector: undefined, targetRefs: [{ group: '', kind: 'Service', name: '' }] },
    items: [
      {
        rows: 'targetRefs',
        label: 'Targets',
        one: 'target',
        add: 'Add a service',
        fresh: { group: '', kind: 'Service', name: '' },
        look: 'line',
        items: [
          {
            at: 'name',
            label: 'Service',
            width: 12,
            as: 'pick',
            from: () => 'services',
            when: (each) => words(each, 'kind') === 'Service',
            also: ['group', 'kind'],
          },
        ],
      },
    ],
  },
  {
    label: 'every workload of its namespace',
    is: (spec) => !byTargets(spec) && !bySelector(spec),
    sets: { selector: undefined, targetRefs: undefined },
  },
];

export const authorizationPolicy: FormTable = {
  kind: 'AuthorizationPolicy',
  sections: [
    {
      section: 'What it stands before',
      help: 'In the root namespace: the whole mesh',
      items: [{ label: 'It stands before', width: 12, choice: scopes }],
    },
    {
      section: 'What it does',
      items: [
        {
          at: 'action',
          label: 'Calls that a rule fits are',
          help: 'A workload with a policy that lets in denies every other call',
          as: 'select',
          unset: 'let in',
          options: [
            ['DENY', 'denied'],
            ['CUSTOM', 'asked about at a provider'],
            ['AUDIT', 'recorded, and nothing else'],
          ],
        },
        {
          at: 'provider.name',
          label: 'Provider',
          help: 'Of the extension providers in MeshConfig',
          as: 'text',
          when: (spec) => get(spec, 'action') === 'CUSTOM',
        },
      ],
    },
    {
      section: 'Rules',
      help: 'A call fits when one of the callers, one of the requests and all conditions of a rule fit',
      items: [
        {
          rows: 'rules',
          label: 'Rules',
          one: 'rule',
          add: 'Add a rule',
          empty: 'No call fits. Without rules a policy that lets in admits nobody.',
          fresh: { from: [{ source: { principals: [''] } }] },
          look: 'card',
          title,
          items: [sources, operations, conditions],
        },
      ],
    },
  ],
};
