/** The overlay of `?tw_debug`: what was recorded, and whether it has arrived. */

import type { Inside, Message, Waiting } from "./types";

const LOOK = `
  :host { all: initial; position: fixed; right: 12px; bottom: 12px; z-index: 2147483647; max-width: min(420px, 94vw);
    font: 12px/1.5 ui-monospace, monospace; color: #e8eaf0; }
  section { background: #14161c; border: 1px solid #343945; border-radius: 10px; overflow: hidden;
    box-shadow: 0 8px 30px #0006; }
  header { display: flex; gap: 8px; padding: 8px 12px; border-bottom: 1px solid #343945; font-weight: 600; }
  header span { flex: 1; }
  ol { margin: 0; padding: 0; list-style: none; max-height: 45vh; overflow: auto; }
  summary { padding: 4px 12px; cursor: pointer; } summary:hover, summary:focus-visible { background: #20242e; outline: 0; }
  pre { margin: 0; padding: 4px 12px 8px; white-space: pre-wrap; overflow-wrap: anywhere; color: #aab2c4; }
  button { all: unset; cursor: pointer; padding: 0 6px; } button:focus-visible { outline: 2px solid #8ab4ff; }
  .sent { color: #7bd88f; } .rejected { color: #ff8a80; } .waiting { color: #ffd479; }`;

export default function debug(tw: Inside): void {
  const host = document.createElement("trackway-debug");
  host.setAttribute("data-tw-off", "");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(LOOK);
  root.adoptedStyleSheets = [sheet];
  const make = (tag: string, text = "", parent: Node = root) => {
    const element = document.createElement(tag);
    element.textContent = text;
    parent.appendChild(element);
    return element;
  };
  const section = make("section");
  section.setAttribute("aria-label", "Trackway");
  const header = make("header", "", section);
  const title = make("span", "Trackway: nothing yet", header);
  const close = make("button", "✕", header);
  close.setAttribute("aria-label", "Close");
  close.onclick = () => host.remove();
  const list = make("ol", "", section);
  list.setAttribute("tabindex", "0");
  const states = new Map<string, HTMLElement>();
  const count = { recorded: 0, arrived: 0 };
  const head = (text?: string) => {
    title.textContent = text || `Trackway: ${count.recorded} recorded, ${count.arrived} arrived`;
  };
  const mark = (id: string, state: string, why = "") => {
    const element = states.get(id);
    if (!element) return;
    element.className = state;
    element.textContent = `${state}${why && `: ${why}`}`;
  };

  const add = (message: Message) => {
    count.recorded++;
    const details = make("details", "", make("li", "", list));
    const summary = make("summary", `${message.event || message.type} `, details);
    states.set(message.messageId, make("span", "", summary));
    mark(message.messageId, "waiting");
    make("pre", JSON.stringify(message, null, 2), details);
    list.scrollTop = list.scrollHeight;
    if (list.childElementCount > 200) list.firstElementChild?.remove();
    head();
  };
  tw.early.forEach(add);
  tw.on("message", add);
  tw.on("sent", async (waiting: Waiting[], answer: Response) => {
    for (const [id] of waiting) mark(id, answer.ok ? "sent" : "rejected");
    count.arrived += waiting.length;
    head();
    const { rejected = [] } = await answer.clone().json();
    for (const { messageId, reason } of rejected) mark(messageId, "rejected", reason);
  });
  tw.on("failed", (wait: number) => head(`Trackway: no answer, again in ${Math.round(wait / 1000)} s`));
  tw.on("dropped", (many: number) => head(`Trackway: ${many} dropped`));
  document.body.append(host);
}
