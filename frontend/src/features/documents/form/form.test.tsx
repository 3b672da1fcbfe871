import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { http, HttpResponse } from 'msw';
import { describe, expect, it } from 'vitest';
import { openConsole, violations } from '@/test/app';
import * as shop from '@/test/fixtures';
import { api, problem, server } from '@/test/server';

/** The text in the editor, line by line. */
function text(): string {
  return [...document.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n');
}

async function openForm(address: string) {
  openConsole(address);
  return screen.findByRole('form');
}

async function write(field: HTMLElement, value: string) {
  await userEvent.clear(field);
  // At once, as from the clipboard: key by key is slow here, and no different for the form.
  if (value) await userEvent.paste(value);
}

describe('a document as a form', () => {
  it('starts with the service it came from, and writes into the YAML', async () => {
    const form = await openForm('/documents/new?kind=httproutes&service=shop/payments');
    const names = within(form).getByRole('region', { name: 'Name' });
    expect(within(names).getByRole('textbox', { name: 'Name' })).toHaveValue('payments-2');
    const rule = within(form).getByRole('group', { name: 'Rule 1' });
    await userEvent.click(within(rule).getByRole('button', { name: 'Add a destination' }));
    const second = within(rule).getByRole('group', { name: 'Destination 2' });
    await write(within(second).getByRole('combobox', { name: 'Service' }), 'payments-v2');
    await write(within(second).getByRole('textbox', { name: 'Weight' }), '25');
    expect(within(rule).getByRole('img', { name: 'payments 80 %, payments-v2 20 %' })).toBeVisible();
    await userEvent.click(within(rule).getByRole('button', { name: /Timeouts and retries/ }));
    await write(within(rule).getByRole('textbox', { name: 'Retries' }), '2');
    expect(text()).toContain(
      [
        '  rules:',
        '  - backendRefs:',
        '    - name: payments',
        '      port: 8080',
        '      weight: 100',
        '    - name: payments-v2',
        '      port: 8080',
        '      weight: 25',
        '    retry:',
        '      attempts: 2',
      ].join('\n'),
    );
    expect(await violations()).toEqual([]);
    await userEvent.click(within(rule).getByRole('button', { name: 'Remove destination 1' }));
    expect(text()).not.toContain('weight: 100');
  });

  it('says what is wrong under its field, and what stands in the YAML alone', async () => {
    server.use(
      http.get(api('/httproutes/shop/payments'), () =>
        HttpResponse.json({
          ...shop.paymentsRoute,
          spec: {
            ...shop.paymentsRoute.spec,
            rules: [{ ...shop.paymentsRoute.spec.rules?.[0], filters: [{ type: 'CORS', cors: {} }] }],
          },
        }),
      ),
      http.post(api('/apply'), () =>
        problem(422, {
          errors: [
            { document: 0, pointer: '/spec/rules/0/backendRefs/1/name', code: 'x', detail: 'is not here' },
            { document: 0, pointer: '/spec/rules/0/filters/0/type', code: 'x', detail: 'is too much' },
          ],
        }),
      ),
    );
    const form = await openForm('/documents/httproutes/shop/payments/edit');
    expect(within(form).queryByRole('region', { name: 'Name' })).toBeNull();
    expect(within(form).getByRole('button', { name: 'spec.rules[0].filters' })).toBeVisible();
    const weight = () => within(form).getByRole('group', { name: 'Destination 1' });
    await write(within(weight()).getByRole('textbox', { name: /Weight/ }), 'half');
    await waitFor(() => expect(weight()).toHaveTextContent('must be a whole number'), { timeout: 3000 });
    await write(within(weight()).getByRole('textbox', { name: /Weight/ }), '50');
    await userEvent.click(screen.getByRole('button', { name: 'Review…' }));
    await waitFor(() =>
      expect(within(form).getByRole('group', { name: 'Destination 2' })).toHaveTextContent('is not here'),
    );
    expect(within(form).getByText(/is too much/)).toBeVisible();
  });

  it('waits while the YAML cannot be read, and loses nothing', async () => {
    const form = await openForm('/documents/new?kind=ratelimits');
    const editor = screen.getByRole('textbox', { name: 'YAML of the new RateLimit' });
    editor.focus();
    const before = text();
    const { EditorView } = await import('@codemirror/view');
    const view = EditorView.findFromDOM(editor);
    view?.dispatch({ changes: { from: 0, insert: 'a: [\n' } });
    await waitFor(() => expect(form).toHaveTextContent('The form goes on as soon as it can; nothing is lost.'));
    expect(within(form).getAllByRole('textbox')[0]).toBeDisabled();
    view?.dispatch({ changes: { from: 0, to: 5 } });
    await waitFor(() => expect(within(form).getAllByRole('textbox')[0]).toBeEnabled());
    expect(text()).toBe(before);
  });

  it('takes away what a choice excludes, and keeps the order of the fields', async () => {
    const form = await openForm('/documents/new?kind=destinationrules&service=shop/payments');
    const how = within(form).getByRole('combobox', { name: 'How an endpoint is chosen' });
    await userEvent.selectOptions(how, 'in turn');
    expect(text()).toContain('  trafficPolicy:\n    loadBalancer:\n      simple: ROUND_ROBIN\n    connectionPool:');
    await userEvent.selectOptions(how, 'by the hash of a header');
    await write(within(form).getByRole('textbox', { name: 'Header' }), 'x-user');
    expect(text()).toContain('    loadBalancer:\n      consistentHash:\n        httpHeaderName: x-user\n');
    await userEvent.selectOptions(how, 'as usual: the less busy of two');
    expect(text()).not.toContain('loadBalancer');
  });

  it('keeps the keyboard in the list, and shows the document of the cursor', async () => {
    const form = await openForm('/documents/new?kind=tcproutes');
    const places = () => within(form).getByRole('group', { name: 'Holds for' });
    await userEvent.click(within(places()).getByRole('button', { name: 'Add a service or gateway' }));
    const second = within(places()).getByRole('group', { name: 'Place 2' });
    await waitFor(() => expect(within(second).getByRole('combobox', { name: 'Calls' })).toHaveFocus());
    await userEvent.click(within(second).getByRole('button', { name: 'Remove place 2' }));
    await waitFor(() =>
      expect(within(places()).getByRole('button', { name: 'Add a service or gateway' })).toHaveFocus(),
    );
    const { EditorView } = await import('@codemirror/view');
    const view = EditorView.findFromDOM(screen.getByRole('textbox', { name: 'YAML of the new TCPRoute' }));
    const more = '---\napiVersion: meshweb.io/v1\nkind: RateLimit\nmetadata: {name: few, namespace: shop}\nspec: {}\n';
    view?.dispatch({ changes: { from: view.state.doc.length, insert: more } });
    await userEvent.click(await screen.findByRole('button', { name: 'RateLimit shop/few' }));
    expect(await screen.findByRole('form', { name: 'Form of RateLimit few' })).toBeVisible();
  });

  it('writes maps by name and value', async () => {
    const form = await openForm('/documents/new?kind=virtualservices');
    const match = within(form).getByRole('group', { name: 'Match 1' });
    await userEvent.click(within(match).getByRole('button', { name: 'Add header' }));
    await write(within(match).getByRole('textbox', { name: 'Name of header 2' }), 'x-test');
    await userEvent.tab();
    await write(within(match).getByRole('textbox', { name: 'Value of x-test' }), 'yes');
    await userEvent.selectOptions(within(match).getByRole('combobox', { name: 'Value of x-test, how' }), 'prefix');
    expect(text()).toContain('        x-test:\n          prefix: "yes"');
  });
});
