/** Where documents have their pages. Needs no list of kinds, so that every page may link to a document. */

/** In addresses of documents that have no namespace; no namespace can be called so. */
export const NO_NAMESPACE = '-';

/** "HTTPRoute" -> "httproutes", "ServiceEntry" -> "serviceentries": the plural in the API's addresses. */
export function pluralOf(kind: string): string {
  const name = kind.toLowerCase();
  return /[^aeiou]y$/.test(name) ? `${name.slice(0, -1)}ies` : `${name}s`;
}

export interface Place {
  plural: string;
  namespace: string;
  name: string;
}

/** "VirtualService shop/web" -> where that document has its page. */
export function placeOf(document: string): Place | null {
  const match = /^(\w+) (?:([^/\s]+)\/)?([^/\s]+)$/.exec(document);
  if (!match?.[1] || !match[3]) return null;
  return { plural: pluralOf(match[1]), namespace: match[2] ?? NO_NAMESPACE, name: match[3] };
}

/** Its address in the API, below the version. */
export function pathOf({ plural, namespace, name }: Place): string {
  const parts = namespace === NO_NAMESPACE ? [plural, name] : [plural, namespace, name];
  return `/${parts.map(encodeURIComponent).join('/')}`;
}
