import { useEffect, useRef, useState } from 'react';
import { placeNew, type LayoutInput, type Picture } from './model';

/** Kept for the life of the page: coming back to the topology shows every service where it was. */
let remembered: Picture = { positions: {}, via: {} };

/** More than this many newcomers at once are a new picture, not an addition to the old one. */
const FEW = 6;

export interface Layout {
  picture: Picture;
  /** Changes when the picture as a whole is new, so that the window can be fitted to it. */
  generation: number;
  arrange: () => void;
}

export function useLayout(input: LayoutInput): Layout {
  const [state, setState] = useState<{ picture: Picture; generation: number }>({
    picture: { positions: {}, via: {} },
    generation: 0,
  });
  const [asked, setAsked] = useState(0);
  const worker = useRef<Worker | null>(null);
  const ticket = useRef(0);
  const lastAsked = useRef(0);
  const key = JSON.stringify(input);

  useEffect(() => {
    const made = new Worker(new URL('./layout.worker.ts', import.meta.url), { type: 'module' });
    made.onmessage = (event: MessageEvent<{ ticket: number; picture: Picture }>) => {
      if (event.data.ticket !== ticket.current) return;
      const { positions, via } = event.data.picture;
      remembered = { positions: { ...remembered.positions, ...positions }, via };
      setState((now) => ({ picture: event.data.picture, generation: now.generation + 1 }));
    };
    worker.current = made;
    return () => {
      made.terminate();
      worker.current = null;
    };
  }, []);

  useEffect(() => {
    const wanted = JSON.parse(key) as LayoutInput;
    const forced = asked !== lastAsked.current;
    lastAsked.current = asked;
    const fresh = wanted.nodes.filter(({ id }) => !remembered.positions[id]).length;
    if (!forced && fresh <= FEW && fresh < wanted.nodes.length) {
      ticket.current++;
      const positions = placeNew(remembered.positions, wanted);
      remembered = { positions: { ...remembered.positions, ...positions }, via: remembered.via };
      const picture = { positions, via: remembered.via };

      setState((now) => ({ picture, generation: now.generation || 1 }));
      return;
    }
    worker.current?.postMessage({ ticket: ++ticket.current, input: wanted });
  }, [key, asked]);

  return { ...state, arrange: () => setAsked((times) => times + 1) };
}
