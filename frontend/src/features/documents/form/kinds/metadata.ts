import type { Kind } from '@/api/kinds';
import type { Leaf, Section } from '../table';

const namespace: Leaf = { at: 'namespace', label: 'Namespace', as: 'pick', from: () => 'namespaces' };

/** The same for every kind. A document that is there keeps its name, so that only a new one shows this. */
export function metadataSection(kind: Kind): Section {
  return {
    section: 'Name',
    of: 'metadata',
    items: [{ at: 'name', label: 'Name', as: 'text' }, ...(kind.namespaced ? [namespace] : [])],
  };
}
