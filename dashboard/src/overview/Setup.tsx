/** The page of an empty project: how to send the first event. */

import { useAsk, useProject, WHATEVER_VIEW } from "../client/hooks";
import { Card } from "../kit/parts";
import { rich, t } from "../language";

/** The events that have arrived so far, or the refused messages with their reasons. */
function Echo() {
  const refused = useAsk({ ...WHATEVER_VIEW, question: "rejections" }, { after: () => 2_000 });
  const rows = refused.data?.data.slice(0, 5) ?? [];
  return (
    <div role="status" className="px-4 pb-4">
      {rows.length === 0 && (
        <p className="text-soft">{t("Nothing yet. Events appear within two seconds.")}</p>
      )}
      <ul className="space-y-2">
        {rows.map((row) => (
          <li key={row.received_at + row.message_id + row.reason}>
            <span className="font-medium text-bad">{t("Refused:")}</span> {row.reason}
            <code className="mt-1 block overflow-x-auto rounded-lg bg-ground p-2 text-xs">{row.body}</code>
          </li>
        ))}
      </ul>
    </div>
  );
}

export function Snippet({ text, label }: { text: string; label: string }) {
  return (
    <div className="flex items-start gap-2">
      <section
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls has to be reachable by keyboard
        tabIndex={0}
        aria-label={label}
        className="min-w-0 flex-1 overflow-x-auto rounded-lg bg-ground p-3 font-mono text-xs"
      >
        <pre>{text}</pre>
      </section>
      <button
        type="button"
        aria-label={t("Copy {label}", { label })}
        onClick={() => void navigator.clipboard?.writeText(text)}
        className="mt-1.5 shrink-0 rounded-md border border-line bg-card px-2 py-1 text-xs hover:border-accent"
      >
        {t("Copy")}
      </button>
    </div>
  );
}

export function Setup() {
  const project = useProject();
  const key = project.keys.find((key_) => key_.kind === "write")?.value ?? "WRITE_KEY";
  const here = window.location.origin;
  return (
    <div className="mx-auto max-w-3xl space-y-4">
      <h1 className="text-xl font-semibold">{t("Nobody has been here yet")}</h1>
      <p className="text-soft">
        {t("Send an event: it appears here within two seconds. This page is waiting for the first one.")}
      </p>
      <Card title={t("What the server has received")}>
        <Echo />
      </Card>
      <Card title={t("From every page of your site")}>
        <div className="space-y-3 p-4">
          <Snippet
            label={t("the script tag")}
            text={`<script async src="${here}/t.js" data-key="${key}"></script>`}
          />
          <p className="text-soft">
            {rich(
              "Page views, sessions, marked clicks, impressions, time, scrolling, errors and web vitals are recorded automatically. Add <code>?tw_debug</code> to the URL of the page to see what is sent.",
              { code: (text) => <code>{text}</code> },
            )}
          </p>
        </div>
      </Card>
      <Card title={t("From a terminal")}>
        <div className="p-4">
          <Snippet
            label={t("the curl command")}
            text={`curl ${here}/v1/track -u ${key}: -H 'content-type: application/json' \\\n  -d '{"event": "Signed Up", "anonymousId": "me", "properties": {"plan": "free"}}'`}
          />
        </div>
      </Card>
      <Card title={t("From a page, without script")}>
        <div className="p-4">
          <Snippet
            label={t("the image tag")}
            text={`<img src="${here}/v1/pixel.gif?writeKey=${key}" alt="">`}
          />
        </div>
      </Card>
      <Card title={t("From your server (Segment's libraries work as well)")}>
        <div className="p-4">
          <Snippet
            label={t("the Python lines")}
            text={`from trackway.client import Trackway\n\ntrackway = Trackway("${key}", "${here}")\ntrackway.track("user-1", "Order Completed", {"revenue": 12.5, "currency": "EUR"})`}
          />
        </div>
      </Card>
    </div>
  );
}
