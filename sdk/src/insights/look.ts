/**
 * The look of `<trackway-insights>`. The host changes colours by custom properties on the element, such as
 * `--trackway-accent`; the attribute `scheme` chooses `light`, `dark` or (by the reader's system) `auto`; otherwise the page's colour scheme does.
 */
export const LOOK = `
:host { display: block;
  --card: var(--trackway-card, light-dark(#ffffff, #1c1f1e)); --line: var(--trackway-line, light-dark(#e4e1da, #313635));
  --ink: var(--trackway-ink, light-dark(#1f2120, #ecefed)); --soft: var(--trackway-soft, light-dark(#5c615e, #a3aaa6));
  --accent: var(--trackway-accent, light-dark(#0f6e64, #4fc3b0));
  --accent-soft: var(--trackway-accent-soft, light-dark(#dcefeb, #1d3b36));
  --on-accent: var(--trackway-on-accent, light-dark(#ffffff, #131514));
  font: 15px/1.5 var(--trackway-font, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif);
  color: var(--ink); font-variant-numeric: tabular-nums; container-type: inline-size; }
:host([scheme="auto"]) { color-scheme: light dark; }
:host([scheme="light"]) { color-scheme: light; }
:host([scheme="dark"]) { color-scheme: dark; }
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
.all { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px; display: grid; gap: 20px 32px; }
@container (min-width: 720px) { .all { grid-template-columns: 1fr 1fr; padding: 20px; } .wide { grid-column: 1 / -1; } }
section { min-width: 0; }
h2 { font-size: 1.15em; margin: 0; }
h3 { font-size: .87em; font-weight: 600; margin: 0 0 6px; color: var(--soft); }
p { margin: 0; }
.soft { color: var(--soft); font-size: .87em; }
.badge { display: inline-block; background: var(--accent-soft); border-radius: 99px; padding: 1px 10px; font-weight: 600; }
.suggestion { border: 1px solid var(--line); border-radius: 10px; padding: 12px; margin-top: 10px; }
.suggestion p { font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin-top: 8px; }
button, .go, select, input { font: inherit; font-size: .87em; color: inherit; border: 1px solid var(--line); border-radius: 8px;
  background: transparent; padding: 4px 10px; min-height: 32px; }
button, .go { cursor: pointer; text-decoration: none; display: inline-flex; align-items: center; }
button:hover, .go:hover { border-color: var(--accent); }
.go { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
:host(:focus-visible), h2:focus-visible, h3:focus-visible { outline: 0; }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: 14px 32px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); }
.what { display: flex; justify-content: space-between; gap: 8px; }
.what > :first-child { overflow-wrap: anywhere; min-width: 0; }
.what > :last-child { white-space: nowrap; }
.bar { height: 6px; border-radius: 3px; background: var(--line); margin: 4px 0; }
.bar > div { height: 100%; border-radius: 3px; background: var(--accent); }
.little { display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: center; justify-content: space-between; }
form.row { align-items: end; }
form label { display: grid; font-size: .87em; color: var(--soft); min-width: 0; }
form select, form input { color: var(--ink); background: var(--card); font-size: 1em; max-width: 100%; }
table { width: 100%; table-layout: fixed; border-collapse: separate; border-spacing: 1px; margin-top: 6px; }
th { font-weight: 400; text-align: left; color: var(--soft); font-size: .75em; padding: 0; }
col:first-child { width: 34px; }
td { height: 14px; padding: 0; background: var(--line); border-radius: 2px; }
td > div { height: 100%; border-radius: 2px; background: var(--accent); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (forced-colors: active) { .bar > div, td > div { forced-color-adjust: none; } }
`;
