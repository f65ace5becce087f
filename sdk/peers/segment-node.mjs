/** Segment's Node library as it comes from npm, every public call once: node segment-node.mjs HOST WRITE_KEY */

import { Analytics } from "@segment/analytics-node";

const [host, writeKey] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, path: "/v1/batch", flushAt: 3 });
const timestamp = new Date("2026-01-31T12:00:00.123Z");
const context = { ip: "81.2.69.160" };
const problems = [];
analytics.on("error", (error) => problems.push(error));
analytics.identify({ userId: "node-user", traits: { plan: "pro" }, timestamp, context });
analytics.track({
  userId: "node-user",
  event: "Order Completed",
  properties: { revenue: 12.5, currency: "EUR", order_id: "o1" },
  timestamp,
  context,
});
analytics.page({
  userId: "node-user",
  category: "Docs",
  name: "Node",
  properties: { url: "https://docs.example/node" },
});
analytics.screen({ userId: "node-user", name: "Home" });
analytics.group({ userId: "node-user", groupId: "node-group", traits: { name: "Initech" } });
analytics.alias({ userId: "node-user", previousId: "node-anonymous" });
analytics.track({
  anonymousId: "node-nobody",
  event: "Looked",
  properties: { n: 1 },
  messageId: "node-own-id",
});
await analytics.closeAndFlush({ timeout: 20_000 });
if (problems.length) throw problems[0];
