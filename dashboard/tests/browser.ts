/** What the language module reads of a browser when it is loaded. */
const stored = new Map<string, string>();
Object.assign(globalThis, {
  localStorage: { getItem: (name: string) => stored.get(name) ?? null },
  document: { documentElement: {} },
});
Object.defineProperty(globalThis, "navigator", { value: { languages: ["en-US"] }, configurable: true });
