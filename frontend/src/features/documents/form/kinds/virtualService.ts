import { get, listAt, words, type FormTable, type Group, type Rows, type Scope } from '../table';
import { goesTo, METHODS } from './routes';

const shares: NonNullable<Rows['shares']> = {
  weight: 'weight',
  fallback: 0,
  name: (row) => [words(row, 'destination.host'), words(row, 'destination.subset')].filter(Boolean).join(' '),
};

const matches: Rows = {
  rows: 'match',
  label: 'Matches',
  help: 'One of them must hold, with all that it says.',
  one: 'match',
  add: 'Add a match',
  empty: 'Every call.',
  fresh: { uri: { prefix: '/' } },
  look: 'box',
  items: [
    { at: 'uri', label: 'Path', width: 8, as: 'match', usual: 'prefix' },
    {
      at: 'method.exact',
      label: 'Method',
      width: 4,
      as: 'select',
      unset: 'any',
      options: METHODS,
    },
    { at: 'headers', label: 'Headers', as: 'pairs', of: 'match', one: 'header', width: 12 },
  ],
};

const destinations: Rows = {
  rows: 'route',
  label: 'Destinations',
  one: 'destination',
  add: 'Add a destination',
  empty: 'None.',
  fresh: { destination: { host: '' }, weight: 0 },
  look: 'line',
  shares,
  items: [
    { at: 'destination.host', label: 'Host', width: 4, as: 'pick', from: () => 'hosts' },
    { at: 'destination.subset', label: 'Subset', width: 3, as: 'pick', from: () => 'subsets' },
    { at: 'destination.port.number', label: 'Port', width: 2, as: 'port', of: 'destination.host' },
    { at: 'weight', label: 'Weight', width: 3, as: 'number' },
  ],
};

const times: Group = {
  group: 'Timeout and retries',
  items: [
    { at: 'timeout', label: 'Timeout', help: 'How long a caller waits, all tries together', as: 'duration' },
    { at: 'retries.attempts', label: 'Retries', help: 'Tries after the first; 0 for none', as: 'number' },
    { at: 'retries.perTryTimeout', label: 'Timeout of one try', as: 'duration' },
    { at: 'retries.backoff', label: 'Wait before a retry', as: 'duration' },
    {
      at: 'retries.retryOn',
      label: 'Retry on',
      help: 'Conditions and status codes, with commas between them',
      as: 'text',
      placeholder: 'connect-failure,refused-stream,503',
      width: 12,
    },
  ],
};

const faults: Group = {
  group: 'Fault injection',
  help: 'no call is delayed or broken on purpose',
  items: [
    { at: 'fault.delay.fixedDelay', label: 'Delay', as: 'duration' },
    { at: 'fault.delay.percentage.value', label: 'Delayed calls', as: 'number', unit: '%' },
    { at: 'fault.abort.httpStatus', label: 'Answer with status', as: 'number' },
    { at: 'fault.abort.percentage.value', label: 'Broken calls', as: 'number', unit: '%' },
  ],
};

function matched(value: Scope): string {
  return ['exact', 'prefix', 'regex'].map((how) => words(value, how)).find(Boolean) ?? '';
}

function title(rule: Scope): string {
  const [first, ...more] = listAt(rule, 'match');
  const asked = Object.entries(get(first, 'headers') ?? {}).map(([name, value]) => `${name}: ${matched(value)}`);
  const said = [words(first, 'method.exact'), matched(get(first, 'uri')), ...asked].filter(Boolean).join(' ');
  const goes = listAt(rule, 'route').length ? goesTo(rule, 'route', shares) : 'as the YAML says';
  return `${said || 'every call'}${more.length ? ` and ${more.length} more` : ''} → ${goes}`;
}

export const virtualService: FormTable = {
  kind: 'VirtualService',
  sections: [
    {
      section: 'Where it holds',
      items: [
        {
          rows: 'hosts',
          label: 'Hosts',
          one: 'host',
          add: 'Add a host',
          empty: 'None: another VirtualService takes these rules in.',
          fresh: '',
          look: 'line',
          items: [{ at: '', label: 'Host', width: 12, as: 'pick', from: () => 'hosts' }],
        },
        {
          rows: 'gateways',
          label: 'Gateways',
          one: 'gateway',
          add: 'Add a gateway',
          empty: 'None: calls inside the mesh.',
          fresh: '',
          look: 'line',
          items: [{ at: '', label: 'Gateway', width: 12, as: 'pick', from: () => 'istiogateways' }],
        },
      ],
    },
    {
      section: 'What happens to a call',
      help: 'the first rule that matches holds',
      items: [
        {
          rows: 'http',
          label: 'Rules',
          one: 'rule',
          add: 'Add a rule',
          fresh: { route: [{ destination: { host: '' } }] },
          look: 'card',
          ordered: true,
          title,
          items: [matches, destinations, times, faults],
        },
      ],
    },
  ],
};
