import { z } from 'zod';

/** The router reads `412` in an address as a number; names made of digits are names all the same. */
const text = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);
export const optionalText = text.optional().catch(undefined);
export const optionalNumber = z.number().int().positive().optional().catch(undefined);

export const WINDOWS = { '60s': 'Last minute', '5m': 'Last 5 min', '15m': 'Last 15 min', '1h': 'Last hour' } as const;
export type TimeWindow = keyof typeof WINDOWS;
export const DEFAULT_WINDOW: TimeWindow = '5m';

/** What every page of the console keeps in its address. */
export const frameSearch = z.object({
  ns: optionalText,
  window: z.enum(['60s', '5m', '15m', '1h']).optional().catch(undefined),
  at: z.string().datetime({ offset: true }).optional().catch(undefined),
});
export type FrameSearch = z.output<typeof frameSearch>;

export const loginSearch = z.object({ to: optionalText });

export const topologySearch = z.object({
  view: z.enum(['graph', 'table']).optional().catch(undefined),
  preset: z.enum(['traffic', 'errors', 'security']).optional().catch(undefined),
  node: optionalText,
  edge: optionalText,
  find: optionalText,
  focus: optionalText,
});

export const servicesSearch = z.object({
  state: z.enum(['attention', 'traffic', 'idle']).optional().catch(undefined),
  q: optionalText,
});

export const proxiesSearch = z.object({
  state: z.enum(['rejected', 'pending', 'disconnected', 'certificate']).optional().catch(undefined),
  q: optionalText,
  proxy: optionalText,
});

export const changesSearch = z.object({
  state: z.enum(['pending', 'live', 'rejected', 'superseded']).optional().catch(undefined),
  q: optionalText,
  revision: optionalNumber,
});

export const addVmSearch = z.object({ token: optionalText });

export const shiftSearch = z.object({
  step: z.enum(['choose', 'review', 'live']).optional().catch(undefined),
  rule: optionalText,
  weights: optionalText,
  revision: optionalNumber,
  undone: optionalNumber,
});

export const rollbackSearch = z.object({ made: optionalNumber });

export const documentsSearch = z.object({
  kind: optionalText,
  state: z.enum(['accepted', 'programmed', 'refs', 'conflicted', 'going']).optional().catch(undefined),
  q: optionalText,
});

/** `field`: JSON pointer of the field whose line is shown. */
export const documentSearch = z.object({ field: optionalText });

export const writeSearch = z.object({
  step: z.enum(['review', 'live']).optional().catch(undefined),
  revision: optionalNumber,
  undone: optionalNumber,
});

/** `service`: what the document is about, when one came from there; `principal`: whom a policy is to admit to it. */
export const newDocumentSearch = writeSearch.extend({
  kind: optionalText,
  service: optionalText,
  principal: optionalText,
});

/** `to` opens the panel that asks about one call; `from` is empty for a caller without a certificate. */
export const accessSearch = z.object({
  tab: z.enum(['policies', 'trials']).optional().catch(undefined),
  view: z.enum(['matrix', 'table']).optional().catch(undefined),
  from: optionalText,
  to: optionalText,
  port: optionalNumber,
  method: optionalText,
  path: optionalText,
  headers: optionalText,
  claims: optionalText,
  draft: z.boolean().optional().catch(undefined),
  q: optionalText,
});

/** `services`: for which a policy was chosen, with commas between. */
export const suggestSearch = writeSearch.extend({ service: optionalText, services: optionalText });
