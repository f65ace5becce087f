/** React: `useTrack` and `<Impression>`. They render on a server as well, where calls do nothing. */

import { createElement, type ReactElement, type ReactNode } from "react";
import { type Properties, type Trackway, trackway } from "./index";

/** The library's `track`, typed by a plan's `Events` when given: `const track = useTrack<Events>()`. */
export function useTrack<Events = Record<string, Properties>>(): Trackway<Events>["track"] {
  return track as Trackway<Events>["track"];
}
// One function for ever, so that effects and memos that depend on it do not run again.
const track = ((...args: Parameters<Trackway["track"]>) => trackway.track(...args)) as Trackway["track"];

/** What an `<Impression>` is of, and how it is rendered. */
export interface ImpressionProps {
  type: string;
  id: string | number;
  properties?: Properties;
  /** Another event than `impression`, recorded as soon as it is seen, such as `view_details`. */
  event?: string;
  /** Whether to tell how long it was in view. */
  timed?: boolean;
  as?: string;
  className?: string;
  children?: ReactNode;
}

/** An element that is an impression of an entity when at least half of it is seen for a second. */
export function Impression(props: ImpressionProps): ReactElement {
  const { type, id, properties, event, timed, as = "div", children, ...rest } = props;
  return createElement(as, { ...rest, ...attributes(type, id, properties, event, timed) }, children);
}

/** The attributes that say the same on an element of your own: `<li {...entity("concert", 42)}>`. */
export function entity(type: string, id: string | number, properties?: Properties): Record<string, string> {
  return attributes(type, id, properties);
}

function attributes(
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
