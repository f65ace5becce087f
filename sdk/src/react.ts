/** React: `useTrack` and `<Impression>`. They render on a server as well, where calls do nothing. */

import { createElement, type ReactElement, type ReactNode } from "react";
import { entity } from "./entity";
import { type Properties, type Trackway, trackway } from "./index";

export { entity } from "./entity";

/** The library's `track`, typed by a plan's `Events` when given: `const track = useTrack<Events>()`. */
export function useTrack<Events = Record<string, Properties>>(): Trackway<Events>["track"] {
  return track as Trackway<Events>["track"];
}
// A stable function, so that effects and memos that depend on it do not run again.
const track = ((...args: Parameters<Trackway["track"]>) => trackway.track(...args)) as Trackway["track"];

/** The entity of an `<Impression>`, and its element. */
export interface ImpressionProps {
  type: string;
  id: string | number;
  properties?: Properties;
  /** Another event than `impression`, recorded as soon as it is visible, such as `view_details`. */
  event?: string;
  /** Whether to report the visible time. */
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
