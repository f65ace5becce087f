/**
 * `<trackway-insights>`: for the account page of a signed-in person, what Trackway knows of them, and their say in it.
 *
 *     <script src="https://stats.example.com/insights.js" async></script>
 *     <trackway-insights token="…" language="de" links='{"complete_profile": "/profile"}'></trackway-insights>
 *
 * The host's server signs the token. When it expires, the element calls its `refresh` (a function that returns another
 * token) and dispatches the event `trackway-expired`. A click on a suggestion is the event `trackway-suggestion`, which can
 * be cancelled; what became of suggestions is recorded by the browser SDK of the page, if it is there.
 */

import { LOOK } from "./insights/look";
import { words } from "./insights/texts";
import { type Acts, make, view } from "./insights/view";
import { ask, clear, PersonalizeError, state } from "./person";
import { reporting } from "./suggestion";
import type { Person, Properties, Suggestion } from "./types";

const server = new URL((document.currentScript as HTMLScriptElement).src).origin;

class Insights extends HTMLElement {
  static observedAttributes = ["token", "language", "links", "include"];
  /** Returns another token after the current one has expired. */
  refresh?: () => string | Promise<string>;
  private root = this.attachShadow({ mode: "open" });
  private body = make("div", { class: "all" });
  private status = make("p", { class: "unseen", role: "status" });
  private person: Person | null = null;
  /** The number of the newest request; answers to earlier ones come too late. */
  private asked = 0;
  /** A token that `refresh` returned for that of the attribute. */
  private renewed?: string;
  private clearing = false;
  /** Whether it was in a page yet: when the script comes after the element, its attributes come before that. */
  private started = false;

  connectedCallback() {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(LOOK);
    this.root.adoptedStyleSheets = [sheet];
    this.root.replaceChildren(this.body, this.status);
    this.setAttribute("data-tw-off", "");
    this.started = true;
    void this.load();
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null) {
    if (before === now) return;
    if (name === "token") this.renewed = undefined;
    if (this.started) void this.load();
  }

  private get words() {
    const around = this.closest("[lang]")?.getAttribute("lang");
    return words(this.getAttribute("language") || around || navigator.language);
  }

  /** Returns the token, and the next time another one: requests ask again only after a refusal. */
  private token() {
    let first = true;
    return async () => {
      if (!first) {
        this.dispatchEvent(new CustomEvent("trackway-expired"));
        this.renewed = (await this.refresh?.()) ?? this.renewed;
      }
      first = false;
      return this.renewed ?? this.getAttribute("token") ?? "";
    };
  }

  private async load() {
    const mine = ++this.asked;
    const t = this.words;
    if (!this.getAttribute("token")) return this.show(make("p", { class: "soft" }, t.say("loading")));
    if (!this.person) this.show(make("p", { class: "soft" }, t.say("loading")));
    this.body.setAttribute("aria-busy", "true");
    const include = this.getAttribute("include")?.split(",");
    try {
      const person = await ask(server, this.token(), include, t.language);
      if (mine !== this.asked) return;
      if (person?.suggestion) person.suggestion = reporting(person.suggestion, record);
      this.person = person;
      this.draw();
    } catch (error) {
      if (mine !== this.asked) return;
      this.person = null;
      const reason = error instanceof PersonalizeError ? error.message : "";
      this.show(
        make("p", { role: "alert" }, t.say("failed"), " ", make("span", { class: "soft" }, reason)),
        make("div", {}, make("button", { type: "button", onclick: () => void this.load() }, t.say("again"))),
      );
    }
    this.body.removeAttribute("aria-busy");
  }

  private show(...children: Node[]) {
    const t = this.words;
    this.body.lang = t.language;
    this.body.replaceChildren(make("h2", { class: "wide" }, t.say("title")), ...children);
  }

  /** Make all elements anew; the one with the keyboard has it again, or the heading above it if it is gone. */
  private draw() {
    const t = this.words;
    const focused = (this.root.activeElement as HTMLElement | null)?.dataset.name;
    const parts = this.person ? view(this.person, t, this.acts, this.clearing) : [];
    if (parts.length) this.show(...parts);
    else
      this.show(
        make("div", {}, make("p", {}, t.say("nothing")), make("p", { class: "soft" }, t.say("later"))),
      );
    if (!focused) return;
    const named = [...this.body.querySelectorAll<HTMLElement>("[data-name]")];
    const again = named.find(({ dataset }) => dataset.name === focused);
    (again ?? named.find(({ dataset }) => dataset.name === "likes"))?.focus();
  }

  private readonly acts: Acts = {
    state: (key, value, likes) => this.change(state(server, this.token(), key, value, likes)),
    takeBack: (key, value) => this.change(clear(server, this.token(), key, value)),
    clear: () => this.change(clear(server, this.token())),
    askToClear: (asking) => {
      this.clearing = asking;
      this.draw();
    },
    link: (action) => {
      try {
        const address = JSON.parse(this.getAttribute("links") || "{}")[action];
        const url = address && new URL(address, location.href);
        return url && /^https?:$/.test(url.protocol) ? url.href : undefined;
      } catch {
        return undefined;
      }
    },
    follow: (suggestion, event) => {
      suggestion.clicked();
      const { action } = suggestion;
      const told = new CustomEvent("trackway-suggestion", {
        detail: { action },
        cancelable: true,
        bubbles: true,
      });
      if (!this.dispatchEvent(told)) event.preventDefault();
    },
    dismiss: (suggestion: Suggestion) => {
      suggestion.dismissed();
      if (this.person) this.person.suggestion = null;
      this.draw();
    },
  };

  /** Show what a change has led to, and say whether it was saved. */
  private async change(changed: Promise<void>) {
    const t = this.words;
    this.clearing = false;
    this.status.textContent = "";
    this.status.className = "unseen";
    try {
      await changed;
      await this.load();
      this.status.textContent = t.say("saved");
    } catch (error) {
      this.draw();
      this.status.className = "soft";
      this.status.textContent = t.say("not_saved", { reason: (error as Error).message });
    }
  }
}

/** Record by the browser SDK of the page, if it is there. */
function record(event: string, properties: Properties) {
  const page = window as unknown as {
    trackway?: { track?: (event: string, properties: Properties) => void };
  };
  page.trackway?.track?.(event, properties);
}

customElements.define("trackway-insights", Insights);
