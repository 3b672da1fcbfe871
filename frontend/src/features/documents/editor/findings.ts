import { StateEffect, StateField, type EditorState, type Range } from '@codemirror/state';
import { Decoration, EditorView, WidgetType, type DecorationSet } from '@codemirror/view';
import type { Finding } from '../yaml/text';

class Words extends WidgetType {
  constructor(private readonly findings: Finding[]) {
    super();
  }

  override eq(other: Words): boolean {
    return JSON.stringify(this.findings) === JSON.stringify(other.findings);
  }

  override toDOM(): HTMLElement {
    const host = document.createElement('div');
    host.className = 'cm-finding';
    for (const { field, detail } of this.findings) {
      const line = host.appendChild(document.createElement('div'));
      if (field) line.appendChild(document.createElement('code')).textContent = `${field} `;
      line.append(detail);
    }
    return host;
  }

  override ignoreEvent(): boolean {
    return false;
  }
}

function decorations(state: EditorState, findings: Finding[]): DecorationSet {
  const found: Range<Decoration>[] = [];
  const byLine = new Map<number, Finding[]>();
  for (const finding of findings) {
    const number = Math.min(finding.line, state.doc.lines);
    byLine.set(number, [...(byLine.get(number) ?? []), finding]);
    const to = Math.min(finding.to, state.doc.length);
    if (finding.from < to) found.push(Decoration.mark({ class: 'cm-wrong' }).range(finding.from, to));
  }
  for (const [number, here] of byLine) {
    const line = state.doc.line(number);
    found.push(Decoration.line({ class: 'cm-guilty' }).range(line.from));
    found.push(Decoration.widget({ widget: new Words(here), side: 1, block: true }).range(line.to));
  }
  return Decoration.set(found, true);
}

export const setFindings = StateEffect.define<Finding[]>();

/** The guilty lines, each with what is wrong right below it. */
export const findingsField = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(setFindings)) return decorations(transaction.state, effect.value);
    }
    return value.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});
