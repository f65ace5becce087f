/** What Trackway knows of the signed-in person: how a page asks for it, and how the person changes it. */

import type { Person, Token } from "./types";

/** The server refused: its status, and its own words. */
export class PersonalizeError extends Error {
  constructor(
    readonly status: number,
    text: string,
  ) {
    super(text);
    this.name = "PersonalizeError";
  }
}

/** The answers of this page by address: the tag and the text, which is parsed anew for each caller. */
const answers = new Map<string, [tag: string, text: string]>();

/**
 * Ask about the person of a token. An answer that did not change is not sent again. Returns null for somebody of whom
 * nothing is known; rejects with `PersonalizeError`, or with the TypeError of `fetch` if the server does not answer.
 */
export async function ask(
  host: string,
  token: Token,
  include: string[] = [],
  language?: string,
): Promise<Person | null> {
  const query = new URLSearchParams({
    ...(include.length && { include: `${include}` }),
    ...(language && { language }),
  });
  const address = `${host}/v1/personalize/me?${query}`;
  const known = answers.get(address);
  const answer = await send(address, token, { headers: known && { "if-none-match": known[0] } });
  if (answer.status === 404) return null;
  if (answer.status === 304 && known) return JSON.parse(known[1]);
  const text = await answer.text();
  const tag = answer.headers.get("etag");
  if (tag) answers.set(address, [tag, text]);
  return JSON.parse(text);
}

/** State that the person likes a value of a key, or with `likes` false that they do not. */
export async function state(host: string, token: Token, key: string, value: string, likes = true) {
  const body = JSON.stringify({ key, value, likes });
  const headers = { "content-type": "application/json" };
  await send(`${host}/v1/personalize/me/preferences`, token, { method: "PUT", body, headers });
}

/** Take back what the person stated for a key and value; without them, clear all their preferences. */
export async function clear(host: string, token: Token, key = "", value = "") {
  const query = key && `?${new URLSearchParams({ key, value })}`;
  await send(`${host}/v1/personalize/me/preferences${query}`, token, { method: "DELETE" });
}

/** Send a request. When a token has expired, a function that returns tokens is asked for another one, once. */
export async function send(address: string, token: Token, more: RequestInit = {}): Promise<Response> {
  const once = async () => {
    const authorization = `Bearer ${typeof token === "function" ? await token() : token}`;
    // Nothing about a person stays in the browser's cache.
    return fetch(address, { ...more, cache: "no-store", headers: { ...more.headers, authorization } });
  };
  let answer = await once();
  if (answer.status === 401 && typeof token === "function") answer = await once();
  if (answer.ok || answer.status === 304 || (answer.status === 404 && !more.method)) return answer;
  let text = "";
  try {
    const { detail, errors } = await answer.json();
    text = errors?.[0] ? `${errors[0].field} ${detail}` : detail;
  } catch {}
  throw new PersonalizeError(answer.status, text || `the server answered ${answer.status}`);
}
