/** What flows through the SDK: the words of Segment's spec, and the options of this library. */

export type Properties = Record<string, unknown>;

/** `pending` keeps what happens in memory until it is decided; `cookieless` stores nothing in the browser. */
export type Consent = "granted" | "denied" | "pending" | "cookieless";

/** A message as it is sent (https://segment.com/docs/connections/spec/common/). */
export interface Message {
  type: "track" | "page" | "screen" | "identify" | "group" | "alias";
  messageId: string;
  timestamp: string;
  anonymousId?: string;
  userId?: string;
  event?: string;
  name?: string;
  category?: string;
  groupId?: string;
  previousId?: string;
  properties?: Properties;
  traits?: Properties;
  context: Properties;
}

/** Of one call: what the message says instead of what the library would. */
export interface CallOptions {
  timestamp?: string | Date;
  context?: Properties;
}

/**
 * Everything that can be set. On a script tag each is an attribute: `data-key`, `data-consent="pending"`,
 * `data-vitals="off"`.
 */
export interface Options {
  /** The project's public write key. */
  key: string;
  /** Where Trackway answers, such as `https://t.example.com`; the script's own origin when left away. */
  host?: string;
  /** Where the lazily loaded parts are, with a slash at the end. */
  parts?: string;
  /** What holds until `consent()` says otherwise; `granted` when left away. */
  consent?: Consent;
  /** `off` ignores Do Not Track and Global Privacy Control. */
  respect?: "off";
  /** Query parameters to keep beside campaigns and click ids, separated by commas; `*` keeps all. */
  params?: string;
  /** `on` keeps the part of an address behind `#`, as a part of the path. */
  hash?: "on";
  /** `off` loads no automatic tracking at all. */
  auto?: "off";
  /** `on` records every click, with a path of tags. */
  all_clicks?: "on";
  /** The automatic parts; `off` switches one off. */
  pages?: "off";
  clicks?: "off";
  impressions?: "off";
  engagement?: "off";
  scroll?: "off";
  links?: "off";
  forms?: "off";
  rage?: "off";
  errors?: "off";
  vitals?: "off";
  /** `off` does not copy events to PostHog, Mixpanel or gtag when they are on the page. */
  forward?: "off";
  /** `off` keeps sessions open when the last tab closes. */
  endings?: "off";
}

type Of<Events, Name> = Name extends keyof Events ? Events[Name] : Properties;
/** An entity's event: `(type, id, properties)`. */
export type OnEntity = (type: string, id: string | number, properties?: Properties) => void;

/** The library, as `window.trackway` or as the module's `trackway`. `Events` is what a tracking plan generates. */
export interface Trackway<Events = Record<string, Properties>> {
  track<Name extends (keyof Events & string) | (string & {})>(
    event: Name,
    properties?: Of<Events, Name>,
    options?: CallOptions,
  ): void;
  page(category?: string | Properties, name?: string | Properties, properties?: Properties): void;
  screen(category?: string | Properties, name?: string | Properties, properties?: Properties): void;
  identify(userId?: string | number | Properties, traits?: Properties, options?: CallOptions): void;
  group(groupId: string | number, traits?: Properties, options?: CallOptions): void;
  alias(userId: string | number, previousId?: string | number, options?: CallOptions): void;
  /** Signs out: a new visitor, a new session. */
  reset(): void;
  ready(callback: () => void): void;
  /** Listen to a method's calls, or to `message`, `sent`, `failed` and `dropped`. */
  // biome-ignore lint/suspicious/noExplicitAny: listeners get what the method got
  on(name: string, listener: (...args: any[]) => void): void;
  /** Decide about consent; remembered. `denied` also forgets what was stored. */
  consent(state: Consent): void;
  /** Send now what waits. */
  flush(): Promise<void>;
  /** Who this browser is, for calls of your server. */
  user(): { anonymousId?: string; userId?: string; sessionId?: string };
  impression: OnEntity;
  click: OnEntity;
  view: OnEntity;
  /** `search("concert", "jazz", { result_count: 3 })` */
  search: OnEntity;
  like: OnEntity;
  share: OnEntity;
  comment: OnEntity;
  review: OnEntity;
  interest: OnEntity;
  swipe: OnEntity;
  navigate: OnEntity;
  scroll: OnEntity;
  formSubmit: OnEntity;
}

/** A call that was made before the library was there: method, arguments and when. */
export type Call = [method: string, args: unknown[], at?: number];

/** A message that waits: its id, and itself as JSON. */
export type Waiting = [id: string, text: string];

/** What the queue is given by the core. */
export interface Delivery {
  key: string;
  /** What this tab recorded and has not seen arrive. */
  unseen: Map<string, string>;
  /** Whether anything may be stored in the browser. */
  lasting: () => boolean;
  emit: (name: string, ...values: unknown[]) => void;
  body: (waiting: Waiting[]) => string;
  post: (body: BodyInit, more: RequestInit) => Promise<Response>;
}

/** What the core asks of the queue. */
export interface Queue {
  add: (id: string, text: string) => void;
  keep: () => void;
  flush: () => Promise<void>;
  seen: (waiting: Waiting[]) => Promise<unknown>;
  clear: () => void;
}

/** Loads a part of the library: `queue`, `auto`, `vitals`, `forward` or `debug`. */
// biome-ignore lint/suspicious/noExplicitAny: each part has its own signature
export type Load = (part: string) => Promise<{ default: (...args: any[]) => any }>;

/** The library as its own parts see it. */
export interface Inside extends Trackway {
  options: Options;
  load: Load;
  /** The first hundred messages, for parts that are loaded after them. */
  early: Message[];
  /** Where the page came from; in a single-page application the page before. */
  referrer: string;
  /** The page as messages tell it. */
  here: () => Properties;
  /** An address without what may be private. */
  clean: (address: string) => string;
}
