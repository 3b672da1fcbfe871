import type { Op, Path } from './edit';
import { useTools } from './tools';

const NUMBER = /^-?(0|[1-9]\d{0,14})(\.\d+)?$/;

export function asText(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A number as soon as it is one; until then what was typed stands there, and is told to be wrong. */
export function asNumber(typed: string): unknown {
  return NUMBER.test(typed.trim()) ? Number(typed) : typed;
}

/**
 * Typing goes into the text at once. An emptied field keeps its line until it is left, so that a comment there survives
 * somebody who only writes another value.
 */
export function useTyped(path: Path, value: unknown, required: boolean, convert: (typed: string) => unknown) {
  const { edit } = useTools();
  const isThere = value !== undefined && value !== null;
  return {
    onType(typed: string, more: Op[] = []) {
      if (typed === '' && !isThere) return;
      edit([{ do: 'set', path, to: typed === '' ? '' : convert(typed) }, ...more]);
    },
    onLeave() {
      if (value === '' && !required) edit([{ do: 'remove', path }]);
    },
  };
}
