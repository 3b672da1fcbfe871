/** Takes the one-time token of `/login?token=…` out of the address and its history entry, and returns it. */
export function stripLoginToken(): string | null {
  const address = new URL(window.location.href);
  if (address.pathname !== '/login') return null;
  const token = address.searchParams.get('token');
  if (token === null) return null;
  address.searchParams.delete('token');
  window.history.replaceState(null, '', `${address.pathname}${address.search}`);
  return token;
}
