import type { Inside } from "../types";

const MOST = 10;

/** Uncaught JavaScript errors, each once per page, ten at most. */
export function errors(tw: Inside): void {
  const seen = new Set<string>();
  tw.on("page", () => seen.clear());
  const report = (kind: string, error: unknown, message: string, more: object) => {
    if (!message || seen.has(message) || seen.size >= MOST) return;
    seen.add(message);
    const stack = error instanceof Error ? error.stack?.slice(0, 2000) : undefined;
    tw.track("error", { kind, message: message.slice(0, 500), stack, ...more });
  };
  addEventListener("error", (event) =>
    report("error", event.error, event.message, {
      file: event.filename && tw.clean(event.filename),
      line: event.lineno,
      column: event.colno,
    }),
  );
  addEventListener("unhandledrejection", ({ reason }) =>
    report("unhandledrejection", reason, `${reason?.message || reason}`, {}),
  );
}
