import { percent } from '@/ui/format';
import { sharesOf } from '../shares';
import { get, listAt, words, type FormTable, type Group, type Item, type Rows, type Scope } from '../table';

/** What the routes of the Gateway API have in common. */

const isService = (parent: Scope) => get(parent, 'kind') === 'Service';

export const parents: Rows = {
  rows: 'parentRefs',
  label: 'Holds for',
  one: 'place',
  add: 'Add a service or gateway',
  fresh: { group: '', kind: 'Service', name: '' },
  look: 'line',
  items: [
    {
      label: 'Calls',
      width: 4,
      choice: [
        { label: 'to the service', is: isService, sets: { group: '', kind: 'Service', sectionName: undefined } },
        {
          label: 'through the gateway',
          is: (parent) => !isService(parent),
          sets: { group: 'gateway.networking.k8s.io', kind: 'Gateway', port: undefined },
        },
      ],
    },
    {
      at: 'name',
      label: 'Name',
      width: 5,
      as: 'pick',
      from: (parent) => (isService(parent) ? 'services' : 'gateways'),
      fills: 'port',
      also: ['namespace'],
    },
    { at: 'port', label: 'Port', width: 3, as: 'port', of: 'name', when: isService },
    {
      at: 'sectionName',
      label: 'Listener',
      width: 3,
      as: 'text',
      placeholder: 'all',
      when: (each) => !isService(each),
    },
  ],
};

export const hostnames: Rows = {
  rows: 'hostnames',
  label: 'Hostnames',
  one: 'hostname',
  add: 'Add a hostname',
  empty: 'Every hostname.',
  fresh: '',
  look: 'line',
  items: [{ at: '', label: 'Hostname', width: 12, as: 'text', placeholder: 'shop.example.com' }],
};

export const shares: NonNullable<Rows['shares']> = {
  weight: 'weight',
  fallback: 1,
  name: (backend) => words(backend, 'name'),
};

export const backends: Rows = {
  rows: 'backendRefs',
  label: 'Destinations',
  one: 'destination',
  add: 'Add a destination',
  empty: 'None: nothing answers these calls.',
  fresh: { name: '', port: 8080, weight: 1 },
  look: 'line',
  shares,
  items: [
    { at: 'name', label: 'Service', width: 6, as: 'pick', from: () => 'services', fills: 'port', also: ['namespace'] },
    { at: 'port', label: 'Port', width: 3, as: 'port', of: 'name' },
    { at: 'weight', label: 'Weight', width: 3, as: 'number' },
  ],
};

/** "v1 90 %, v2 10 %". */
export function goesTo(rule: Scope, at: string, how: NonNullable<Rows['shares']>): string {
  const { parts } = sharesOf(how, listAt(rule, at));
  if (parts.length < 2) return parts[0]?.name ?? 'no destination';
  return parts.map(({ name, share }) => `${name} ${percent(share)}`).join(', ');
}

const headers: Rows = {
  rows: 'headers',
  label: 'Headers',
  one: 'header',
  add: 'Add a header',
  fresh: { name: '', value: '' },
  look: 'line',
  items: [
    { at: 'name', label: 'Name', width: 4, as: 'text' },
    {
      at: 'type',
      label: 'How',
      width: 3,
      as: 'select',
      unset: 'is',
      options: [['RegularExpression', 'matches regex']],
    },
    { at: 'value', label: 'Value', width: 5, as: 'text' },
  ],
};

export const HOW_PATH: [string, string][] = [
  ['Exact', 'is'],
  ['RegularExpression', 'matches regex'],
];

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'].map((each): [string, string] => [
  each,
  each,
]);

const path: Item[] = [
  { at: 'path.type', label: 'Path', width: 3, as: 'select', unset: 'starts with', options: HOW_PATH },
  { at: 'path.value', label: 'Path value', width: 6, as: 'text', placeholder: '/' },
  { at: 'method', label: 'Method', width: 3, as: 'select', unset: 'any', options: METHODS },
];

/** Matches by path, method and headers, as HTTPRoute and RateLimit have them. */
export const httpMatches: Rows = {
  rows: 'matches',
  label: 'Matches',
  help: 'One of them must hold, with all that it says.',
  one: 'match',
  add: 'Add a match',
  empty: 'Every call.',
  fresh: { path: { type: 'PathPrefix', value: '/' } },
  look: 'box',
  items: [...path, headers],
};

