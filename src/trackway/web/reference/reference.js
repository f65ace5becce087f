/** The OpenAPI document as a page: one fold per address, filled when it is opened. */

const METHODS = ["get", "post", "put", "patch", "delete"];

/** An element with attributes and children; texts are set as text. */
function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== undefined && child !== ""));
  return made;
}

/** A schema with what it refers to put in its place, a few levels deep. */
function whole(schema, all, depth = 0) {
  if (!schema || typeof schema !== "object") return schema;
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    return depth > 4 ? { title: name } : whole(all[name], all, depth + 1);
  }
  if (Array.isArray(schema)) return schema.map((one) => whole(one, all, depth));
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, whole(value, all, depth + 1)]));
}

/** A schema's type in words. */
function typeOf(schema) {
  if (!schema) return "";
  const several = schema.oneOf || schema.anyOf;
  if (several) return [...new Set(several.map(typeOf))].join(" or ");
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(", ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${typeOf(schema.items) || "anything"}`;
  return [schema.type, schema.format].flat().filter(Boolean).join(" ") || schema.title || "anything";
}

/** A table: name, type, and what is said of it. */
function rows(list) {
  const table = make("table");
  for (const cells of list) table.append(make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  return table;
}

const fields = (schema) =>
  Object.entries(schema.properties || {}).map(([name, one]) => [
    make("code", {}, name + (schema.required?.includes(name) ? " *" : "")),
    make("span", { class: "soft" }, typeOf(one)),
    one.description || "",
  ]);

function filled(operation, all) {
  const parts = [make("p", {}, operation.description || "")];
  const parameters = (operation.parameters || []).map((one) => [
    make("code", {}, one.name + (one.required ? " *" : "")),
    make("span", { class: "soft" }, `${typeOf(whole(one.schema, all))} (${one.in})`),
    one.description || "",
  ]);
  if (parameters.length) parts.push(make("h3", {}, "Parameters"), rows(parameters));
  for (const [media, { schema }] of Object.entries(operation.requestBody?.content || {})) {
    const body = whole(schema, all);
    parts.push(make("h3", {}, `Body, ${media}`));
    for (const one of body.oneOf || body.anyOf || [body])
      parts.push(one.properties ? rows(fields(one)) : make("p", { class: "soft" }, typeOf(one)));
  }
  const answers = Object.entries(operation.responses || {}).map(([status, answer]) => [
    make("code", {}, status),
    make("span", { class: "soft" }, Object.keys(answer.content || {}).join(", ")),
    answer.description || "",
  ]);
  parts.push(make("h3", {}, "Answers"), rows(answers));
  const good = Object.entries(operation.responses || {}).find(([status]) => status.startsWith("2"));
  const shape = whole(good?.[1].content?.["application/json"]?.schema, all);
  if (shape?.properties) parts.push(make("h3", {}, `Answer ${good[0]}`), rows(fields(shape)));
  return make("div", { class: "body" }, ...parts);
}

function fold(path, method, operation, all) {
  const title = make(
    "summary",
    {},
    make("span", { class: "method" }, method.toUpperCase()),
    make("code", {}, path),
    make("span", {}, operation.summary || ""),
  );
  const made = make("details", { "data-find": `${method} ${path} ${operation.summary || ""}`.toLowerCase() }, title);
  made.addEventListener("toggle", () => made.open && made.children.length === 1 && made.append(filled(operation, all)));
  return made;
}

async function show() {
  const api = await (await fetch("/docs/openapi.json")).json();
  document.getElementById("version").textContent = `Version ${api.info.version}`;
  const all = api.components?.schemas || {};
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths))
    for (const method of METHODS)
      if (item[method]) {
        const group = item[method].tags?.[0] || path.replace(/^\/api\/(v1\/)?(projects\/\{project_id\}\/)?/, "").split("/")[0] || "other";
        if (!groups.has(group)) groups.set(group, []);
        groups.get(group).push(fold(path, method, item[method], all));
      }
  const main = document.getElementById("addresses");
  for (const [name, folds] of [...groups].sort(([one], [other]) => one.localeCompare(other)))
    main.append(make("section", {}, make("h2", {}, name.replace(/^\//, "")), ...folds));
}

show();
document.getElementById("find").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase().trim();
  for (const section of document.querySelectorAll("section")) {
    for (const one of section.querySelectorAll("details")) one.hidden = !one.dataset.find.includes(wanted);
    section.hidden = ![...section.querySelectorAll("details")].some((one) => !one.hidden);
  }
});
