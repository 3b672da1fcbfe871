import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { queries } from '@/api/queries';
import { listAt, words } from './table';

/** Subsets that DestinationRules name for a host, as callers of a namespace write it. */
export function useSubsets(namespace: string, wanted: boolean): (host: string) => string[] {
  const { data } = useQuery({ ...queries.anyDocuments('destinationrules'), enabled: wanted });
  return useMemo(() => {
    const full = (host: string, own: string) => {
      const [name, where] = host.split('.');
      return `${name}.${where ?? own}`;
    };
    return (host) =>
      (data ?? [])
        .filter(({ spec, metadata }) => {
          return full(words(spec, 'host'), metadata.namespace ?? '') === full(host, namespace);
        })
        .flatMap(({ spec }) => listAt(spec, 'subsets').map((subset) => words(subset, 'name')));
  }, [data, namespace]);
}
