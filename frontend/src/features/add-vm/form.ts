import { z } from 'zod';
import type { Draft } from '@/api/types';

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const name = (what: string) =>
  z
    .string()
    .regex(
      LABEL,
      `${what}: lower-case letters, digits and dashes, at most 63, beginning and ending with a letter or digit`,
    );
const port = z
  .number({ error: 'A number from 1 to 65535' })
  .int('A whole number')
  .min(1, 'From 1 to 65535')
  .max(65535, 'From 1 to 65535');

/** `app=cart, version=v1` -> pairs; null when it cannot be read. */
export function parseLabels(text: string): Record<string, string> | null {
  const labels: Record<string, string> = {};
  for (const part of text
    .split(',')
    .map((each) => each.trim())
    .filter(Boolean)) {
    const match = /^([A-Za-z0-9][-A-Za-z0-9_./]*)\s*[=:]\s*([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)$/.exec(part);
    if (!match?.[1] || match[2] === undefined) return null;
    labels[match[1]] = match[2];
  }
  return labels;
}

const token = {
  ttl: z.enum(['15m', '1h', '24h']),
  uses: z.number({ error: 'A number from 1 to 100' }).int().min(1, 'At least 1').max(100, 'At most 100'),
};

const existing = z.object({ mode: z.literal('existing'), group: z.string().min(1, 'Pick a group'), ...token });

const fresh = z.object({
  mode: z.literal('new'),
  namespace: name('Namespace'),
  name: name('Name'),
  serviceAccount: name('Service account'),
  port,
  labels: z
    .string()
    .refine((text) => parseLabels(text) !== null, 'Write labels as key=value, separated by commas')
    .refine(
      (text) => Object.keys(parseLabels(text) ?? { none: '' }).length > 0,
      'At least one label, so that a service can select these VMs',
    ),
  probe: z.boolean(),
  probePath: z.string(),
  service: z.boolean(),
  serviceName: z.string(),
  ...token,
});

export const vmForm = z.discriminatedUnion('mode', [existing, fresh]).superRefine((form, context) => {
  if (form.mode !== 'new') return;
  if (form.probe && !/^\/[\x21-\x7e]*$/.test(form.probePath)) {
    context.addIssue({ code: 'custom', path: ['probePath'], message: 'A path that begins with /' });
  }
  if (form.service && !LABEL.test(form.serviceName)) {
    context.addIssue({ code: 'custom', path: ['serviceName'], message: 'Lower-case letters, digits and dashes' });
  }
});

export type VmForm = z.output<typeof vmForm>;
export type NewGroup = Extract<VmForm, { mode: 'new' }>;

/** The documents that describe a new kind of VM, in an order that reads well in a difference. */
export function documentsOf(form: NewGroup, namespaces: string[]): Draft[] {
  const labels = parseLabels(form.labels) ?? {};
  const documents: Draft[] = [];
  if (!namespaces.includes(form.namespace)) {
    documents.push({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: form.namespace }, spec: {} });
  }
  documents.push({
    apiVersion: 'networking.istio.io/v1',
    kind: 'WorkloadGroup',
    metadata: { name: form.name, namespace: form.namespace },
    spec: {
      metadata: { labels },
      template: { serviceAccount: form.serviceAccount, ports: { http: form.port } },
      ...(form.probe ? { probe: { httpGet: { path: form.probePath, port: form.port } } } : {}),
    },
  });
  if (form.service) {
    documents.push({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: form.serviceName, namespace: form.namespace },
      spec: { selector: labels, ports: [{ name: 'http', port: form.port, appProtocol: 'http' }] },
    });
  }
  return documents;
}

/** Where the join token belongs. */
export function groupOf(form: VmForm): { namespace: string; workloadGroup: string } {
  if (form.mode === 'new') return { namespace: form.namespace, workloadGroup: form.name };
  const [namespace = '', workloadGroup = ''] = form.group.split('/');
  return { namespace, workloadGroup };
}
