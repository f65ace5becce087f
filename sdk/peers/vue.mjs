/** A Vue page with the SDK as a module, for the browser tests. */

import { createApp, h } from "vue";
import { Impression, TrackwayPlugin, useTrack } from "../dist/vue.js";

const { key, host } = document.body.dataset;
const app = createApp({
  setup() {
    // biome-ignore lint/correctness/useHookAtTopLevel: it is Vue's setup
    const track = useTrack();
    return () => [
      h(Impression, { type: "concert", id: 7, event: "view_details" }, () => h("h1", "Concert 7")),
      h("button", { onClick: () => track("pressed", { n: 1 }) }, "Press"),
    ];
  },
});
app.use(TrackwayPlugin, { key, host });
window.tw = app.config.globalProperties.$trackway;
app.mount("#root");
