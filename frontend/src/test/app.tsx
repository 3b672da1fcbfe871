import { QueryClientProvider } from '@tanstack/react-query';
import { createMemoryHistory, RouterProvider } from '@tanstack/react-router';
import { render } from '@testing-library/react';
import axe from 'axe-core';
import { createQueryClient } from '@/app/queryClient';
import { createConsoleRouter } from '@/app/router';
import { ThemeProvider } from '@/ui/theme';

/** The whole console at an address, as a person would open it. */
export function openConsole(address: string, loginToken: string | null = null) {
  const queryClient = createQueryClient();
  queryClient.setDefaultOptions({ queries: { ...queryClient.getDefaultOptions().queries, retry: false } });
  const router = createConsoleRouter(queryClient, loginToken, createMemoryHistory({ initialEntries: [address] }));
  render(
    <ThemeProvider>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </ThemeProvider>,
  );
  return { router, queryClient, address: () => router.state.location };
}

/** Rules that axe breaks on the page as it is now. Colours are checked in a real browser: jsdom has none. */
export async function violations(): Promise<string[]> {
  const result = await axe.run(document.body, {
    resultTypes: ['violations'],
    rules: { 'color-contrast': { enabled: false }, region: { enabled: false } },
  });
  return result.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}
