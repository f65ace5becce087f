/** The texts of `<trackway-insights>` in English and German. */

const EN = {
  title: "What we know of you",
  loading: "Loading …",
  failed: "This cannot be shown now.",
  again: "Try again",
  nothing: "Nothing is known of you yet",
  later: "What you look at and like will show here.",
  stage: "Where you are",
  intent: "What you want now",
  reason: "because {facts}",
  otherwise: "because nothing else fits",
  over: "over {n}",
  below: "below {n}",
  suggestion: "A suggestion",
  dismiss: "Not now",
  preferences: "What you like",
  no_preferences: "Nothing yet",
  confidence: "{percent} sure",
  stated: "you said so",
  muted: "you do not like it",
  inferred: "from {n} of your actions",
  inferred_one: "from one of your actions",
  predicted: "computed",
  like: "That is right",
  mute: "Not for me",
  take_back: "Take back",
  clear: "Clear all",
  clear_sure: "Forget everything that says what you like?",
  clear_yes: "Yes, clear",
  clear_no: "Keep",
  add: "Add",
  add_key: "Kind",
  add_value: "What you like",
  saved: "Saved.",
  not_saved: "Not saved: {reason}",
  hours: "When you are active",
  zone: "7 days, {zone}",
  no_hours: "No actions in 7 days",
  most_active: "Mostly at {hours}",
  table: "Your actions by weekday and hour",
  similar: "People who like the same",
  similarity: "{percent} alike",
  somebody: "somebody",
};
export type Texts = typeof EN;

const DE: Texts = {
  title: "Was wir über dich wissen",
  loading: "Wird geladen …",
  failed: "Das kann gerade nicht gezeigt werden.",
  again: "Noch einmal versuchen",
  nothing: "Über dich ist noch nichts bekannt",
  later: "Was du ansiehst und magst, erscheint hier.",
  stage: "Wo du stehst",
  intent: "Was du gerade möchtest",
  reason: "denn {facts}",
  otherwise: "denn nichts anderes passt",
  over: "über {n}",
  below: "unter {n}",
  suggestion: "Ein Vorschlag",
  dismiss: "Jetzt nicht",
  preferences: "Was du magst",
  no_preferences: "Noch nichts",
  confidence: "{percent} sicher",
  stated: "das hast du gesagt",
  muted: "magst du nicht",
  inferred: "aus {n} deiner Aktionen",
  inferred_one: "aus einer deiner Aktionen",
  predicted: "berechnet",
  like: "Stimmt",
  mute: "Nichts für mich",
  take_back: "Zurücknehmen",
  clear: "Alles löschen",
  clear_sure: "Alles vergessen, was sagt, was du magst?",
  clear_yes: "Ja, löschen",
  clear_no: "Behalten",
  add: "Hinzufügen",
  add_key: "Art",
  add_value: "Was du magst",
  saved: "Gespeichert.",
  not_saved: "Nicht gespeichert: {reason}",
  hours: "Wann du aktiv bist",
  zone: "7 Tage, {zone}",
  no_hours: "Keine Aktionen in 7 Tagen",
  most_active: "Meist um {hours}",
  table: "Deine Aktionen nach Wochentag und Stunde",
  similar: "Menschen, die dasselbe mögen",
  similarity: "{percent} ähnlich",
  somebody: "jemand",
};

/** Names that metrics packs use, in German; others are shown as they are, with spaces. */
const NAMES_DE: Record<string, string> = {
  new_user: "neu hier",
  incomplete_profile: "Profil unvollständig",
  low_engagement: "selten hier",
  active_user: "aktiv",
  power_user: "sehr aktiv",
  actively_searching: "auf der Suche",
  recruiting: "sucht Leute",
  researching: "sieht sich um",
  browsing: "stöbert",
  buying_tickets: "kauft Karten",
  following_artists: "folgt Künstlern",
  planning: "plant",
  days: "Tage seit der Anmeldung",
  completeness: "Vollständigkeit des Profils",
  activities: "Aktionen",
  searches: "Suchen",
  content_type: "Art",
  artist: "Künstler",
  venue: "Ort",
  concert: "Konzert",
  city: "Stadt",
  price: "Preis",
  weekday: "Wochentag",
  hour: "Stunde",
};
const NAMES_EN: Record<string, string> = { days: "days since you registered", content_type: "kind" };

/** What texts of a language are made with. */
export interface Words {
  language: "en" | "de";
  /** A text, with its values filled in. */
  say: (text: keyof Texts, values?: Record<string, string>) => string;
  /** A name of the metrics pack, as words. */
  name: (name: string) => string;
  percent: (share: number) => string;
  number: (value: number) => string;
}

/** The words for a language tag such as `de-AT`: German, or English for every other one. */
export function words(tag: string): Words {
  const language = tag.slice(0, 2).toLowerCase() === "de" ? "de" : "en";
  const texts = language === "de" ? DE : EN;
  const names = language === "de" ? NAMES_DE : NAMES_EN;
  const percents = new Intl.NumberFormat(language, { style: "percent" });
  const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  return {
    language,
    say: (text, values = {}) => texts[text].replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? ""),
    name: (name) => names[name] ?? name.replaceAll("_", " "),
    percent: percents.format,
    number: numbers.format,
  };
}
