/** A React page with the SDK as a module, for the browser tests. */

import { createElement as h, useState } from "react";
import { createRoot } from "react-dom/client";
import { load } from "../dist/index.js";
import { entity, Impression, useTrack } from "../dist/react.js";

const { key, host } = document.body.dataset;
window.tw = load({ key, host });

function Page() {
  const track = useTrack();
  const [id, setId] = useState(1);
  const next = () => {
    track("next", { from: id });
    setId(id + 1);
  };
  return h(
    "main",
    { "data-tw-list": "react" },
    h(
      Impression,
      { type: "concert", id, properties: { feed_type: "react" } },
      h("h1", null, `Concert ${id}`),
    ),
    h("p", entity("artist", "a1"), "An artist"),
    h("button", { type: "button", onClick: next }, "Next"),
  );
}
createRoot(document.querySelector("#root")).render(h(Page));
