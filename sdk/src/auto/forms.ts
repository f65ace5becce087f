import type { Inside } from "../types";
import { about, isOff } from "./about";

/** Submitted forms, by name and address, never with their contents. */
export function forms(tw: Inside): void {
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target as HTMLFormElement;
      if (isOff(form)) return;
      const { pathname } = new URL(form.getAttribute("action") || "", location.href);
      const name = form.getAttribute("name") || form.id || undefined;
      tw.track(form.getAttribute("data-tw-submit") || "form_submit", {
        form: name,
        path: pathname,
        ...about(form),
      });
    },
    true,
  );
}
