import react from '@vitejs/plugin-react';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const server = process.env.MESHWEB_URL ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  // Nothing is inlined as a data: URL: the Content-Security-Policy allows fonts and scripts from the origin only.
  build: { assetsInlineLimit: 0, chunkSizeWarningLimit: 700 },
  server: { proxy: { '/api': server, '/ws': { target: server, ws: true } } },
  test: {
    environment: 'jsdom',
    environmentOptions: { jsdom: { url: 'http://mesh.test/' } },
    setupFiles: ['src/test/setup.ts'],
    css: false,
    env: { DEBUG_PRINT_LIMIT: '0' },
    testTimeout: 15_000,
    maxWorkers: 2,
  },
});