export function matchWords(rule: Scope): string {
  const first = listAt(rule, 'matches')[0];
  const more = listAt(rule, 'matches').length - 1;
  const asked = listAt(first, 'headers').map((header) => `${words(header, 'name')}: ${words(header, 'value')}`);
  const said = [words(first, 'method'), words(first, 'path.value'), ...asked].filter(Boolean).join(' ');
  return `${said || 'every call'}${more > 0 ? ` and ${more} more` : ''}`;
}

const times: Group = {
  group: 'Timeouts and retries',
  items: [
    {
      at: 'timeouts.request',
      label: 'Timeout',
      help: 'How long a caller waits, all tries together',
      as: 'duration',
      whole: true,
    },
    {
      at: 'timeouts.backendRequest',
      label: 'Timeout of one try',
      help: 'After it, the next try begins',
      as: 'duration',
      whole: true,
    },
    { at: 'retry.attempts', label: 'Retries', help: 'Tries after the first; 0 for none', as: 'number' },
    { at: 'retry.backoff', label: 'Wait before a retry', as: 'duration', whole: true },
    {
      at: 'retry.codes',
      label: 'Also retry these answers',
      help: 'Status codes, beside broken connections',
      as: 'list',
      numbers: true,
      placeholder: '502, 503, 504',
      width: 12,
    },
  ],
};

const stickiness: Group = {
  group: 'Session persistence',
  items: [
    { at: 'sessionPersistence.type', label: 'Kept by', as: 'select', unset: 'not set' },
    { at: 'sessionPersistence.sessionName', label: 'Name of the cookie or header', as: 'text' },
  ],
};

function rules(items: Item[], title: Rows['title'], several = true): Rows {
  return {
    rows: 'rules',
    label: several ? 'Rules' : 'Rule',
    one: 'rule',
    add: 'Add a rule',
    fresh: { backendRefs: [{ name: '', port: 8080 }] },
    look: 'card',
    ordered: several,
    title,
    items,
  };
}

const where = (more: Item[]) => ({ section: 'Where it holds', items: [parents, ...more] });

export const httpRoute: FormTable = {
  kind: 'HTTPRoute',
  sections: [
    where([hostnames]),
    {
      section: 'What happens to a call',
      help: 'the more specific match wins, then the earlier rule',
      items: [
        rules(
          [httpMatches, backends, times, stickiness],
          (rule) => `${matchWords(rule)} → ${goesTo(rule, 'backendRefs', shares)}`,
        ),
      ],
    },
  ],
};

const grpcMatches: Rows = {
  ...httpMatches,
  fresh: { method: { service: '' } },
  items: [
    { at: 'method.service', label: 'Service', width: 5, as: 'text', placeholder: 'shop.v1.Cart' },
    { at: 'method.method', label: 'Method', width: 4, as: 'text', placeholder: 'any' },
    { at: 'method.type', label: 'How', width: 3, as: 'select', unset: 'is', options: [['RegularExpression', 'regex']] },
    headers,
  ],
};

function grpcWords(rule: Scope): string {
  const first = listAt(rule, 'matches')[0];
  return [words(first, 'method.service'), words(first, 'method.method')].filter(Boolean).join('/') || 'every call';
}

export const grpcRoute: FormTable = {
  kind: 'GRPCRoute',
  sections: [
    where([hostnames]),
    {
      section: 'What happens to a call',
      items: [
        rules(
          [grpcMatches, backends, stickiness],
          (rule) => `${grpcWords(rule)} → ${goesTo(rule, 'backendRefs', shares)}`,
        ),
      ],
    },
  ],
};

const connections = {
  section: 'Where connections go',
  items: [rules([backends], (rule) => goesTo(rule, 'backendRefs', shares), false)],
};

export const tcpRoute: FormTable = { kind: 'TCPRoute', sections: [where([]), connections] };
export const tlsRoute: FormTable = {
  kind: 'TLSRoute',
  sections: [where([{ ...hostnames, help: 'Read from the TLS handshake (SNI).', empty: undefined }]), connections],
};
