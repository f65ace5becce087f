// Segment's library in the place of Trackway's, speaking to the same server.
const { key, host } = document.currentScript.dataset;
const settings = { apiHost: `${host.replace(/^https?:\/\//, "")}/v1`, protocol: "http" };
window.analytics = window.AnalyticsBrowser.load(
  { writeKey: key, cdnSettings: { integrations: { "Segment.io": { apiKey: key, ...settings } } } },
  { integrations: { "Segment.io": settings } },
);
window.analytics.page();
