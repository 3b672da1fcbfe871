import { get, listAt, words, type FormTable, type Item, type Rows, type Scope } from '../table';
import { httpMatches } from './routes';

const isGateway = (target: Scope) => get(target, 'kind') === 'Gateway';

const targets: Rows = {
  rows: 'targetRefs',
  label: 'Targets',
  one: 'target',
  add: 'Add a target',
  fresh: { kind: 'Service', name: '' },
  look: 'line',
  items: [
    {
      label: 'Requests to',
      width: 4,
      choice: [
        { label: 'the service', is: (each) => !isGateway(each), sets: { kind: 'Service', group: undefined } },
        { label: 'the gateway', is: isGateway, sets: { kind: 'Gateway', group: 'gateway.networking.k8s.io' } },
      ],
    },
    {
      at: 'name',
      label: 'Name',
      width: 5,
      as: 'pick',
      from: (target) => (isGateway(target) ? 'gateways' : 'services'),
      also: ['group'],
    },
    { at: 'sectionName', label: 'Port or listener', width: 3, as: 'text', placeholder: 'all' },
  ],
};

const by: Rows = {
  rows: 'by',
  label: 'Counted by',
  one: 'key',
  add: 'Count by caller or header',
  empty: 'One counter for all.',
  fresh: { callerIdentity: true },
  look: 'line',
  items: [
    {
      label: 'By',
      width: 6,
      choice: [
        {
          label: 'the caller’s identity',
          is: (key) => get(key, 'callerIdentity') !== undefined,
          sets: { callerIdentity: true, header: undefined },
        },
        {
          label: 'the value of a header',
          is: (key) => get(key, 'header') !== undefined,
          sets: { header: '', callerIdentity: undefined },
          items: [{ at: 'header', label: 'Header', width: 6, as: 'text', placeholder: 'x-user' }],
        },
      ],
    },
  ],
};

const isGlobal = (one: Scope) => get(one, 'type') === 'Global';

/** What one limit says. A field more is a line more. */
const limit: Item[] = [
  { at: 'name', label: 'Name', width: 6, as: 'text' },
  {
    at: 'type',
    label: 'Counted',
    width: 6,
    as: 'select',
    unset: 'by each proxy for itself',
    options: [['Global', 'by all proxies together']],
  },
  { at: 'requests', label: 'Requests', width: 4, as: 'number' },
  { at: 'per', label: 'In each', width: 4, as: 'duration', whole: true },
  {
    at: 'burst',
    label: 'At once',
    help: 'Left out: as many as requests',
    width: 4,
    as: 'number',
    when: (one) => !isGlobal(one),
  },
  by,
  { ...httpMatches, help: undefined, empty: 'Every request counts.' },
];

export const rateLimit: FormTable = {
  kind: 'RateLimit',
  sections: [
    { section: 'Where it holds', items: [targets] },
    {
      section: 'How often requests may come',
      items: [
        {
          rows: 'limits',
          label: 'Limits',
          one: 'limit',
          add: 'Add a limit',
          fresh: { name: '', requests: 100, per: '1s' },
          look: 'card',
          title: (each) => `${words(each, 'requests')} in ${words(each, 'per')}`,
          items: limit,
        },
      ],
    },
    {
      section: 'What is refused',
      items: [
        { at: 'onLimit.status', label: 'Status of the answer', as: 'number' },
        {
          at: 'failureMode',
          label: 'While nobody counts',
          help: 'The counters of all proxies together may be away',
          as: 'select',
          unset: 'choose one',
          options: [
            ['Open', 'requests are let in'],
            ['Closed', 'requests are refused'],
          ],
          when: (spec) => listAt(spec, 'limits').some(isGlobal),
        },
        {
          at: 'shadow',
          label: 'Only count',
          help: 'Nothing is refused; the numbers show what would have been',
          as: 'switch',
          fallback: false,
          width: 12,
        },
        {
          at: 'responseHeaders',
          label: 'Answers say what is left',
          help: 'In x-ratelimit headers',
          as: 'switch',
          fallback: true,
          width: 12,
        },
      ],
    },
  ],
};
