import '@fontsource-variable/geist/wght.css';
import '@fontsource-variable/geist-mono/wght.css';
import '@mantine/core/styles.css';
import './ui/styles/tokens.css';
import './ui/styles/index.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { z } from 'zod';
import { createQueryClient } from './app/queryClient';
import { createConsoleRouter } from './app/router';
import { stripLoginToken } from './features/login/loginToken';
import { ThemeProvider } from './ui/theme';

// zod would otherwise build validators with `new Function`, which the Content-Security-Policy forbids.
z.config({ jitless: true });

// Before anything else reads the address: a one-time token must not stay in the history.
const loginToken = stripLoginToken();
const queryClient = createQueryClient();
const router = createConsoleRouter(queryClient, loginToken);

// After an upgrade the parts that this page would still load are gone: the new page has its own. Once, never in a loop.
window.addEventListener('vite:preloadError', (event) => {
  const last = Number(sessionStorage.getItem('reloaded-for-upgrade') ?? 0);
  if (Date.now() - last < 60_000) return;
  event.preventDefault();
  sessionStorage.setItem('reloaded-for-upgrade', String(Date.now()));
  window.location.reload();
});

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no element #root');
createRoot(root).render(
  <StrictMode>
    <ThemeProvider>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </ThemeProvider>
  </StrictMode>,
);
