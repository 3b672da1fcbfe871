import { screen, render } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import { ApiError } from '@/api/client';
import { fieldPath, ProblemNote } from './problem';
import { ThemeProvider } from './theme';

it('writes a JSON pointer as people write a field', () => {
  expect(fieldPath('/spec/http/0/mirrors')).toBe('spec.http[0].mirrors');
  expect(fieldPath('/metadata/labels/a~1b')).toBe('metadata.labels.a/b');
  expect(fieldPath('')).toBe('');
});

it('shows every refused field of every document, and the request to quote', async () => {
  const again = vi.fn();
  const error = new ApiError({
    type: 'about:blank',
    title: 'Invalid document',
    status: 422,
    detail: 'Two fields were refused.',
    code: 'invalid',
    requestId: '9f31c2',
    errors: [
      { document: 0, pointer: '/spec/rules/0/backendRefs', code: 'unknown', detail: 'is not known' },
      { document: 1, pointer: '/spec/http/0/mirrors', code: 'unsupported', detail: 'is not supported yet' },
    ],
  });
  render(
    <ThemeProvider>
      <ProblemNote
        error={error}
        what="Not saved."
        names={['HTTPRoute payments', 'VirtualService cart']}
        onRetry={again}
      />
    </ThemeProvider>,
  );
  const alert = screen.getByRole('alert');
  expect(alert).toHaveTextContent('Not saved.');
  expect(alert).toHaveTextContent('HTTPRoute payments: spec.rules[0].backendRefs is not known');
  expect(alert).toHaveTextContent('VirtualService cart: spec.http[0].mirrors is not supported yet');
  expect(alert).toHaveTextContent('9f31c2');
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(again).toHaveBeenCalledOnce();
});
