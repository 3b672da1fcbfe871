import type { AnyDocument } from '@/api/types';

export const DRY_RUN = 'istio.io/dry-run';

export function isTrial(policy: AnyDocument): boolean {
  return policy.metadata.annotations[DRY_RUN] === 'true';
}

export function actionOf(policy: AnyDocument): string {
  const { action } = policy.spec;
  return typeof action === 'string' ? action : 'ALLOW';
}

export function rulesOf(policy: AnyDocument): number {
  const { rules } = policy.spec;
  return Array.isArray(rules) ? rules.length : 0;
}

export function nameOf(policy: AnyDocument): string {
  return `${policy.metadata.namespace}/${policy.metadata.name}`;
}

/** As it is sent to decide from now on: the same document without the mark of a trial. */
export function enforced(policy: AnyDocument): Record<string, unknown> {
  const { name, namespace, labels, annotations, resourceVersion } = policy.metadata;
  const kept = Object.fromEntries(Object.entries(annotations).filter(([key]) => key !== DRY_RUN));
  return {
    apiVersion: policy.apiVersion,
    kind: policy.kind,
    metadata: { name, namespace, labels, annotations: kept, resourceVersion },
    spec: policy.spec,
  };
}
