import { createContext, use, useId } from 'react';
import type { Op, Path } from './edit';
import { pointerOf } from './table';

export interface FormTools {
  namespace: string;
  edit: (ops: Op[]) => void;
  /** Shows a field's line in the text. */
  reveal: (path: Path) => void;
  /** What is wrong, by JSON pointer. */
  wrong: { pointer: string; detail: string }[];
  isRequired: (path: Path) => boolean;
  /** How many rows a list can have. */
  most: (path: Path) => number;
  /** What holds where a field is left out. */
  fallback: (path: Path) => string | null;
  /** What may stand in a place, where there are only some values. */
  values: (path: Path) => string[];
  subsets: (host: string) => string[];
}

export const Tools = createContext<FormTools | null>(null);

export function useTools(): FormTools {
  const tools = use(Tools);
  if (!tools) throw new Error('a field stands in a form');
  return tools;
}

/** What is wrong with exactly this place, or also with what is below it. */
export function wrongAt({ wrong }: FormTools, path: Path, below = false): string[] {
  const here = pointerOf(path);
  return wrong
    .filter(({ pointer }) => pointer === here || (below && pointer.startsWith(`${here}/`)))
    .map(({ detail }) => detail);
}

export interface Wiring {
  id: string;
  error: string | null;
  required: boolean;
  fallback: string | null;
  onFocus: () => void;
}

/** What every field of the form has, whatever it looks like. */
export function useWiring(path: Path, below = false): Wiring {
  const tools = useTools();
  const errors = wrongAt(tools, path, below);
  return {
    id: useId(),
    error: errors.length ? [...new Set(errors)].join('. ') : null,
    required: tools.isRequired(path),
    fallback: tools.fallback(path),
    onFocus: () => tools.reveal(path),
  };
}
