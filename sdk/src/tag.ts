/** The script tag: `<script defer src="https://t.example.com/t.js" data-key="WRITE_KEY"></script>`. */

import { start, whenSeen } from "./core";
import type { Call, Load, Options, Trackway } from "./types";

declare const VERSION: string;

const script = document.currentScript as HTMLScriptElement;
const page = window as unknown as { trackway?: Trackway & { q?: Call[] } };
const base = new URL(".", script.src).href;
const load: Load = (part) => import(`${base}t/${part}.js?${VERSION}`);
whenSeen(() => {
  const queue = page.trackway?.q || [];
  page.trackway = start({ host: base.slice(0, -1), ...script.dataset } as unknown as Options, load, queue);
});
