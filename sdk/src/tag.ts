/** The script tag: `<script defer src="https://t.example.com/t.js" data-key="WRITE_KEY"></script>`. */

import { start, whenSeen } from "./core";
import type { Call, Load, Options } from "./types";

declare const PARTS: string;

const script = document.currentScript as HTMLScriptElement;
const page = window as unknown as { trackway?: { q?: Call[] } };
const base = new URL(".", script.src).href;
const load: Load = (part) => import(`${base}t/${part}.js?${PARTS}`);
whenSeen(() => {
  const queue: Call[] = page.trackway?.q || [];
  const options = { host: base.slice(0, -1), ...script.dataset } as unknown as Options;
  // biome-ignore lint/suspicious/noExplicitAny: called by name
  const tw: any = start(options, load, queue);
  page.trackway = tw;
  // Code that holds the stub continues to call it.
  queue.push = ([name, args]) => tw[name](...args);
});
