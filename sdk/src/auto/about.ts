import type { Properties } from "../types";

const TELLS = "[data-tw-list],[data-tw-entity],[data-tw-props]";

/** Whether automatic recording is off for an element or one of its ancestors. */
export const isOff = (element: Element) => !!element.closest("[data-tw-off]");

/** The element that an event happened to, also inside open shadow trees. */
export function targetOf(event: Event): Element | undefined {
  const target = event.composedPath()[0];
  return target instanceof Element ? target : undefined;
}

/**
 * The properties that attributes give an element, outer elements first: `data-tw-list="feed"` gives `source`,
 * `data-tw-entity="concert:42"` gives `entity_type`, `entity_id` and the `position` in the list (the first is 1), and
 * `data-tw-props='{"price": 12}'` gives the rest.
 */
export function about(element: Element): Properties {
  const around: Element[] = [];
  for (
    let ancestor: Element | null | undefined = element.closest(TELLS);
    ancestor;
    ancestor = ancestor.parentElement?.closest(TELLS)
  )
    around.unshift(ancestor);
  const properties: Properties = {};
  for (const marked of around) {
    const list = marked.getAttribute("data-tw-list");
    const entity = marked.getAttribute("data-tw-entity");
    const props = marked.getAttribute("data-tw-props");
    if (list !== null) {
      properties.source = list;
      delete properties.position;
    }
    if (entity) {
      const cut = entity.indexOf(":");
      properties.entity_type = entity.slice(0, Math.max(cut, 0));
      properties.entity_id = entity.slice(cut + 1);
      const position = positionOf(marked);
      if (position) properties.position = position;
    }
    if (props) Object.assign(properties, parsed(props));
  }
  return properties;
}

function positionOf(element: Element): number {
  const list = element.closest("[data-tw-list]");
  if (!list || list === element) return 0;
  const outermost = (candidate: Element) => {
    const parent = candidate.parentElement?.closest("[data-tw-entity],[data-tw-list]");
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
