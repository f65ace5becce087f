/** Core Web Vitals, each once a page load (https://web.dev/articles/vitals). */

import { type Metric, onCLS, onFCP, onINP, onLCP, onTTFB } from "web-vitals";
import type { Inside } from "./types";

export default function vitals(tw: Inside): void {
  const page = tw.here();
  const report = ({ name, value, rating, navigationType }: Metric) =>
    tw.track(
      "web_vital",
      { metric: name, value: Math.round(value * 1000) / 1000, rating, navigation: navigationType },
      { context: { page } },
    );
  for (const on of [onCLS, onFCP, onINP, onLCP, onTTFB]) on(report);
}
