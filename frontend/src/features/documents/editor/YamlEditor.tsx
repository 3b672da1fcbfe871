import { EditorState } from '@codemirror/state';
import { EditorView } from '@codemirror/view';
import { useImperativeHandle, useLayoutEffect, useRef, type Ref } from 'react';
import type { Finding } from '../yaml/text';
import { setFindings } from './findings';
import { setup } from './setup';

export interface EditorHandle {
  /** Puts the cursor there, in sight. */
  goTo: (offset: number) => void;
  /** Marks its line and brings it in sight; the keyboard stays where it is. */
  show: (offset: number) => void;
}

interface Props {
  label: string;
  value: string;
  findings: Finding[];
  onChange: (text: string) => void;
  onCursor?: (offset: number) => void;
  ref?: Ref<EditorHandle>;
}

/** The smallest change from one text to another, so that cursor and undo survive an edit made elsewhere. */
export function changeBetween(before: string, after: string): { from: number; to: number; insert: string } {
  const most = Math.min(before.length, after.length);
  let from = 0;
  while (from < most && before[from] === after[from]) from++;
  let same = 0;
  while (same < most - from && before[before.length - 1 - same] === after[after.length - 1 - same]) same++;
  return { from, to: before.length - same, insert: after.slice(from, after.length - same) };
}

export function YamlEditor({ label, value, findings, onChange, onCursor, ref }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latest = useRef({ value, onChange, onCursor });
  useLayoutEffect(() => {
    latest.current = { value, onChange, onCursor };
  });

  useLayoutEffect(() => {
    if (!host.current) return undefined;
    const listener = EditorView.updateListener.of((update) => {
      if (update.docChanged) latest.current.onChange(update.state.doc.toString());
      if (update.docChanged || update.selectionSet) latest.current.onCursor?.(update.state.selection.main.head);
    });
    const state = EditorState.create({ doc: latest.current.value, extensions: [setup(label), listener] });
    const made = new EditorView({ state, parent: host.current });
    view.current = made;
    return () => {
      view.current = null;
      made.destroy();
    };
  }, [label]);

  // Before the browser hears the next key: later, an older text would overwrite what was typed meanwhile.
  useLayoutEffect(() => {
    const editor = view.current;
    const now = editor?.state.doc.toString();
    if (editor && now !== undefined && now !== value) editor.dispatch({ changes: changeBetween(now, value) });
  }, [value, label]);

  useLayoutEffect(() => {
    view.current?.dispatch({ effects: setFindings.of(findings) });
  }, [findings, label]);

  useImperativeHandle(ref, () => ({
    goTo(offset) {
      const editor = view.current;
      if (!editor) return;
      const anchor = Math.min(offset, editor.state.doc.length);
      editor.dispatch({ selection: { anchor }, effects: EditorView.scrollIntoView(anchor, { y: 'center' }) });
      editor.focus();
    },
    show(offset) {
      const editor = view.current;
      if (!editor || editor.hasFocus) return;
      const anchor = Math.min(offset, editor.state.doc.length);
      editor.dispatch({
        selection: { anchor },
        effects: EditorView.scrollIntoView(anchor, { y: 'nearest', yMargin: 80 }),
      });
    },
  }));

  return <div className="yamledit" ref={host} />;
}
