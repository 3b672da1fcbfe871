/** Plural of the documents that say who may call. */
export const POLICIES = 'authorizationpolicies';

/** A policy's name for a certificate. */
export function principalOf(identity: string | undefined): string | undefined {
  return identity ? identity.replace(/^spiffe:\/\//, '') : undefined;
}
