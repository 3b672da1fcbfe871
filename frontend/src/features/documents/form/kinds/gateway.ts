import { words, type FormTable, type Rows, type Scope } from '../table';

const certificates: Rows = {
  rows: 'tls.certificateRefs',
  label: 'Certificates',
  one: 'certificate',
  add: 'Add a certificate',
  empty: 'None: name the Secret that has it.',
  fresh: { name: '' },
  look: 'line',
  when: (listener) => words(listener, 'protocol') === 'HTTPS' || isTls(listener),
  items: [{ at: 'name', label: 'Secret', width: 12, as: 'pick', from: () => 'secrets' }],
};

function isTls(listener: Scope): boolean {
  return words(listener, 'protocol') === 'TLS' && words(listener, 'tls.mode') !== 'Passthrough';
}

export const gateway: FormTable = {
  kind: 'Gateway',
  fixed: ['spec.gatewayClassName'],
  sections: [
    {
      section: 'What it opens',
      items: [
        {
          rows: 'listeners',
          label: 'Listeners',
          one: 'listener',
          add: 'Add a listener',
          fresh: { name: '', port: 8080, protocol: 'HTTP' },
          look: 'card',
          title: (each) =>
            [words(each, 'name'), words(each, 'protocol'), words(each, 'hostname'), words(each, 'port')]
              .filter(Boolean)
              .join(' · '),
          items: [
            { at: 'name', label: 'Name', width: 5, as: 'text' },
            {
              at: 'protocol',
              label: 'Protocol',
              width: 4,
              as: 'select',
              unset: 'choose one',
            },
            { at: 'port', label: 'Port', width: 3, as: 'number' },
            {
              at: 'hostname',
              label: 'Hostname',
              help: 'Left out: every one',
              width: 7,
              as: 'text',
              placeholder: '*.shop.example.com',
              when: (listener) => words(listener, 'protocol') !== 'TCP',
            },
            {
              at: 'allowedRoutes.namespaces.from',
              label: 'Routes may come from',
              width: 5,
              as: 'select',
              unset: 'this namespace',
              options: [
                ['All', 'every namespace'],
                ['Selector', 'namespaces with labels'],
              ],
            },
            {
              at: 'allowedRoutes.namespaces.selector.matchLabels',
              label: 'Labels of these namespaces',
              as: 'pairs',
              of: 'text',
              one: 'label',
              when: (listener) => words(listener, 'allowedRoutes.namespaces.from') === 'Selector',
            },
            {
              at: 'tls.mode',
              label: 'TLS',
              width: 12,
              as: 'select',
              unset: 'ends here (Terminate)',
              options: [['Passthrough', 'goes on to the service as it is (Passthrough)']],
              when: (listener) => ['TLS', 'HTTPS'].includes(words(listener, 'protocol')),
            },
            certificates,
          ],
        },
      ],
    },
  ],
};
