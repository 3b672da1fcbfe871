import { Menu, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMatches, useNavigate, useSearch } from '@tanstack/react-router';
import { Check, ChevronDown, Filter, Moon, Pause, Play, Sun } from 'lucide-react';
import { commands, queries } from '@/api/queries';
import { clock, span } from '@/ui/format';
import { useNow } from '@/ui/now';
import { useLiveState, type LiveState } from './live';
import { Palette } from './Palette';
import { DEFAULT_WINDOW, WINDOWS, type FrameSearch, type TimeWindow } from './search';

/** Pages whose numbers belong to a time range; the others show only how fresh they are. */
const RANGED = new Set([
  '/console/',
  '/console/topology',
  '/console/services',
  '/console/access',
  '/console/services/$namespace/$name',
]);

/** Changes what every page shares, and leaves the rest of the address as it is. */
function useFrame() {
  const navigate = useNavigate();
  const search = useSearch({ from: '/console' });
  const set = (change: Partial<FrameSearch>) =>
    void navigate({ to: '.', search: (previous: object) => ({ ...previous, ...change }), replace: true });
  return { search, set };
}

function NamespaceFilter() {
  const { search, set } = useFrame();
  const { data } = useQuery(queries.documents('namespaces'));
  const names = (data ?? []).map((document) => document.metadata.name);
  return (
    <Menu position="bottom-start" width={220}>
      <Menu.Target>
        <button type="button" className="btn">
          <Filter className="i s" aria-hidden />
          {search.ns ? <span>{search.ns}</span> : <span>All namespaces</span>}
          <span className="sr">, choose a namespace</span>
          <ChevronDown className="i s" aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {[undefined, ...names].map((name) => (
          <Menu.Item
            key={name ?? ''}
            rightSection={search.ns === name ? <Check className="i s" aria-hidden /> : undefined}
            onClick={() => set({ ns: name })}
          >
            {name ?? 'All namespaces'}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

const WORDS: Record<LiveState['kind'], string> = {
  live: 'Live',
  polling: 'Live',
  frozen: 'Frozen',
  reconnecting: 'Reconnecting',
  offline: 'Offline',
};

function liveDetail(live: LiveState, now: number): string {
  if (live.kind === 'live') return 'Every change shows at once, the numbers are read again every 5 s';
  if (live.kind === 'polling') return 'Hints do not arrive at the moment. The page is read again every 15 s';
  if (live.kind === 'frozen') return 'Nothing on this page moves until you go back to live';
  const asOf = live.asOf ? `as of ${clock(live.asOf)}, ${span(now - live.asOf)} ago` : 'nothing was read yet';
  return `The control plane does not answer: ${asOf}`;
}

function LiveWord({ live }: { live: LiveState }) {
  const shape = { live: '', polling: '', frozen: ' frozen', reconnecting: ' hollow', offline: ' hollow' }[live.kind];
  return (
    <>
      <span className={`livedot${shape}`} aria-hidden />
      <span>{live.kind === 'frozen' ? `Frozen at ${clock(live.at)}` : WORDS[live.kind]}</span>
    </>
  );
}

function TimeRange({ live }: { live: LiveState }) {
  const { search, set } = useFrame();
  const chosen = search.window ?? DEFAULT_WINDOW;
  return (
    <>
      <Menu position="bottom-end" width={180}>
        <Menu.Target>
          <button type="button" className="btn">
            <LiveWord live={live} />
            <span className="two" style={{ fontWeight: 450 }}>
              {WINDOWS[chosen]}
            </span>
            <ChevronDown className="i s" aria-hidden />
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          {(Object.keys(WINDOWS) as TimeWindow[]).map((each) => (
            <Menu.Item
              key={each}
              rightSection={chosen === each ? <Check className="i s" aria-hidden /> : undefined}
              onClick={() => set({ window: each === DEFAULT_WINDOW ? undefined : each })}
            >
              {WINDOWS[each]}
            </Menu.Item>
          ))}
        </Menu.Dropdown>
      </Menu>
      <Tooltip label={search.at ? 'Go back to live' : 'Freeze the page at this moment'}>
        <button
          type="button"
          className="btn ic"
          aria-label={search.at ? 'Go live' : 'Freeze'}
          onClick={() => set({ at: search.at ? undefined : new Date().toISOString() })}
        >
          {search.at ? <Play className="i s" aria-hidden /> : <Pause className="i s" aria-hidden />}
        </button>
      </Tooltip>
    </>
  );
}

function ThemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme('light') === 'dark';
  return (
    <Tooltip label={dark ? 'Use light colours' : 'Use dark colours'}>
      <button
        type="button"
        className="btn q ic"
        aria-label={dark ? 'Use light colours' : 'Use dark colours'}
        onClick={() => setColorScheme(dark ? 'light' : 'dark')}
      >
        {dark ? <Sun className="i" aria-hidden /> : <Moon className="i" aria-hidden />}
      </button>
    </Tooltip>
  );
}

function UserMenu() {
  const { data: session } = useQuery(queries.session());
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  const name = session?.username ?? '';
  async function signOut() {
    await commands.signOut();
    queryClient.clear();
    await navigate({ to: '/login' });
  }
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <button type="button" className="av">
          {name.slice(0, 2).toUpperCase()}
          <span className="sr">, user menu of {name}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Signed in as {name}</Menu.Label>
        <Menu.Item onClick={() => void signOut()}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

export function TopBar() {
  const { search } = useFrame();
  const ranged = RANGED.has(useMatches().at(-1)?.routeId ?? '');
  const live = useLiveState(ranged ? search.at : undefined);
  const now = useNow();
  return (
    <div className="top">
      <NamespaceFilter />
      <Palette />
      <span className="sp" />
      {ranged ? (
        <TimeRange live={live} />
      ) : (
        <Tooltip label={liveDetail(live, now)}>
          <span className="row two" style={{ gap: 6 }}>
            <LiveWord live={live} />
          </span>
        </Tooltip>
      )}
      <ThemeToggle />
      <UserMenu />
    </div>
  );
}
