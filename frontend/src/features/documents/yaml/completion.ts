import {
  snippetCompletion,
  type Completion,
  type CompletionContext,
  type CompletionResult,
} from '@codemirror/autocomplete';
import { variants } from '@/api/kinds';
import { contextAt, type Context } from './context';
import { fieldsAt, shapeOf, valuesAt, type Field } from './schema';

/** A field's name, and what has to come after it: a value, a list, or fields below it. */
function fieldOption({ name, schema, required }: Field, { column }: Context): Completion {
  const shapes = variants(schema);
  // Snippets indent by themselves as far as the line they start in, which may start with a dash.
  const below = `\n${' '.repeat(column)}`;
  const isList = shapes.some((each) => each.items ?? each.type === 'array');
  const isFields = !isList && shapes.some((each) => each.properties ?? each.type === 'object');
  const text = isList ? `${name}:${below}- ` : isFields ? `${name}:${below}  ` : `${name}: `;
  const says = shapes.map((each) => each.description).find(Boolean);
  return {
    label: name,
    type: 'property',
    detail: `${shapeOf(schema)}${required ? ', required' : ''}`,
    info: says,
    boost: required ? 1 : 0,
    apply: (view, _completion, from, to) => {
      view.dispatch({
        changes: { from, to, insert: text },
        selection: { anchor: from + text.length },
        userEvent: 'input.complete',
      });
    },
  };
}

function valueOption(value: string): Completion {
  const quoted = /^(true|false|null|yes|no|on|off|\d.*|)$/i.test(value) && !/^(true|false)$/.test(value);
  return quoted ? snippetCompletion(`"${value}"`, { label: value, type: 'enum' }) : { label: value, type: 'enum' };
}

/** Names of fields and values from the kind's schema. */
export function complete(context: CompletionContext): CompletionResult | null {
  const place = contextAt(context.state.doc.toString(), context.pos);
  if (/(^|\s)#/.test(place.typed) || (!context.explicit && place.typed === '' && place.key === null)) return null;
  const options =
    place.key === null
      ? [
          ...fieldsAt(place)
            .filter(({ name }) => !place.siblings.has(name))
            .map((field) => fieldOption(field, place)),
          ...valuesAt(place).map(valueOption),
        ]
      : valuesAt(place).map(valueOption);
  if (options.length === 0) return null;
  options.sort((a, b) => (b.boost ?? 0) - (a.boost ?? 0) || a.label.localeCompare(b.label));
  return { from: place.from, options, validFor: /^["']?[\w./-]*$/ };
}
