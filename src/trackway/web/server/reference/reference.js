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

/** Who is signed in in this browser: the token that changes carry, and projects with their write keys. */
const me = fetch("/api/v1/me")
  .then((answer) => (answer.ok ? answer.json() : undefined))
  .catch(() => undefined);

/** A body to begin with: what is required, or the first few fields. */
function example(schema, depth = 0) {
  const one = (schema.oneOf || schema.anyOf || [schema])[0];
  if (one.default !== undefined) return one.default;
  if (one.const !== undefined || one.enum) return one.const ?? one.enum[0];
  if (one.type === "array") return depth < 3 && one.items ? [example(one.items, depth + 1)] : [];
  if (one.properties || one.type === "object") {
    const known = Object.entries(one.properties || {});
    const wanted = known.filter(([name]) => (one.required || []).includes(name));
    return Object.fromEntries(wanted.map(([name, value]) => [name, example(value, depth + 1)]));
  }
  return { integer: 0, number: 0, boolean: false, null: null }[[one.type].flat()[0]] ?? "";
}

/** One line of the form; `name` is what it is sent as. */
function field(name, label, value, kind = "input") {
  const input = make(kind, { name, spellcheck: "false", autocomplete: "off" });
  input.value = value;
  return make("label", {}, label, input);
}

/** How a request proves who sends it: the key that was typed, else the session, else nothing. */
function proof(key, collects, known, project) {
  const own = known?.projects.find((one) => one.id === project) || known?.projects[0];
  const write = key || (collects ? own?.keys.find((one) => one.kind === "write")?.value : "");
  if (collects && write) return { authorization: `Basic ${btoa(`${write}:`)}` };
  return key ? { authorization: `Bearer ${key}` } : {};
}

/** What was answered, as text: JSON on several lines, the first event of a stream, the size of a file. */
async function read(answer) {
  const type = answer.headers.get("content-type") || "";
  if (type.startsWith("text/event-stream")) {
    const reader = answer.body.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    return `${new TextDecoder().decode(value)}\n… (it goes on)`;
  }
  if (!/json|text|xml/.test(type)) {
    const { size } = await answer.blob();
    return size ? `${size} bytes of ${type}` : "";
  }
  const text = await answer.text();
  try {
    return JSON.stringify(JSON.parse(text), null, 2).slice(0, 100_000);
  } catch {
    return text.slice(0, 100_000);
  }
}

/** A form that sends the request to this server, as who is signed in or by a key, and shows the answer. */
async function trying(path, method, operation, all) {
  const known = await me;
  const parameters = (operation.parameters || []).filter((one) => one.in === "path" || one.in === "query");
  const [media, content] = Object.entries(operation.requestBody?.content || {})[0] || [];
  const collects = (operation.security || []).some((one) => one.writeKey);
  const form = make("form", { class: "try" }, make("h3", {}, "Try it"));
  for (const one of parameters) {
    const given = one.name === "project_id" ? known?.projects[0]?.id : "";
    form.append(field(`${one.in} ${one.name}`, `${one.name}${one.required ? " *" : ""}`, given ?? ""));
  }
  if (media !== undefined) {
    const body = /json/.test(media) ? JSON.stringify(example(whole(content.schema, all)), null, 2) : "";
    form.append(field("body", `Body, ${media}`, body, "textarea"));
  }
  const needs = known ? `sent as ${known.email || "you"}` : "sign in to the dashboard, or give a key above";
  const status = make("p", { class: "soft", role: "status" }, collects ? "sent with the write key of the project, or the key above" : needs);
  const answered = make("pre", { tabindex: "0", hidden: "" });
  form.append(make("button", { type: "submit" }, `Send ${method.toUpperCase()}`), status, answered);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const given = new FormData(form);
    const query = new URLSearchParams();
    let address = path;
    for (const one of parameters) {
      const value = given.get(`${one.in} ${one.name}`);
      if (one.in === "path") address = address.replace(`{${one.name}}`, encodeURIComponent(value));
      else if (value !== "") query.append(one.name, value);
    }
    const key = document.getElementById("key").value.trim();
    const headers = proof(key, collects, known, given.get("path project_id"));
    if (method !== "get" && !headers.authorization && known) headers["x-csrf-token"] = known.csrf;
    if (media !== undefined) headers["content-type"] = media;
    const options = { method: method.toUpperCase(), headers, credentials: headers.authorization ? "omit" : "same-origin" };
    if (media !== undefined) options.body = given.get("body");
    status.textContent = "…";
    try {
      const answer = await fetch(`${address}${query.size ? `?${query}` : ""}`, options);
      status.textContent = `${answer.status} ${answer.statusText}`;
      answered.textContent = await read(answer);
      answered.hidden = answered.textContent === "";
    } catch (error) {
      status.textContent = error.message;
    }
  });
  return form;
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
  made.addEventListener("toggle", async () => {
    if (!made.open || made.children.length > 1) return;
    const body = filled(operation, all);
    made.append(body);
    body.append(await trying(path, method, operation, all));
  });
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

const reading = document.getElementById("reading");
show()
  .then(() => reading.remove())
  .catch((error) => {
    reading.textContent = `openapi.json cannot be read: ${error.message}`;
  });
document.getElementById("find").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase().trim();
  for (const section of document.querySelectorAll("section")) {
    for (const one of section.querySelectorAll("details")) one.hidden = !one.dataset.find.includes(wanted);
    section.hidden = ![...section.querySelectorAll("details")].some((one) => !one.hidden);
  }
});
