/** The SDK where there is no browser: importing, calling and rendering do nothing and break nothing. */

import assert from "node:assert";
import { createElement as h } from "react";
import { renderToString } from "react-dom/server";
import { createSSRApp, h as vueH } from "vue";
import { renderToString as renderVue } from "vue/server-renderer";
import { load, trackway } from "../dist/index.js";
import { Impression, useTrack } from "../dist/react.js";
import { Impression as VueImpression } from "../dist/vue.js";

load({ key: "wk" });
for (let n = 0; n < 1000; n++) trackway.track("Nowhere", { n });
assert.deepEqual(trackway.user(), {});

function Page() {
  useTrack()("Rendered");
  return h(Impression, { type: "concert", id: 1, properties: { a: '"' } }, "x");
}
assert.equal(
  renderToString(h(Page)),
  '<div data-tw-entity="concert:1" data-tw-props="{&quot;a&quot;:&quot;\\&quot;&quot;}">x</div>',
);
const app = createSSRApp({ render: () => vueH(VueImpression, { type: "concert", id: 1 }, () => "x") });
assert.equal(await renderVue(app), '<div data-tw-entity="concert:1">x</div>');
console.log("fine");
