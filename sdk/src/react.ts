/** React: `useTrack` and `<Impression>`. They render on a server as well, where calls do nothing. */

import { createElement, type ReactElement, type ReactNode } from "react";
import { entity } from "./entity";
import { type Properties, type Trackway, trackway } from "./index";

export { entity } from "./entity";

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
  return createElement(as, { ...rest, ...entity(type, id, properties, event, timed) }, children);
}
