/** Segment's browser library as it comes from npm, for the concert site to use in the SDK's place. */

import { AnalyticsBrowser } from "@segment/analytics-next";

window.AnalyticsBrowser = AnalyticsBrowser;
