/** The language of the pages: one catalogue, English as the key, ICU messages (plurals, values, marked parts). */
import { IntlMessageFormat } from "intl-messageformat";
import type { ReactNode } from "react";
import type German from "./de.json";

/** What can be said. A message that is not in the catalogue does not compile. */
export type Message = keyof typeof German;
type Catalogue = Record<string, string>;
type Marked = (parts: ReactNode[]) => ReactNode;

/** The languages there are, by their own names. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
type Language = keyof typeof LANGUAGES;

const CATALOGUES: Record<Language, () => Promise<Catalogue>> = {
  en: () => Promise.resolve({}),
  de: async () => (await import("./de.json")).default,
};

/** Words that Trackway gave to data, such as channels. */
const TERMS: Record<Language, () => Promise<Catalogue>> = {
  en: () => Promise.resolve({}),
  de: async () => (await import("./de.terms.json")).default,
};

const isLanguage = (name: string): name is Language => name in LANGUAGES;

/** What this browser was told to show, or nothing when it follows the browser's own languages. */
export const chosen = localStorage.getItem("language") ?? "";
const wanted = [chosen, ...navigator.languages].filter(Boolean);

/** The language shown: the first wanted one that there is. */
export const language: Language = wanted.map((name) => name.split("-")[0] ?? "").find(isLanguage) ?? "en";

/** What numbers, dates and places are written by: the language as it is spoken where the browser is. */
export const locale = wanted.find((name) => name.split("-")[0] === language) ?? language;

document.documentElement.lang = language;
// From right to left for a language that is written so; `direction` in the browser's storage tries the layout out.
document.documentElement.dir =
  localStorage.getItem("direction") ?? (["ar", "fa", "he", "ur"].includes(language) ? "rtl" : "ltr");

// Every other module waits here, so that tables of labels can be made where they are declared.
const [catalogue, terms] = await Promise.all([CATALOGUES[language](), TERMS[language]()]);

/** Shows the pages in a language from now on; nothing for the browser's own. */
export function choose(name: string): void {
  if (name) localStorage.setItem("language", name);
  else localStorage.removeItem("language");
  window.location.reload();
}

const formats = new Map<string, IntlMessageFormat>();
function format(message: string): IntlMessageFormat {
  let format = formats.get(message);
  if (format === undefined) {
    format = new IntlMessageFormat(catalogue[message] ?? message, locale);
    formats.set(message, format);
  }
  return format;
}

/** A text. */
export function t(message: Message, values?: Record<string, string | number | boolean | undefined>): string {
  return String(format(message).format(values));
}

/** A text with parts that are marked as `<name>…</name>`, each shown by the function of that name. */
export function rich(message: Message, values: Record<string, Marked | ReactNode>): ReactNode {
  return format(message).format(values as Record<string, Marked>) as ReactNode;
}

/** A word of the data that Trackway itself gave, such as a channel or a kind of device; others stay as they are. */
export const term = (word: string): string => terms[word] ?? word;
