/** What `<trackway-insights>` shows, as elements: every text is set as a text, so nothing of an answer becomes markup. */

import type { Decided, Person, Preference, Suggestion } from "../types";
import type { Words } from "./texts";

/** What a person may do with what they see. */
export interface Acts {
  state: (key: string, value: string, likes: boolean) => void;
  takeBack: (key: string, value: string) => void;
  clear: () => void;
  /** Where the button of a suggestion leads; without an address, the page is told of the click. */
  link: (action: string) => string | undefined;
  follow: (suggestion: Suggestion, event: Event) => void;
  dismiss: (suggestion: Suggestion) => void;
  /** Show another state of the question whether to clear everything. */
  askToClear: (asking: boolean) => void;
}

const MOST = 8;
/** Preferences that are times, not tastes: the week shows them. */
const TIMES = ["weekday", "hour"];
const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

type Made = Record<string, unknown>;
type Child = Node | string | false | null | undefined;

/** Make an element. `on…` are listeners, `class`, `style` and others are attributes. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  values: Made = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(values)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, `${value}`);
  }
  element.append(...children.filter((child): child is Node | string => !!child));
  return element;
}

/** A button whose `name` finds it again after the elements were made anew. */
function button(name: string, text: string, onclick: () => void, more: Made = {}): HTMLButtonElement {
  return make("button", { type: "button", "data-name": name, onclick, ...more }, text);
}

/** The parts that an answer has. */
export function view(person: Person, t: Words, acts: Acts, clearing: boolean): HTMLElement[] {
  const { stage, intent, suggestion, preferences, hours, similar } = person;
  const parts = [
    (stage !== undefined || suggestion !== undefined) &&
      make(
        "section",
        { "aria-labelledby": "stage" },
        make("h3", { id: "stage" }, t.say("stage")),
        stage && decided(stage, t),
        suggestion && suggested(suggestion, t, acts),
      ),
    intent && make("section", {}, make("h3", {}, t.say("intent")), decided(intent, t)),
    preferences && liked(preferences, t, acts, clearing),
    hours && active(hours, t),
    similar?.length ? alike(similar, t) : undefined,
  ];
  return parts.filter((part) => !!part);
}

function decided(verdict: Decided, t: Words): HTMLElement {
  const facts = verdict.because.map(({ fact, value, over, below }) => {
    const limits = [
      ...(over === undefined ? [] : [t.say("over", { n: t.number(over) })]),
      ...(below === undefined ? [] : [t.say("below", { n: t.number(below) })]),
    ];
    return `${t.name(fact)}: ${t.number(Math.floor(value * 10) / 10)} (${limits.join(", ")})`;
  });
  return make(
    "div",
    {},
    make("span", { class: "badge" }, t.name(verdict.name)),
    " ",
    make(
      "span",
      { class: "soft" },
      facts.length ? t.say("reason", { facts: facts.join(", ") }) : t.say("otherwise"),
    ),
  );
}

function suggested(suggestion: Suggestion, t: Words, acts: Acts): HTMLElement {
  const href = acts.link(suggestion.action);
  const go = make(
    href ? "a" : "button",
    {
      class: "go",
      "data-name": "go",
      ...(href ? { href } : { type: "button" }),
      onclick: (event: Event) => acts.follow(suggestion, event),
    },
    suggestion.call_to_action || suggestion.message,
  );
  const card = make(
    "div",
    { class: "suggestion", role: "group", "aria-label": t.say("suggestion") },
    make("p", {}, suggestion.message),
    make(
      "div",
      { class: "row" },
      go,
      button("dismiss", t.say("dismiss"), () => acts.dismiss(suggestion)),
    ),
  );
  suggestion.show(card);
  return card;
}

function liked(preferences: Preference[], t: Words, acts: Acts, clearing: boolean): HTMLElement {
  const tastes = preferences.filter(({ key, source }) => source === "explicit" || !TIMES.includes(key));
  const keys = [...new Set(tastes.map(({ key }) => key))].filter((key) => key !== "content_type");
  return make(
    "section",
    { class: "wide", "aria-labelledby": "likes" },
    make("h3", { id: "likes", tabindex: "-1", "data-name": "likes" }, t.say("preferences")),
    tastes.length ? undefined : make("p", { class: "soft" }, t.say("no_preferences")),
    make("ul", {}, ...tastes.slice(0, MOST).map((one) => preference(one, t, acts))),
    keys.length > 0 && adding(keys, t, acts),
    tastes.length > 0 &&
      (clearing
        ? make(
            "div",
            { class: "row", role: "group", "aria-label": t.say("clear_sure") },
            make("span", {}, t.say("clear_sure")),
            button("clear", t.say("clear_yes"), acts.clear),
            button("keep", t.say("clear_no"), () => acts.askToClear(false)),
          )
        : make(
            "div",
            { class: "row" },
            button("clear", t.say("clear"), () => acts.askToClear(true)),
          )),
  );
}

