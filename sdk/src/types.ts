/** The types of the SDK: messages of Segment's spec, and the options of this library. */

export type Properties = Record<string, unknown>;

/** `pending` keeps messages in memory until a decision; `cookieless` stores nothing in the browser. */
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

/** Options of one call: they override values of the message. */
export interface CallOptions {
  timestamp?: string | Date;
  context?: Properties;
}

/**
 * All options. On a script tag, each is an attribute: `data-key`, `data-consent="pending"`,
 * `data-vitals="off"`.
 */
export interface Options {
  /** The project's public write key. */
  key: string;
  /** The address of Trackway, such as `https://t.example.com`; the script's origin when omitted. */
  host?: string;
  /** The address of the lazily loaded parts, with a slash at the end. */
  parts?: string;
  /** The initial consent, until `consent()` changes it; `granted` when omitted. */
  consent?: Consent;
  /** `off` ignores Do Not Track and Global Privacy Control. */
  respect?: "off";
  /** Query parameters to keep beside campaigns and click ids, separated by commas; `*` keeps all. */
  params?: string;
  /** `on` keeps the part of a URL after `#`, as a part of the path. */
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

/** The library, as `window.trackway` or as the module's `trackway`. `Events` is generated from a tracking plan. */
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
  // biome-ignore lint/suspicious/noExplicitAny: listeners receive the arguments of the method
  on(name: string, listener: (...args: any[]) => void): void;
  /** Set the consent; it is stored. `denied` also deletes stored data. */
  consent(state: Consent): void;
  /** Send waiting messages now. */
  flush(): Promise<void>;
  /**
   * What Trackway knows of the signed-in person: null if nothing. Rejects if the server refuses or does not answer. Loads
   * a part of the library.
   */
  personalize(options: PersonalizeOptions): Promise<Person | null>;
  /**
   * Entities that fit the signed-in person, or that go with another entity. Rejects if the server refuses or does not
   * answer; null on a server. Loads a part of the library.
   */
  recommend(options: RecommendOptions): Promise<Recommendations | null>;
  /** The ids of this browser, for calls of your server. */
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

/** A token that the host's server signed for the person, or a function that returns one. */
export type Token = string | (() => string | Promise<string>);

export type Part =
  | "preferences"
  | "content_types"
  | "stage"
  | "intent"
  | "hours"
  | "suggestion"
  | "similar"
  | (string & {});

export interface PersonalizeOptions {
  token: Token;
  /** The parts of the answer; all when omitted. */
  include?: Part[];
  /** The language of the suggestion, such as `de`; English when omitted. */
  language?: string;
  /** The address of Trackway's API, where it is not the one that messages go to. */
  host?: string;
}

/** A value of a key that a person likes, or mutes (`explicit` with the confidence 0). */
export interface Preference {
  key: string;
  value: string;
  /** From 0 to 1. */
  confidence: number;
  source: "explicit" | "inferred" | "ml_predicted";
  score: number;
  interactions: number;
  updated_at: string;
  evidence: { at: string; name: string; entity_type: string; entity_id: string; score: number }[];
}

/** A stage or an intent, and the numbers that met its rule. */
export interface Decided {
  name: string;
  because: { fact: string; value: number; over?: number; below?: number }[];
}

export interface SuggestionData {
  action: string;
  message: string;
  call_to_action: string;
  priority: "high" | "medium" | "low";
  n: number | null;
  because: string[];
}

/** A suggestion, and the calls that report what became of it. */
export interface Suggestion extends SuggestionData {
  /** Report that it was shown, when at least half of the element is visible; once for each page. */
  show(element: Element): void;
  clicked(): void;
  dismissed(): void;
  done(): void;
}

/** What is known of a person. Parts that were not asked for are absent; null where nothing fits. */
export interface Person {
  person?: string;
  preferences?: Preference[];
  content_types?: { type: string; score: number }[];
  stage?: Decided | null;
  intent?: Decided | null;
  hours?: { timezone: string; hours: { hour: number; actions: number }[]; week: number[][] };
  suggestion?: Suggestion | null;
  /** Whether the person belongs to those who see no suggestions, which shows what suggestions change. */
  holdout?: boolean;
  similar?: { person?: string; user_id?: string; similarity: number; shared?: number }[];
}

/** What to recommend, as the parameters of `GET /v1/recommend`: `surface`, or `kind` and `entity_type`. */
export interface RecommendOptions {
  token: Token;
  /** The name of a surface of the metrics pack, which has its kind, its types and its rules. */
  surface?: string;
  kind?: "for_you" | "now" | "similar" | "also_viewed" | "bought_together" | "trending" | (string & {});
  /** The type of the entities to recommend, such as `concert`. */
  entity_type?: string;
  /** The id of the entity of which others are similar, also viewed or bought together. */
  entity?: string;
  /** A city, region or country, for what is popular or trending. */
  place?: string;
  limit?: number;
  /** Whether those that the person knows are listed too. */
  seen?: boolean;
  /** The language of `reasoning`, such as `de`; English when omitted. */
  language?: string;
  /** The address of Trackway's API, where it is not the one that messages go to. */
  host?: string;
}

export interface RecommendationData {
  entity_type: string;
  entity_id: string;
  name: string;
  /** Comparable within one answer only. */
  score: number;
  /** The place in the list, from 1, and the probability with which the entity stands there. */
  position: number;
  propensity: number;
  /** Why: such as `because` of an entity (its id and name), or `popular`; `people` interacted with the recommended one. */
  reason: {
    kind: string;
    people?: number;
    orders?: number;
    entity_id?: string;
    name?: string;
    key?: string;
    value?: string;
    place?: string;
  };
}

/** A recommendation, and the calls that report what became of it. */
export interface Recommendation extends RecommendationData {
  /** Report that it was shown, when at least half of the element is visible; once for each list of a page. */
  show(element: Element): void;
  clicked(): void;
}

/** Entities, the best first; a text that says on what they are based, the intent of the person, and the model. */
export interface Recommendations {
  items: Recommendation[];
  basis: string;
  reasoning: string;
  intent: string;
  kind: string;
  surface: string;
  model: string;
  version: string;
  /** Whether the person belongs to those who get what is popular, which shows what recommendations change. */
  holdout: boolean;
}

/** A call before the library was loaded: method, arguments and time. */
export type Call = [method: string, args: unknown[], at?: number];

/** A waiting message: its id, and the message as JSON. */
export type Waiting = [id: string, text: string];

/** What the core passes to the queue. */
export interface Delivery {
  key: string;
  /** The context of all messages of the page. */
  context: { locale: string; timezone?: string };
  /** Messages of this tab that have not been confirmed yet. */
  unseen: Map<string, string>;
  /** Whether anything may be stored in the browser. */
  lasting: () => boolean;
  emit: (name: string, ...values: unknown[]) => void;
  body: (waiting: Waiting[]) => string;
  post: (body: BodyInit, more: RequestInit) => Promise<Response>;
}

/** The interface of the queue. */
export interface Queue {
  add: (id: string, text: string) => void;
  keep: () => void;
  flush: () => Promise<void>;
  seen: (waiting: Waiting[]) => Promise<unknown>;
  clear: () => void;
}

/** Loads a part of the library: `queue`, `auto`, `vitals`, `forward`, `debug`, `personalize` or `recommend`. */
// biome-ignore lint/suspicious/noExplicitAny: each part has its own signature
export type Load = (part: string) => Promise<{ default: (...args: any[]) => any }>;

/** The library as its own parts see it. */
export interface Inside extends Trackway {
  options: Options;
  load: Load;
  /** The first hundred messages, for parts that are loaded after them. */
  early: Message[];
  /** The referrer of the page; in a single-page application, the previous page. */
  referrer: string;
  /** The page context of messages. */
  here: () => Properties;
  /** An address without private parts. */
  clean: (address: string) => string;
}
