import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { NOW } from './fixtures';
import { server } from './server';

// What jsdom has no notion of: sizes, media queries, drawing and workers.
class NoObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
}
class IdleWorker {
  postMessage() {}
  terminate() {}
}
vi.stubGlobal('ResizeObserver', NoObserver);
vi.stubGlobal('IntersectionObserver', NoObserver);
vi.stubGlobal('Worker', IdleWorker);
vi.stubGlobal('scrollTo', () => undefined);
vi.stubGlobal('matchMedia', (query: string) => ({
  matches: false,
  media: query,
  addEventListener: () => undefined,
  removeEventListener: () => undefined,
}));
HTMLCanvasElement.prototype.getContext = () => null;
Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
Element.prototype.scrollIntoView = () => undefined;

// A page is a chunk of its own: the first test that opens it waits for its code.
configure({ asyncUtilTimeout: 8000 });

// The fixtures happen at one moment; clocks and ages on the pages follow from it. Timers stay real.
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: NOW }));
afterEach(() => void vi.useRealTimers());

beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(() => {
  cleanup();
  server.resetHandlers();
});
afterAll(() => server.close());
