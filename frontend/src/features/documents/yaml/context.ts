/** Where the cursor stands in a YAML text that may not be valid yet: read by indentation alone, as a person reads it. */
export interface Context {
  /** Fields from the top to what the cursor is in; "[]" is an item of a list. */
  path: string[];
  /** The field whose value is written at the cursor; null where a field's name is written. */
  key: string | null;
  /** Start of the word at the cursor, and what is there of it. */
  from: number;
  typed: string;
  /** Fields that stand beside it already. */
  siblings: Set<string>;
  /** Column of the word: what comes below it is indented by two more. */
  column: number;
  /** First characters of the document that the cursor is in. */
  head: { apiVersion?: string; kind?: string };
}

interface Line {
  dashes: number[];
  column: number;
  content: string;
}

const KEY = /^(?:"([^"]*)"|'([^']*)'|([^\s#:{}[\],&*!|>'"%@`-][^\s:#]*|[^\s:#]+)):(?:\s+(.*))?$/;

function parse(text: string): Line {
  const dashes: number[] = [];
  let column = text.length - text.trimStart().length;
  let content = text.slice(column);
  for (let match = /^-(\s+|$)/.exec(content); match; match = /^-(\s+|$)/.exec(content)) {
    dashes.push(column);
    column += match[0].length;
    content = content.slice(match[0].length);
  }
  return { dashes, column, content };
}

function keyIn(content: string): { key: string; value: string } | null {
  const match = KEY.exec(content);
  const key = match?.[1] ?? match?.[2] ?? match?.[3];
  return key === undefined ? null : { key, value: (match?.[4] ?? '').replace(/\s*#.*$/, '') };
}

function headOf(lines: string[]): Context['head'] {
  const of = (name: string) => {
    const line = lines.find((each) => each.startsWith(`${name}:`));
    return line
      ?.slice(name.length + 1)
      .replace(/#.*$/, '')
      .trim()
      .replace(/^["']|["']$/g, '');
  };
  return { apiVersion: of('apiVersion'), kind: of('kind') };
}

/** Climbs from a line to the top: what opens the block it stands in, block by block. */
class Climb {
  readonly path: string[] = [];
  readonly siblings = new Set<string>();
  private column: number;
  private inList = false;
  private level = 0;

  constructor(line: Line) {
    this.column = line.column;
    this.enter(line.dashes);
  }

  private enter(dashes: number[]): void {
    for (const dash of [...dashes].reverse()) {
      if (dash >= this.column) continue;
      this.path.unshift('[]');
      this.column = dash;
      this.inList = true;
      this.level++;
    }
  }

  over(line: Line): void {
    const entry = keyIn(line.content);
    if (this.inList) {
      if (!entry || line.column > this.column || line.dashes.includes(this.column)) return;
      this.open(entry.key, line);
    } else if (line.column === this.column) {
      if (this.level === 0 && entry) this.siblings.add(entry.key);
      if (line.dashes.length) this.enter(line.dashes);
    } else if (line.column < this.column && entry) {
      this.open(entry.key, line);
    }
  }

  /** Fields after the cursor, as long as they stand in the same block. */
  below(lines: Line[], column: number): void {
    for (const line of lines) {
      if (line.column < column || (line.dashes.length && (line.dashes[0] ?? 0) < column)) return;
      const entry = line.column === column ? keyIn(line.content) : null;
      if (entry) this.siblings.add(entry.key);
    }
  }

  private open(key: string, line: Line): void {
    this.path.unshift(key);
    this.column = line.column;
    this.inList = false;
    this.level++;
    this.enter(line.dashes);
  }
}

const blank = (text: string) => /^\s*(#.*)?$/.test(text);
const separator = (text: string) => /^(---|\.\.\.)(\s|$)/.test(text);

export function contextAt(text: string, position: number): Context {
  const before = text.slice(0, position).split('\n');
  const after = text.slice(position).split('\n').slice(1);
  const current = before.pop() ?? '';
  const start = before.findLastIndex(separator) + 1;
  const end = after.findIndex(separator);
  const rest = end < 0 ? after : after.slice(0, end);
  const line = parse(current);
  const climb = new Climb(line);
  for (let index = before.length - 1; index >= start; index--) {
    const each = before[index] ?? '';
    if (!blank(each)) climb.over(parse(each));
  }
  climb.below(rest.filter((each) => !blank(each)).map(parse), line.column);
  const value = /^([^\s#]+?):\s+(.*)$/.exec(line.content);
  const typed = value ? (value[2] ?? '') : line.content;
  return {
    path: climb.path,
    key: value ? (keyIn(`${value[1]}:`)?.key ?? null) : null,
    from: position - typed.length,
    typed,
    siblings: climb.siblings,
    column: line.column,
    head: headOf([...before.slice(start), current + (text.slice(position).split('\n')[0] ?? ''), ...rest]),
  };
}
