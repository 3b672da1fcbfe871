import { http, HttpResponse } from 'msw';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { api, problem, server } from '@/test/server';
import { ApiError, call, read, readAll, readPulse, whenSignedOut } from './client';

afterEach(() => {
  document.cookie = 'csrftoken=; max-age=0';
  whenSignedOut(() => undefined);
});

describe('a call', () => {
  it('carries the CSRF token of the cookie when it writes, and not when it reads', async () => {
    document.cookie = 'csrftoken=a%3Db';
    const seen: (string | null)[] = [];
    server.use(
      http.all(api('/mesh'), ({ request }) => {
        seen.push(request.headers.get('X-CSRFToken'));
        return HttpResponse.json({});
      }),
    );
    await call('/mesh', { method: 'POST', body: {} });
    await read('/mesh');
    expect(seen).toEqual(['a=b', null]);
  });

  it('returns the revision that a write made', async () => {
    server.use(
      http.post(api('/services'), () => HttpResponse.json({}, { headers: { 'Meshweb-Revision': '413', ETag: '"7"' } })),
    );
    expect(await call('/services', { method: 'POST', body: {} })).toMatchObject({ revision: 413, etag: '"7"' });
  });

  it('tells that the session is over, but not when the session itself is asked for', async () => {
    const signedOut = vi.fn();
    whenSignedOut(signedOut);
    server.use(
      http.get(api('/proxies'), () => problem(401)),
      http.get(api('/session'), () => problem(401)),
    );
    await expect(read('/session')).rejects.toThrow(ApiError);
    expect(signedOut).not.toHaveBeenCalled();
    await expect(read('/proxies')).rejects.toThrow(ApiError);
    expect(signedOut).toHaveBeenCalledOnce();
  });

  it('keeps what the server said about an error', async () => {
    server.use(
      http.get(api('/mesh'), () =>
        problem(422, { title: 'Invalid', errors: [{ document: 0, pointer: '/a', code: 'x', detail: 'y' }] }),
      ),
    );
    const error = await read('/mesh').catch((caught: unknown) => caught);
    expect(error).toMatchObject({ status: 422, problem: { title: 'Invalid', errors: [{ pointer: '/a' }] } });
  });

  it('makes a problem of an answer that is no JSON', async () => {
    server.use(http.get(api('/mesh'), () => new HttpResponse('<h1>Bad gateway</h1>', { status: 502 })));
    await expect(read('/mesh')).rejects.toMatchObject({ status: 502 });
    expect(readPulse().failingSince).not.toBeNull();
  });

  it('says that nothing answered, and that it does again', async () => {
    server.use(http.get(api('/mesh'), () => HttpResponse.error(), { once: true }));
    await expect(read('/mesh')).rejects.toMatchObject({ status: 0 });
    expect(readPulse().failingSince).not.toBeNull();
    await read('/mesh');
    expect(readPulse().failingSince).toBeNull();
  });

  it('follows the cursor to the last page', async () => {
    server.use(
      http.get(api('/services'), ({ request }) => {
        const cursor = new URL(request.url).searchParams.get('cursor');
        return HttpResponse.json(cursor ? { items: [3], next: null } : { items: [1, 2], next: 'c2' });
      }),
    );
    expect(await readAll('/services')).toEqual([1, 2, 3]);
  });
});
