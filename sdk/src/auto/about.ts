import type { Properties } from "../types";

const TELLS = "[data-tw-list],[data-tw-entity],[data-tw-props]";

/** Whether an element, or one around it, wants nothing recorded by itself. */
export const isOff = (element: Element) => !!element.closest("[data-tw-off]");

/** The element that an event happened to, also inside open shadow trees. */
export function targetOf(event: Event): Element | undefined {
  const target = event.composedPath()[0];
  return target instanceof Element ? target : undefined;
}

/**
 * What attributes say about an element, the outer ones first: `data-tw-list="feed"` gives `source`,
 * `data-tw-entity="concert:42"` gives `entity_type`, `entity_id` and the `position` in the list (the first is 1), and
 * `data-tw-props='{"price": 12}'` gives the rest.
 */
export function about(element: Element): Properties {
  const around: Element[] = [];
  for (
    let one: Element | null | undefined = element.closest(TELLS);
    one;
    one = one.parentElement?.closest(TELLS)
  )
    around.unshift(one);
  const found: Properties = {};
  for (const one of around) {
    const list = one.getAttribute("data-tw-list");
    const entity = one.getAttribute("data-tw-entity");
    const props = one.getAttribute("data-tw-props");
    if (list !== null) {
      found.source = list;
      delete found.position;
    }
    if (entity) {
      const cut = entity.indexOf(":");
      found.entity_type = entity.slice(0, Math.max(cut, 0));
      found.entity_id = entity.slice(cut + 1);
      const position = positionOf(one);
      if (position) found.position = position;
    }
    if (props) Object.assign(found, parsed(props));
  }
  return found;
}

function positionOf(element: Element): number {
  const list = element.closest("[data-tw-list]");
  if (!list || list === element) return 0;
  const outermost = (one: Element) => {
    const parent = one.parentElement?.closest("[data-tw-entity],[data-tw-list]");
    return parent === list || !parent?.hasAttribute("data-tw-entity") || !list.contains(parent);
  };
  return [...list.querySelectorAll("[data-tw-entity]")].filter(outermost).indexOf(element) + 1;
}

function parsed(props: string): Properties {
  try {
    return JSON.parse(props);
  } catch {
    console.warn("data-tw-props is not JSON:", props);
    return {};
  }
}
