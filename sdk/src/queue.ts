/**
 * The queue: stores messages in IndexedDB, so that they outlive the page, or in memory without it; sends them in
 * batches, one tab at a time, and repeats until they have arrived.
 */

import { timeOf } from "./ids";
import type { Delivery, Queue, Waiting } from "./types";

/** Messages in a request; characters up to which a request may outlive the page; messages that wait. */
const BATCH = 100;
const SMALL = 2e4;
const MOST = 5000;
/** The server recognizes repeats for 7 days, so a message that may have arrived is not sent again after 6. */
const KNOWN = 6 * 864e5;

export default function queue({ key, context, unseen, lasting, emit, body, post }: Delivery): Queue {
  context.timezone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const name = `tw_${key}`;
  /** Messages that could not be stored in the browser. */
  const spare = new Map<string, string>();
  let database: Promise<IDBDatabase> | undefined;
  let fresh: [id: string, text: string, spared: () => void][] = [];
  let keeper: ReturnType<typeof setTimeout> | undefined;
  let keeping: Promise<unknown> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let due = 0;
  let notBefore = 0;
  let failures = 0;
  let dropped = 0;

  /** Run one transaction. Returns the results of the requests of `work`, in order. */
  async function run(
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => IDBRequest[],
    // biome-ignore lint/suspicious/noExplicitAny: what the database holds
  ): Promise<any[]> {
    database ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore("q");
      request.onsuccess = () => {
        request.result.onversionchange = close; // another tab deletes the database
        resolve(request.result);
      };
      request.onerror = reject;
    });
    const transaction = (await database).transaction("q", mode);
    return new Promise((resolve, reject) => {
      const requests = work(transaction.objectStore("q"));
      transaction.oncomplete = () => resolve(requests.map((request) => request.result));
      transaction.onabort = reject;
      // Commit at once, so that the transaction completes even if the page closes now.
      transaction.commit?.();
    });
  }

  function close(): void {
    database?.then((open) => open.close());
    database = undefined;
  }

  function trim(messages: Map<string, string>): boolean {
    return messages.size > MOST && messages.delete(messages.keys().next().value as string);
  }

  function add(id: string, text: string): void {
    trim(unseen);
    const spared = () => {
      spare.set(id, text);
      if (trim(spare)) dropped++;
    };
    // Message ids are in order of time, and so is the store.
    later(unseen.size % BATCH ? 1000 : 0);
    if (lasting()) {
      fresh.push([id, text, spared]);
      keeper ||= setTimeout(keep, 100);
    } else spared();
  }

  /** Store new messages in the database: one transaction for many messages. */
  function keep(): void {
    clearTimeout(keeper);
    keeper = undefined;
    const all = fresh;
    fresh = [];
    if (!all.length) return;
    const done = run("readwrite", (q) => all.map(([id, text]) => q.put(text, id))).catch(() => {
      for (const [, , spared] of all) spared();
    });
    keeping = Promise.all([keeping, done]);
  }

  function later(wait: number): void {
    const at = Math.max(Date.now() + wait, notBefore);
    if (timer && at >= due) return;
    clearTimeout(timer);
    due = at;
    timer = setTimeout(flush, at - Date.now());
  }

  async function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    try {
      await navigator.locks.request(name, everything);
    } catch {
      await everything(); // no locks in a sandboxed frame or without HTTPS; the server knows what it has
    }
  }

  async function everything(): Promise<void> {
    keep();
    await keeping;
    const own = [...unseen.keys()];
    while (navigator.onLine !== false) {
      const waiting = await next();
      if (!waiting.length) {
        // No tab has waiting messages: all messages of this tab have arrived, whichever tab sent them.
        for (const id of own) unseen.delete(id);
        if (dropped) emit("dropped", dropped);
        dropped = 0;
        return;
      }
      if (!(await send(waiting))) return later(0);
      await seen(waiting);
    }
  }

  /** Return the oldest messages, after dropping those over the limit or possibly sent too long ago. */
  async function next(): Promise<Waiting[]> {
    const [ids, texts, count] = lasting()
      ? await run("readonly", (q) => [q.getAllKeys(null, BATCH), q.getAll(null, BATCH), q.count()]).catch(
          () => [[]],
        )
      : [[]];
    let sent = 0;
    try {
      sent = localStorage.tw_sent;
    } catch {}
    const waiting: Waiting[] = ids.map((id: string, index: number) => [id, texts[index]]);
    const old = waiting.filter(
      ([id], index) => index < count - MOST || timeOf(id) < Math.min(sent, Date.now() - KNOWN),
    );
    if (!old.length) return waiting.length ? waiting : [...spare].slice(0, BATCH);
    dropped += old.length;
    await seen(old);
    return next();
  }

  function seen(waiting: Waiting[]): Promise<unknown> {
    for (const [id] of waiting) {
      unseen.delete(id);
      spare.delete(id);
    }
    return lasting()
      ? run("readwrite", (q) => waiting.map(([id]) => q.delete(id))).catch(() => 0)
      : Promise.resolve();
  }

  /** Send one request. Returns whether its messages are finished: accepted or rejected. */
  async function send(waiting: Waiting[]): Promise<boolean> {
    let wait = Math.min(6e4, 1000 * 2 ** failures++) * (0.5 + Math.random());
    try {
      const text = body(waiting);
      const keepalive = text.length < SMALL;
      const signal = AbortSignal.timeout(6e4);
      let answer: Response;
      if (keepalive || !self.CompressionStream) answer = await post(text, { keepalive, signal });
      else {
        const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
        const headers = { "content-type": "text/plain", "content-encoding": "gzip" };
        answer = await post(await new Response(stream).blob(), { headers, signal });
      }
      const refused = answer.status === 400 || answer.status === 413;
      if (answer.ok || refused) {
        failures = 0;
        if (refused) dropped += waiting.length;
        emit("sent", waiting, answer);
        return true;
      }
      wait = Math.max(wait, Number(answer.headers.get("retry-after")) * 1000);
    } catch {}
    notBefore = Date.now() + wait;
    emit("failed", wait);
    return false;
  }

  function clear(): void {
    spare.clear();
    close();
    try {
      indexedDB.deleteDatabase(name);
      delete localStorage.tw_sent;
    } catch {}
  }

  addEventListener("online", () => {
    notBefore = failures = 0;
    flush();
  });
  if (!lasting()) clear();
  for (const [id, text] of unseen) add(id, text);
  return { add, keep, flush, seen, clear };
}
