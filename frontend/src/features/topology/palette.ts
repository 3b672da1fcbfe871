/** The tokens as the canvas needs them: colours in use now, read from the page. */
export type Colours = ReturnType<typeof readColours>;

const NAMES = [
  'bg',
  'surface',
  'sunken',
  'ink',
  'ink-2',
  'ink-3',
  'line',
  'line-2',
  'line-3',
  'accent',
  'accent-line',
  'accent-soft',
  'ok',
  'warn',
  'warn-mark',
  'warn-soft',
  'warn-line',
  'bad',
  'bad-mark',
  'bad-soft',
  'bad-line',
  'deny',
  'deny-soft',
  'deny-line',
  'edge',
  'edge-strong',
  'group',
  'canvas',
  'v1',
  'v2',
  'v3',
  'v4',
  'v5',
  'v6',
] as const;
type Name = (typeof NAMES)[number];

export function readColours(): Record<Name, string> & { font: string } {
  const style = getComputedStyle(document.documentElement);
  const entries = NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]);
  return { ...(Object.fromEntries(entries) as Record<Name, string>), font: style.getPropertyValue('--font-ui').trim() };
}
