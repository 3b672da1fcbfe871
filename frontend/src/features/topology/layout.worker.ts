import { layOut } from './layout';
import type { LayoutInput } from './model';

self.onmessage = (event: MessageEvent<{ ticket: number; input: LayoutInput }>) => {
  const { ticket, input } = event.data;
  self.postMessage({ ticket, picture: layOut(input) });
};
