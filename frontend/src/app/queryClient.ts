import { QueryClient } from '@tanstack/react-query';
import { ApiError } from '@/api/client';

/** Asking again helps when nothing answered; it does not help when the answer was no. */
function retry(failures: number, error: Error): boolean {
  const status = error instanceof ApiError ? error.status : 500;
  return failures < 2 && (status === 0 || status >= 500);
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: { queries: { retry, staleTime: 2_000, refetchOnWindowFocus: true } },
  });
}