function preference(one: Preference, t: Words, acts: Acts): HTMLElement {
  const { key, value, confidence, source, interactions } = one;
  const what = `${t.name(key)} ${value}`;
  const sources = {
    explicit: confidence ? "stated" : "muted",
    inferred: interactions === 1 ? "inferred_one" : "inferred",
    ml_predicted: "predicted",
  } as const;
  const act = (name: "like" | "mute" | "take_back", run: () => void) =>
    button(`${name} ${key} ${value}`, t.say(name), run, { "aria-label": `${t.say(name)}: ${what}` });
  return make(
    "li",
    {},
    make(
      "div",
      { class: "what" },
      make("span", {}, make("span", { class: "soft" }, t.name(key)), " ", value),
      make("span", {}, t.say("confidence", { percent: t.percent(confidence) })),
    ),
    bar(confidence),
    make(
      "div",
      { class: "little" },
      make("span", { class: "soft" }, t.say(sources[source], { n: t.number(interactions) })),
      make(
        "span",
        { class: "little" },
        ...(source === "explicit"
          ? [act("take_back", () => acts.takeBack(key, value))]
          : [
              act("like", () => acts.state(key, value, true)),
              act("mute", () => acts.state(key, value, false)),
            ]),
      ),
    ),
  );
}

function bar(share: number): HTMLElement {
  const filled = make("div");
  // Set as a property: a policy that forbids inline styles forbids the attribute.
  filled.style.width = `${Math.round(share * 100)}%`;
  return make("div", { class: "bar", "aria-hidden": "true" }, filled);
}

function adding(keys: string[], t: Words, acts: Acts): HTMLElement {
  const select = make(
    "select",
    { "data-name": "add key" },
    ...keys.map((key) => make("option", { value: key }, t.name(key))),
  );
  const input = make("input", { maxlength: "200", required: true, "data-name": "add value" });
  return make(
    "form",
    {
      class: "row",
      onsubmit: (event: Event) => {
        event.preventDefault();
        if (input.value.trim()) acts.state(select.value, input.value.trim(), true);
      },
    },
    make("label", {}, t.say("add_key"), select),
    make("label", {}, t.say("add_value"), input),
    make("button", { "data-name": "add" }, t.say("add")),
  );
}

function active(hours: NonNullable<Person["hours"]>, t: Words): HTMLElement {
  const most = Math.max(1, ...hours.week.flat());
  const clock = (hour: number) => `${`${hour}`.padStart(2, "0")}:00`;
  // The first of January 2024 was a Monday.
  const days = new Intl.DateTimeFormat(t.language, { weekday: "short", timeZone: "UTC" });
  const cell = (day: number, hour: number) => {
    const actions = hours.week[day]?.[hour] ?? 0;
    const filled = make("div");
    filled.style.opacity = `${actions / most}`;
    return make("td", {}, filled, make("span", { class: "unseen" }, t.number(actions)));
  };
  const head = make(
    "thead",
    { class: "unseen" },
    make("tr", {}, make("td"), ...HOURS.map((hour) => make("th", { scope: "col" }, clock(hour)))),
  );
  const best = hours.hours.map(({ hour }) => clock(hour)).join(", ");
  return make(
    "section",
    { class: "wide" },
    make("h3", {}, t.say("hours")),
    make(
      "p",
      {},
      best ? t.say("most_active", { hours: best }) : t.say("no_hours"),
      " ",
      make("span", { class: "soft" }, `(${t.say("zone", { zone: hours.timezone })})`),
    ),
    best &&
      make(
        "table",
        {},
        make("caption", { class: "unseen" }, t.say("table")),
        make("colgroup", {}, make("col"), make("col", { span: HOURS.length })),
        head,
        make(
          "tbody",
          {},
          ...hours.week.map((_, day) =>
            make(
              "tr",
              {},
              make("th", { scope: "row" }, days.format(Date.UTC(2024, 0, 1 + day))),
              ...HOURS.map((hour) => cell(day, hour)),
            ),
          ),
        ),
      ),
  );
}

function alike(similar: NonNullable<Person["similar"]>, t: Words): HTMLElement {
  return make(
    "section",
    { class: "wide" },
    make("h3", {}, t.say("similar")),
    make(
      "ul",
      {},
      ...similar.map(({ user_id, similarity }) =>
        make(
          "li",
          { class: "what" },
          make("span", {}, user_id || t.say("somebody")),
          make("span", { class: "soft" }, t.say("similarity", { percent: t.percent(similarity) })),
        ),
      ),
    ),
  );
}
