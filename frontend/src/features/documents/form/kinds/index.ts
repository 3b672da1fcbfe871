import type { Kind } from '@/api/kinds';
import type { FormTable } from '../table';
import { authorizationPolicy } from './authorizationPolicy';
import { destinationRule } from './destinationRule';
import { gateway } from './gateway';
import { healthCheck } from './healthCheck';
import { rateLimit } from './rateLimit';
import { grpcRoute, httpRoute, tcpRoute, tlsRoute } from './routes';
import { serviceEntry } from './serviceEntry';
import { virtualService } from './virtualService';

export const FORMS: FormTable[] = [
  httpRoute,
  grpcRoute,
  tcpRoute,
  tlsRoute,
  virtualService,
  destinationRule,
  gateway,
  serviceEntry,
  rateLimit,
  healthCheck,
  authorizationPolicy,
];

/** The form of a kind. Every other kind is written as YAML. */
export function formOf(kind: Kind | undefined): FormTable | undefined {
  return FORMS.find((form) => form.kind === kind?.key);
}
