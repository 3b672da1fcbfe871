import react from '@vitejs/plugin-react';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

const server = process.env.MESHWEB_URL ?? 'http://127.0.0.1:8080';

interface OpenApi {
  paths: Record<string, { post?: { requestBody?: { content: Record<string, { example?: unknown }> } } }>;
  components: { schemas: Record<string, object> };
}

/** `virtual:kinds`: of the API's description only what says how documents are written, a tenth of the whole. */
function kinds(): Plugin {
  const file = fileURLToPath(new URL('./openapi.json', import.meta.url));
  return {
    name: 'kinds',
    resolveId: (id) => (id === 'virtual:kinds' ? '\0virtual:kinds' : undefined),
    load(id) {
      if (id !== '\0virtual:kinds') return undefined;
      this.addWatchFile(file);
      const { paths, components } = JSON.parse(readFileSync(file, 'utf8')) as OpenApi;
      const found = Object.entries(paths).flatMap(([path, { post }]) => {
        const example = Object.values(post?.requestBody?.content ?? {})[0]?.example;
        const plural = path.replace('/api/v1/', '');
        return example ? [{ plural, example, namespaced: `${path}/{namespace}/{name}` in paths }] : [];
      });
      const parts = Object.entries(components.schemas).filter(
        ([name, schema]) => name === 'Metadata' || /\.|Spec$/.test(name) || 'examples' in schema,
      );
      return `export const KINDS = ${JSON.stringify(found)}; export const SCHEMAS = ${JSON.stringify(Object.fromEntries(parts))};`;
    },
  };
}

export default defineConfig({
  plugins: [react(), kinds()],
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
    testTimeout: 60_000,
    maxWorkers: 2,
  },
});
