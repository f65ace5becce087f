import type { Properties } from "./types";

/** The attributes that mark an element as an entity: `<li {...entity("concert", 42)}>`. */
export function entity(
  type: string,
  id: string | number,
  properties?: Properties,
  event?: string,
  timed?: boolean,
): Record<string, string> {
  return {
    "data-tw-entity": `${type}:${id}`,
    ...(properties && { "data-tw-props": JSON.stringify(properties) }),
    ...(event && { "data-tw-shown": event }),
    ...(timed && { "data-tw-time": "" }),
  };
}
