/** The language of the pages: one catalogue, English as the key, ICU messages (plurals, values, marked parts). */
import { IntlMessageFormat } from "intl-messageformat";
import type { ReactNode } from "react";
import type German from "./de.json";

/** The messages of the catalogue. Other messages do not compile. */
export type Message = keyof typeof German;
type Catalogue = Record<string, string>;
type Marked = (parts: ReactNode[]) => ReactNode;

/** The available languages, by their own names. */
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
type Language = keyof typeof LANGUAGES;

const CATALOGUES: Record<Language, () => Promise<Catalogue>> = {
  en: () => Promise.resolve({}),
  de: async () => (await import("./de.json")).default,
};

/** Translations of words in data that Trackway sets, such as channels. */
const TERMS: Record<Language, () => Promise<Catalogue>> = {
  en: () => Promise.resolve({}),
  de: async () => (await import("./de.terms.json")).default,
};

const isLanguage = (name: string): name is Language => name in LANGUAGES;

/** The language chosen in this browser; empty to follow the browser's languages. */
export const chosen = localStorage.getItem("language") ?? "";
const wanted = [chosen, ...navigator.languages].filter(isTag);

/** Whether formats take a name of a language; browsers pass on what the system calls it, such as "en-US@posix". */
function isTag(name: string): boolean {
  try {
    return Intl.getCanonicalLocales(name).length === 1;
  } catch {
    return false;
  }
}

/** The language shown: the first preferred one that is available. */
export const language: Language = wanted.map((name) => name.split("-")[0] ?? "").find(isLanguage) ?? "en";

/** The locale of numbers, dates and places: the language with the browser's region. */
export const locale = wanted.find((name) => name.split("-")[0] === language) ?? language;

document.documentElement.lang = language;
// Right to left for languages written that way; `direction` in the browser's storage overrides it for tests.
document.documentElement.dir =
  localStorage.getItem("direction") ?? (["ar", "fa", "he", "ur"].includes(language) ? "rtl" : "ltr");

// All other modules wait here, so that they can translate labels at module level.
const [catalogue, terms] = await Promise.all([CATALOGUES[language](), TERMS[language]()]);

/** Changes the language of the pages; empty for the browser's own. */
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

/** Translates a message. */
export function t(message: Message, values?: Record<string, string | number | boolean | undefined>): string {
  return String(format(message).format(values));
}

/** Translates a message with parts marked as `<name>…</name>`; the function of that name renders each part. */
export function rich(message: Message, values: Record<string, Marked | ReactNode>): ReactNode {
  return format(message).format(values as Record<string, Marked>) as ReactNode;
}

/** Translates a word in data that Trackway sets, such as a channel or device; other words stay unchanged. */
export const term = (word: string): string => terms[word] ?? word;
