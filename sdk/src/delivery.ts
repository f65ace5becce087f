import { lasting } from "./storage";
import type { Delivery, Load, Queue, Waiting } from "./types";

/** The largest request, in characters, while the page closes: the browser's limit is 64 KiB for all requests. */
const LAST = 2e4;

/** Sends messages: through the queue, which is loaded separately, and directly when the page closes. */
export function delivery(
  key: string,
  host: string,
  context: Delivery["context"],
  emit: Delivery["emit"],
  load: Load,
) {
  let queue: Queue | undefined;
  let loading: Promise<unknown> | undefined;
  const url = `${host}/v1/batch`;
  const shared: Delivery = {
    key,
    context,
    unseen: new Map(),
    lasting: () => lasting,
    emit,
    body(waiting) {
      try {
        if (lasting) localStorage.tw_sent = Date.now();
      } catch {}
      const head = JSON.stringify({ writeKey: key, sentAt: new Date(), context });
      return `${head.slice(0, -1)},"batch":[${waiting.map(([, text]) => text)}]}`;
    },
    // A text goes as text/plain by itself, which needs no preflight.
    post: (body, more) => fetch(url, { method: "POST", body, ...more }),
  };
  const loaded = () =>
    (loading ||= load("queue").then(
      (part) => {
        queue = part.default(shared);
      },
      () => {
        loading = undefined;
      },
    ));

  return {
    add(id: string, message: object) {
      let text: string;
      try {
        // BigInts become text; only a message that contains itself is lost.
        text = JSON.stringify(message, (_, value) => (typeof value === "bigint" ? `${value}` : value));
      } catch (error) {
        return console.error(error);
      }
      shared.unseen.set(id, text);
      if (queue) queue.add(id, text);
      else loaded();
    },
    flush: () => loaded().then(() => queue?.flush()),
    clear() {
      shared.unseen.clear();
      loaded().then(() => queue?.clear());
    },
    /** The page may be closing: send this tab's messages at once. Stored messages stay until they have arrived. */
    leave() {
      let waiting: Waiting[] = [];
      let size = 0;
      const go = () => {
        const gone = waiting;
        waiting = [];
        size = 0;
        if (!gone[0]) return;
        const body = shared.body(gone);
        if ("keepalive" in Request.prototype)
          shared.post(body, { keepalive: true }).then(
            (answer) => answer.ok && queue?.seen(gone),
            () => 0,
          );
        else navigator.sendBeacon(url, body);
      };
      for (const entry of shared.unseen) {
        if (size + entry[1].length > LAST) go();
        size += entry[1].length;
        waiting.push(entry);
      }
      go();
      queue?.keep();
    },
  };
}
