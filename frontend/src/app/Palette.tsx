import { Modal, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useRouter } from '@tanstack/react-router';
import { Search } from 'lucide-react';
import { useEffect, useId, useState, type KeyboardEvent } from 'react';
import { queries } from '@/api/queries';

interface Target {
  key: string;
  label: string;
  hint: string;
  go: () => void;
}

const PAGES = [
  ['Home', '/'],
  ['Topology', '/topology'],
  ['Services', '/services'],
  ['Proxies', '/proxies'],
  ['Add a VM', '/add-vm'],
  ['Access', '/access'],
  ['Suggest policies', '/access/suggest'],
  ['Changes', '/changes'],
  ['Documents', '/documents'],
  ['New document', '/documents/new'],
] as const;

const LIMIT = 12;

/** Every word must occur; targets that begin with what was typed come first. */
export function rank<T extends { label: string; hint: string }>(targets: T[], typed: string): T[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = targets.filter(({ label, hint }) => {
    const text = `${label} ${hint}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const starts = (target: T) => (target.label.toLowerCase().startsWith(typed.toLowerCase()) ? 0 : 1);
  return fits.sort((a, b) => starts(a) - starts(b)).slice(0, LIMIT);
}

function useTargets(open: boolean, typed: string): Target[] {
  const navigate = useNavigate();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  const services = useQuery({ ...queries.documents('services'), enabled: open });
  const proxies = useQuery({ ...queries.proxies(), enabled: open });
  if (!open) return [];
  const targets: Target[] = PAGES.map(([label, to]) => ({
    key: to,
    label,
    hint: 'Page',
    go: () => void navigate({ to }),
  }));
  for (const { metadata } of services.data ?? []) {
    const params = { namespace: metadata.namespace ?? '', name: metadata.name };
    const id = `${params.namespace}/${params.name}`;
    targets.push({
      key: `service ${id}`,
      label: metadata.name,
      hint: `Service in ${params.namespace}`,
      go: () => void navigate({ to: '/services/$namespace/$name', params }),
    });
    targets.push({
      key: `shift ${id}`,
      label: `Shift traffic of ${metadata.name}`,
      hint: params.namespace,
      go: () => void navigate({ to: '/services/$namespace/$name/shift', params }),
    });
  }
  for (const { id, name, namespace } of proxies.data ?? []) {
    targets.push({
      key: `proxy ${id}`,
      label: name,
      hint: `Proxy in ${namespace}`,
      go: () => void navigate({ to: '/proxies', search: { proxy: id } }),
    });
  }
  const revision = /^r?(\d+)$/.exec(typed.trim())?.[1];
  if (revision) {
    targets.unshift({
      key: 'revision',
      label: typed.trim(),
      hint: `Open revision ${revision}`,
      go: () => void navigate({ to: '/changes', search: { revision: Number(revision) } }),
    });
  }
  targets.push({
    key: 'theme',
    label: dark ? 'Use light colours' : 'Use dark colours',
    hint: 'Do',
    go: () => setColorScheme(dark ? 'light' : 'dark'),
  });
  return targets;
}

/** `Ctrl K`: go to a page, service, proxy or revision, or do something. */
export function Palette() {
  const [open, setOpen] = useState(false);
  const router = useRouter();
  useEffect(() => {
    function shortcut(event: globalThis.KeyboardEvent) {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setOpen((now) => !now);
    }
    window.addEventListener('keydown', shortcut);
    return () => window.removeEventListener('keydown', shortcut);
  }, []);
  useEffect(() => router.subscribe('onResolved', () => setOpen(false)), [router]);
  return (
    <>
      <button type="button" className="cmd" onClick={() => setOpen(true)} aria-keyshortcuts="Control+K">
        <Search className="i s" aria-hidden />
        <span>Search or jump</span>
        <kbd className="kbd" aria-hidden>
          Ctrl K
        </kbd>
      </button>
      <Modal.Root
        opened={open}
        onClose={() => setOpen(false)}
        padding={0}
        size={560}
        yOffset={72}
        radius={10}
        transitionProps={{ duration: 0 }}
      >
        <Modal.Overlay />
        <Modal.Content aria-label="Search or jump">
          <Choices onDone={() => setOpen(false)} />
        </Modal.Content>
      </Modal.Root>
    </>
  );
}

function Choices({ onDone }: { onDone: () => void }) {
  const [typed, setTyped] = useState('');
  const [active, setActive] = useState(0);
  const list = useId();
  const found = rank(useTargets(true, typed), typed);
  const chosen = found[Math.min(active, found.length - 1)];

  function choose(target: Target | undefined) {
    if (!target) return;
    onDone();
    target.go();
  }
  function keys(event: KeyboardEvent) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setActive((now) => (now + step + found.length) % Math.max(1, found.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      choose(chosen);
    }
  }
  return (
    <div className="palette">
      <input
        data-autofocus
        role="combobox"
        aria-label="Search or jump"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={chosen ? `${list}-${chosen.key}` : undefined}
        placeholder="A page, service, proxy, or revision number"
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          setActive(0);
        }}
        onKeyDown={keys}
      />
      <div role="listbox" id={list} aria-label="Results">
        {found.map((target) => (
          // The keyboard works through the field above, as in every combobox.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <div
            key={target.key}
            id={`${list}-${target.key}`}
            role="option"
            tabIndex={-1}
            aria-selected={target === chosen}
            onClick={() => choose(target)}
          >
            <span className="ell">{target.label}</span>
            <span className="dim sm">{target.hint}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && (
        <p className="pagefoot" role="status">
          Nothing is called {typed}.
        </p>
      )}
    </div>
  );
}
