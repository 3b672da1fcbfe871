import { useComputedColorScheme } from '@mantine/core';
import type { Core } from 'cytoscape';
import { LayoutGrid, Maximize, Minus, Plus } from 'lucide-react';
import { useMemo, useRef, useState, type KeyboardEvent } from 'react';
import { plural } from '@/ui/format';
import { fit, neighbour, zoomBy } from './drawing';
import { layoutInput } from './model';
import { useChoice, useCytoscape, useDots, usePicture, useResize, useStill, type GraphProps } from './useDrawing';
import { useLayout } from './useLayout';

export function GraphView(props: GraphProps) {
  const { graph, moving } = props;
  const { host, cy } = useCytoscape(props);
  const still = useRef<HTMLCanvasElement>(null);
  const dots = useRef<HTMLCanvasElement>(null);
  const scheme = useComputedColorScheme('light');
  const [focused, setFocused] = useState<string | null>(null);
  const input = useMemo(() => layoutInput(graph), [graph]);
  const { picture, generation, arrange } = useLayout(input);

  useStill(still, cy, scheme, focused);
  usePicture(cy, graph, picture, generation);
  useChoice(cy, props, picture);
  useResize(host, cy);
  useDots(dots, cy, moving, scheme);

  function keys(event: KeyboardEvent) {
    if (!cy) return;
    if (event.key.startsWith('Arrow')) {
      event.preventDefault();
      setFocused(neighbour(cy, focused, event.key));
    } else if (event.key === 'Enter' && focused) {
      props.onNode(focused);
    }
  }
  const here = graph.nodes.find((node) => node.id === focused);
  return (
    <div className="graph">
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- an application is what takes keys */}
      <div
        className="graph-keys"
        role="application"
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- an application is what takes keys
        tabIndex={0}
        aria-label={`Graph of ${plural(graph.nodes.length, 'service')} and ${plural(graph.edges.length, 'pair')} that call each other. Arrows follow the calls, Enter opens. The table shows the same.`}
        onKeyDown={keys}
        onBlur={() => setFocused(null)}
      >
        <div ref={host} className="graph-host" />
        <canvas ref={dots} className="graph-over" aria-hidden />
        <canvas ref={still} className="graph-over" aria-hidden />
      </div>
      <p className="sr" aria-live="polite">
        {here ? `${here.name}, ${here.fact}` : ''}
      </p>
      <Legend />
      <Zoom cy={cy} onArrange={arrange} />
    </div>
  );
}

function Legend() {
  return (
    <div className="graph-legend sm two" aria-label="Legend" role="group">
      <span className="leg" style={{ ['--c' as string]: 'var(--edge)' }}>
        thicker = more requests
      </span>
      <span className="leg" style={{ ['--c' as string]: 'var(--warn-mark)' }}>
        Slow
      </span>
      <span className="leg" style={{ ['--c' as string]: 'var(--bad-mark)' }}>
        Failing
      </span>
      <span className="leg dashed" style={{ ['--c' as string]: 'var(--deny)' }}>
        Denied
      </span>
    </div>
  );
}

function Zoom({ cy, onArrange }: { cy: Core | null; onArrange: () => void }) {
  return (
    <div className="graph-zoom">
      <button type="button" className="btn ic" aria-label="Arrange anew" title="Arrange anew" onClick={onArrange}>
        <LayoutGrid className="i s" aria-hidden />
      </button>
      <button type="button" className="btn ic" aria-label="Zoom out" onClick={() => cy && zoomBy(cy, 1 / 1.25)}>
        <Minus className="i s" aria-hidden />
      </button>
      <button type="button" className="btn ic" aria-label="Zoom in" onClick={() => cy && zoomBy(cy, 1.25)}>
        <Plus className="i s" aria-hidden />
      </button>
      <button type="button" className="btn ic" aria-label="Fit to window" onClick={() => cy && fit(cy)}>
        <Maximize className="i s" aria-hidden />
      </button>
    </div>
  );
}
