// The catalogue has nothing that no page says, and every translation has the values and marks of its message.
// That every message is in it is held by the compiler (src/language/index.ts: Message).
import { readdirSync, readFileSync } from "node:fs";
import { IntlMessageFormat } from "intl-messageformat";

const texts = readdirSync("src", { recursive: true })
  .filter((name) => /\.tsx?$/.test(name))
  .map((name) => readFileSync(`src/${name}`, "utf8"))
  .join("\n");

/** The names of values and marks in a message, wherever they stand. */
function names(elements) {
  return elements.flatMap((one) => [
    ...(typeof one.value === "string" && one.type !== 0 ? [one.value] : []),
    ...Object.values(one.options ?? {}).flatMap((option) => names(option.value)),
    ...names(one.children ?? []),
  ]);
}
const parts = (message, language) =>
  [...new Set(names(new IntlMessageFormat(message, language).getAst()))].sort().join(", ");

const catalogue = JSON.parse(readFileSync("src/language/de.json", "utf8"));
const wrong = [];
for (const [message, translated] of Object.entries(catalogue)) {
  if (!texts.includes(JSON.stringify(message))) wrong.push(`no page says: ${message}`);
  const [wanted, found] = [parts(message, "en"), parts(translated, "de")];
  if (wanted !== found) wrong.push(`${message}: has ${wanted}; its translation has ${found}`);
}
if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
console.log(`${Object.keys(catalogue).length} messages, each said and translated`);
