import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { placeOf } from '@/api/places';

/** A document by its title ("VirtualService shop/web"), opened at the line of a field. */
export function DocumentLink({
  document,
  field,
  children,
}: {
  document: string;
  field?: string;
  children?: ReactNode;
}) {
  const place = placeOf(document);
  if (!place) return <>{children ?? document}</>;
  return (
    <Link
      to="/documents/$plural/$namespace/$name"
      params={{ plural: place.plural, namespace: place.namespace, name: place.name }}
      search={{ field: field || undefined }}
    >
      {children ?? document}
    </Link>
  );
}
