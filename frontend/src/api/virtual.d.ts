/** Made by `kinds()` in vite.config.ts from openapi.json. */
declare module 'virtual:kinds' {
  export const KINDS: {
    plural: string;
    namespaced: boolean;
    example: { apiVersion: string; kind: string; metadata: { name: string; namespace?: string } };
  }[];
  export const SCHEMAS: Record<string, import('./kinds').Schema>;
}
