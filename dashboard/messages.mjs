// Checks that a page uses every message of the catalogue, and that every translation has the values and marks of its
// message. The compiler checks that the catalogue contains every message of the pages (src/language/index.ts: Message).
import { readdirSync, readFileSync } from "node:fs";
import { IntlMessageFormat } from "intl-messageformat";

const texts = readdirSync("src", { recursive: true })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => readFileSync(`src/${name}`, "utf8"))
  .join("\n");

/** The names of the values and marks in a message, at any depth. */
function names(elements) {
  return elements.flatMap((element) => [
    ...(typeof element.value === "string" && element.type !== 0 ? [element.value] : []),
    ...Object.values(element.options ?? {}).flatMap((option) => names(option.value)),
    ...names(element.children ?? []),
  ]);
}
const parts = (message, language) =>
  [...new Set(names(new IntlMessageFormat(message, language).getAst()))].sort().join(", ");

const catalogue = JSON.parse(readFileSync("src/language/de.json", "utf8"));
const wrong = [];
for (const [message, translated] of Object.entries(catalogue)) {
  if (!texts.includes(JSON.stringify(message))) wrong.push(`no page uses: ${message}`);
  const [expected, actual] = [parts(message, "en"), parts(translated, "de")];
  if (expected !== actual) wrong.push(`${message}: has ${expected}; its translation has ${actual}`);
}
if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
console.log(`${Object.keys(catalogue).length} messages, each used and translated`);
