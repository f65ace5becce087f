import type { Inside, Properties } from "../types";
import { about, isOff, targetOf } from "./about";

const FILES =
  /\.(pdf|docx?|xlsx?|pptx?|csv|txt|rtf|zip|rar|7z|t?gz|dmg|exe|pkg|apk|mp[34]|wav|mov|avi|epub|ics)$/i;
const INTERACTIVE = "a[href],button,[role=button],[role=link],[role=tab],summary,[onclick],[data-tw-click]";
const FIELDS = "input,textarea,select,option,label,[contenteditable]";

type Rule = [
  selector: string,
  describe: (element: Element, link: URL | undefined) => [string, Properties] | undefined,
];

/** Clicks on marked elements, on outbound links and, optionally, on any element; rage clicks and dead clicks. */
export function clicks(tw: Inside): void {
  const links = tw.options.links !== "off";
  const url = (link: URL | undefined) => link && tw.clean(link.href);
  // The first matching rule counts, so that a click is one event.
  const rules: Rule[] = [
    [
      "[data-tw-ticket]",
      (element, link) => [
        "ticket_click",
        { ticket_url: url(link), ticket_provider: element.getAttribute("data-tw-ticket") || link?.hostname },
      ],
    ],
    [
      "[data-tw-affiliate],a[rel~=sponsored]",
      (element, link) => [
        "affiliate_click",
        { url: url(link), provider: element.getAttribute("data-tw-affiliate") || link?.hostname },
      ],
    ],
    ["[data-tw-click]", (element) => [element.getAttribute("data-tw-click") || "click", {}]],
    [
      "a[href]",
      (element, link) =>
        links && link && (element.hasAttribute("download") || FILES.test(link.pathname))
          ? ["download", { url: url(link) }]
          : undefined,
    ],
    [
      "a[href]",
      (_, link) =>
        links && link?.protocol.startsWith("http") && link.hostname !== location.hostname
          ? ["outbound_click", { url: url(link), host: link.hostname }]
          : undefined,
    ],
  ];
  const onClick = (event: Event) => {
    const target = targetOf(event);
    if (!target || isOff(target)) return;
    for (const [selector, describe] of rules) {
      const element = target.closest(selector);
      const match = element && describe(element, linkOf(element));
      if (match) return tw.track(match[0], { ...match[1], ...about(element) });
    }
    if (tw.options.all_clicks === "on")
      tw.track("element_click", { ...about(target), selector: selectorOf(target) });
  };
  document.addEventListener("click", onClick, true);
  document.addEventListener("auxclick", (event) => event.button === 1 && onClick(event), true);
  if (tw.options.rage !== "off") frustration(tw);
}

function linkOf(element: Element): URL | undefined {
  const { href } = (element.closest("a[href]") || element) as HTMLAnchorElement;
  return typeof href === "string" && URL.canParse(href) ? new URL(href) : undefined;
}

/** Rage clicks: three clicks within a second in one place. Dead clicks: clicks on interactive elements without effect. */
function frustration(tw: Inside): void {
  let recent: MouseEvent[] = [];
  let changed = 0;
  const alive = () => {
    changed = performance.now();
  };
  new MutationObserver(alive).observe(document, {
    subtree: true,
    childList: true,
    attributes: true,
    characterData: true,
  });
  for (const name of ["scroll", "focusin", "selectionchange", "submit", "toggle"])
    document.addEventListener(name, alive, { capture: true, passive: true });
  for (const name of ["hashchange", "popstate", "pagehide", "blur"]) addEventListener(name, alive);
  document.addEventListener(
    "click",
    (event) => {
      const target = targetOf(event);
      if (!target || isOff(target) || target.closest(FIELDS)) return;
      recent = [...recent, event].filter(
        (click) =>
          event.timeStamp - click.timeStamp < 1000 &&
          Math.hypot(event.clientX - click.clientX, event.clientY - click.clientY) < 30,
      );
      if (recent.length === 3) tw.track("rage_click", { ...about(target), selector: selectorOf(target) });
      const link = linkOf(target);
      if (!target.closest(INTERACTIVE) || (link && link.hostname !== location.hostname) || recent.length > 1)
        return;
      const at = performance.now();
      setTimeout(() => {
        if (changed < at && !document.hidden)
          tw.track("dead_click", { ...about(target), selector: selectorOf(target) });
      }, 1500);
    },
    true,
  );
}

/** A selector of an element by tags and plain ids, without any content of the page. */
export function selectorOf(element: Element): string {
  const steps: string[] = [];
  for (let step: Element | null = element; step && steps.length < 6; step = step.parentElement) {
    const id = step.id && /^[a-z][a-z-]{1,30}$/i.test(step.id) ? `#${step.id}` : "";
    const tag = step.localName;
    const twins = [...(step.parentElement?.children || [])].filter((other) => other.localName === tag);
    steps.unshift(id || (twins.length > 1 ? `${tag}:nth-of-type(${twins.indexOf(step) + 1})` : tag));
    if (id) break;
  }
  return steps.join(">");
}
