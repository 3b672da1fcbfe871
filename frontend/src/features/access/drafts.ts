import { useQuery } from '@tanstack/react-query';
import { kindWithPlural } from '@/api/kinds';
import { queries } from '@/api/queries';
import { keptText, newDraftKey } from '@/features/documents/draft';
import { startFor } from '@/features/documents/starts';
import { toYaml } from '@/features/documents/yaml/text';
import { POLICIES } from './principals';

/** The policy that is being written to let a caller in; where nobody wrote yet, what one would start from. */
export function useAllowDraft(service: string, principal: string | undefined, enabled: boolean) {
  const kind = kindWithPlural(POLICIES);
  const target = useQuery({ ...queries.document('services', service), enabled });
  const others = useQuery({ ...queries.anyDocuments(POLICIES), enabled });
  if (!enabled || !kind || !target.data || !others.data) return { text: null, error: target.error ?? others.error };
  const kept = keptText(newDraftKey(POLICIES, service, principal));
  const fresh = startFor(kind, target.data, others.data, principal);
  return { text: kept ?? (fresh ? toYaml(fresh) : null), error: null };
}
