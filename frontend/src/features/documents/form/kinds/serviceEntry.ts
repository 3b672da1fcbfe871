import { words, type FormTable } from '../table';

export const serviceEntry: FormTable = {
  kind: 'ServiceEntry',
  sections: [
    {
      section: 'What is called',
      items: [
        {
          rows: 'hosts',
          label: 'Hosts',
          one: 'host',
          add: 'Add a host',
          fresh: '',
          look: 'line',
          items: [{ at: '', label: 'Host', width: 12, as: 'text', placeholder: 'api.example.com' }],
        },
        {
          rows: 'ports',
          label: 'Ports',
          one: 'port',
          add: 'Add a port',
          fresh: { number: 443, name: 'tls', protocol: 'TLS' },
          look: 'line',
          items: [
            { at: 'number', label: 'Port', width: 3, as: 'number' },
            { at: 'name', label: 'Name', width: 3, as: 'text' },
            { at: 'protocol', label: 'Protocol', width: 3, as: 'select', unset: 'by its name' },
            { at: 'targetPort', label: 'Port there', width: 3, as: 'number' },
          ],
        },
        {
          at: 'location',
          label: 'Location',
          as: 'select',
          unset: 'outside the mesh: no mTLS',
          options: [['MESH_INTERNAL', 'inside the mesh: mTLS']],
        },
        {
          at: 'resolution',
          label: 'Addresses come from',
          as: 'select',
          unset: 'the call itself (NONE)',
          options: [
            ['DNS', 'DNS: every address'],
            ['DNS_ROUND_ROBIN', 'DNS: one address at a time'],
            ['DYNAMIC_DNS', 'DNS: the name that is called'],
            ['STATIC', 'the endpoints below (STATIC)'],
          ],
        },
      ],
    },
    {
      section: 'Endpoints',
      items: [
        {
          rows: 'endpoints',
          label: 'Endpoints',
          one: 'endpoint',
          add: 'Add an endpoint',
          empty: 'None: the hosts themselves.',
          fresh: { address: '' },
          look: 'box',
          when: (spec) => words(spec, 'resolution') !== 'NONE' && words(spec, 'resolution') !== '',
          items: [
            { at: 'address', label: 'Address', width: 6, as: 'text', placeholder: '10.0.0.7' },
            { at: 'locality', label: 'Locality', width: 4, as: 'text', placeholder: 'region/zone' },
            { at: 'weight', label: 'Weight', width: 2, as: 'number' },
            { at: 'ports', label: 'Ports, by name', as: 'pairs', of: 'number', one: 'port' },
            { at: 'labels', label: 'Labels', as: 'pairs', of: 'text', one: 'label' },
          ],
        },
      ],
    },
  ],
};
