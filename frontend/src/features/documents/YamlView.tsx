import { useEffect, useRef } from 'react';
import { YamlLine } from '@/ui/diff';

/** A document as text, to be read; `marked` is a line to show, from 1. */
export function YamlView({ text, label, marked }: { text: string; label: string; marked: number | null }) {
  const line = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    line.current?.scrollIntoView({ block: 'center' });
  }, [marked]);
  return (
    // Long lines scroll, so the block must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="code" role="region" aria-label={label} tabIndex={0}>
      {text
        .replace(/\n$/, '')
        .split('\n')
        .map((each, index) => (
          <span
            key={index}
            ref={marked === index + 1 ? line : undefined}
            className={`ln${marked === index + 1 ? ' here' : ''}`}
          >
            <i>{index + 1}</i>
            {marked === index + 1 && <span className="sr">the field you came for: </span>}
            <YamlLine text={each} />
          </span>
        ))}
    </div>
  );
}
