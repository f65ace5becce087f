import { delivery } from "./delivery";
import { uuid7 } from "./ids";
import { current, forget, LEFT, OPEN, reopen, SIGNED_OUT, sessionOf } from "./session";
import { allow, read, write } from "./storage";
import type { Call, CallOptions, Consent, Load, Message, Options, Properties, Trackway } from "./types";

declare const VERSION: string;

const ENTITIES =
  "impression click view search like share comment review interest swipe navigate scroll formSubmit";
const NAMES: Record<string, string> = { view: "view_details", formSubmit: "form_submit" };
const CAMPAIGN = /^(utm_\w+|\w*(clk?id|braid)|li_fat_id|rdt_cid|epik|sccid|igshid|mc_eid)$/i;

/** Run `begin` when the page is visible: a prerendered page is not a page view yet. */
export function whenSeen(begin: () => void): void {
  if ((document as Document & { prerendering?: boolean }).prerendering)
    document.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
}

/** Start the library in a browser, with the calls made before. Returns the running library of the same key, if any. */
export function start(options: Options, load: Load, calls: Call[]): Trackway {
  // biome-ignore lint/suspicious/noExplicitAny: methods of every shape
  const page = window as unknown as Record<string, any>;
  // biome-ignore lint/suspicious/noAssignInExpressions: the shortest way to create it once
  const tw = (page[`tw_${options.key}`] ||= {});
  if (tw.options) return tw;
  const listeners: [string, (...args: unknown[]) => void][] = [];
  const emit = (name: string, ...args: unknown[]) => {
    for (const [wanted, listener] of listeners)
      if (wanted === name)
        try {
          listener(...args);
        } catch (error) {
          console.error(error);
        }
  };
  const nav = navigator as Navigator & { globalPrivacyControl?: boolean };
  const about = {
    library: { name: "@trackway/browser", version: VERSION },
    locale: nav.language,
    screen: { width: screen.width, height: screen.height, maxTouchPoints: nav.maxTouchPoints },
  };
  const out = delivery(options.key, options.host || "", about, emit, load);
  const refused = options.respect !== "off" && (nav.globalPrivacyControl || nav.doNotTrack === "1");
  let state = (refused ? "denied" : read("tw_c") || options.consent || "granted") as Consent;
  let held: Message[] = [];
  /** The time of the queued call that is being replayed. */
  let moment = 0;
  let last = 0;
  /** Whether this page has renewed the visitor's cookie for another year. */
  let renewed = false;
  allow(state === "granted");
  try {
    // After a reload or a new page in the same tab, the session that the closed page had ended continues.
    if (sessionStorage.tw) reopen();
  } catch {}

  /** Load a part and start it. */
  const run = (name: string, asked?: unknown) => load(name).then((part) => part.default(tw, asked));
  const userId = () => read("tw_u");
  const anonymousId = () => {
    const known = read("tw_id");
    const id = known || uuid7(Date.now());
    if (!known || !renewed) write("tw_id", id);
    renewed = true;
    return id;
  };
  const renew = () => write("tw_id", "");

  /** An address without private parts: its query keeps only campaigns, click ids and the configured parameters. */
  const clean = (address: string) => {
    if (!address) return "";
    try {
      const url = new URL(address, location.href);
      const keptParameters = options.params || "";
      for (const name of [...url.searchParams.keys()])
        if (keptParameters !== "*" && !CAMPAIGN.test(name) && !keptParameters.split(",").includes(name))
          url.searchParams.delete(name);
      if (options.hash !== "on") url.hash = "";
      return url.href;
    } catch {
      return "";
    }
  };

  const here = () => ({
    url: clean(location.href),
    referrer: tw.referrer,
    title: document.title,
    hash: options.hash,
  });

  function record(type: Message["type"], fields: Partial<Message>, callOptions: CallOptions = {}): void {
    // Strictly increasing, so that messages keep their order.
    last = Math.max(Date.now(), last + 1);
    const at = moment || last;
    const message: Message = {
      type,
      messageId: uuid7(at),
      timestamp: new Date(callOptions.timestamp || at).toISOString(),
      ...fields,
      context: { page: here(), ...callOptions.context },
    };
    if (state === "pending") held = [...held.slice(-999), message];
    else if (state !== "denied") dispatch(message, at);
  }

  function dispatch(message: Message, at: number): void {
    const name = message.event as string;
    const ends = /^(sign(ed)?|log(ged)?)[ _-]?out$/i.test(name)
      ? SIGNED_OUT
      : name === "Session Ended"
        ? LEFT
        : OPEN;
    message.userId ??= userId() || undefined;
    if (state === "granted") {
      try {
        sessionStorage.tw = 1;
      } catch {}
      message.anonymousId = anonymousId();
      message.context.sessionId = sessionOf(at, message.userId, ends);
    }
    if (tw.early.length < 100) tw.early.push(message);
    emit("message", message);
    out.add(message.messageId, message);
  }

  const paged =
    (type: "page" | "screen") =>
    (...args: unknown[]) => {
      const [name, category] = args.filter((argument) => typeof argument === "string").reverse() as string[];
      record(type, {
        name,
        category,
        properties: args.find((argument) => argument && typeof argument === "object") as Properties,
      });
    };
  const methods: Record<string, (...args: never[]) => void> = {
    track(event: string, properties?: Properties, callOptions?: CallOptions) {
      record("track", { event, properties }, callOptions);
    },
    page: paged("page"),
    screen: paged("screen"),
    identify(id?: unknown, traits?: Properties, callOptions?: CallOptions) {
      if (typeof id === "object")
        return record("identify", { traits: id as Properties }, traits as CallOptions);
      if (id && state !== "denied") {
        if (userId() && userId() !== `${id}`) renew();
        write("tw_u", `${id}`);
      }
      record("identify", { traits }, callOptions);
    },
    group(groupId: string, traits?: Properties, callOptions?: CallOptions) {
      record("group", { groupId: `${groupId}`, traits }, callOptions);
    },
    alias(id: string, previous?: string, callOptions?: CallOptions) {
      record(
        "alias",
        { userId: `${id}`, previousId: `${previous || userId() || anonymousId()}` },
        callOptions,
      );
    },
    reset() {
      if (userId() && current()?.[3] !== SIGNED_OUT) tw.track("Signed Out");
      write("tw_u", "");
      renew();
      forget();
    },
    consent(to: Consent) {
      if (refused) return;
      state = to;
      if (to !== "granted") {
        for (const name of ["tw_u", "tw_id", "tw_s"]) write(name, "", true);
        if (to === "denied") out.clear();
      }
      allow(to === "granted");
      write("tw_c", to === "pending" ? "" : to, true);
      const messages = held;
      held = [];
      if (to !== "denied") for (const message of messages) dispatch(message, Date.parse(message.timestamp));
    },
  };
  for (const name of ENTITIES.split(" "))
    methods[name] = (type: string, id: string, properties?: Properties) =>
      tw.track(
        NAMES[name] || name,
        name === "search"
          ? { search_type: type, query: id, ...properties }
          : { entity_type: type, entity_id: `${id}`, ...properties },
      );
  for (const name in methods)
    tw[name] = (...args: never[]) => {
      (methods[name] as (...args: never[]) => void)(...args);
      emit(name, ...args);
    };
  Object.assign(tw, {
    on: (...heard: [string, () => void]) => listeners.push(heard),
    // Afterwards, so that a callback that waited calls the library and not the stub it waited in.
    ready: (callback: () => void) => setTimeout(callback),
    personalize: (asked: unknown) => run("personalize", asked),
    recommend: (asked: unknown) => run("recommend", asked),
    flush: out.flush,
    user: () => ({ anonymousId: read("tw_id"), userId: userId(), sessionId: current()?.[0] }),
    referrer: clean(document.referrer),
    clean,
    here,
    options,
    load,
    early: [],
  });

  for (const [name, args, at] of calls) {
    moment = at as number;
    tw[name]?.(...args);
  }
  moment = 0;
  const hide = (name: string) => () => {
    emit(name);
    out.leave();
  };
  addEventListener("pagehide", hide("leave"));
  addEventListener("visibilitychange", () => document.hidden && hide("hide")());
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    reopen();
    if (options.pages !== "off") tw.page();
  });
  if (options.pages !== "off") tw.page();
  if (options.auto !== "off") run("auto");
  if (/[?&]tw_debug/.test(location.search)) run("debug");
  return tw as unknown as Trackway;
}
