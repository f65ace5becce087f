/** Vue: `useTrack`, `<Impression>`, and a plugin that starts the library: `app.use(TrackwayPlugin, { key: "…" })`. */

import { type App, defineComponent, h } from "vue";
import { entity } from "./entity";
import { load, type Options, type Properties, type Trackway, trackway } from "./index";

/** The library's `track`, typed by a plan's `Events` when given: `const track = useTrack<Events>()`. */
export function useTrack<Events = Record<string, Properties>>(): Trackway<Events>["track"] {
  return ((...args: Parameters<Trackway["track"]>) => trackway.track(...args)) as Trackway<Events>["track"];
}

/** Starts the library and puts it into templates as `$trackway`. */
export const TrackwayPlugin = {
  install(app: App, options: Options): void {
    app.config.globalProperties.$trackway = load(options);
  },
};

/** An element that is an impression of an entity when at least half of it is seen for a second. */
export const Impression = defineComponent({
  name: "TrackwayImpression",
  props: {
    type: { type: String, required: true },
    id: { type: [String, Number], required: true },
    properties: { type: Object, default: undefined },
    /** Another event than `impression`, recorded as soon as it is visible, such as `view_details`. */
    event: { type: String, default: undefined },
    /** Whether to report the visible time. */
    timed: { type: Boolean, default: false },
    as: { type: String, default: "div" },
  },
  setup(props, { slots }) {
    return () =>
      h(
        props.as,
        entity(props.type, props.id, props.properties, props.event, props.timed),
        slots.default?.(),
      );
  },
});
