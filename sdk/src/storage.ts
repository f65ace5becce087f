/** Small values that outlive a page: a cookie across subdomains, else localStorage, else memory. */

const memory: Record<string, string> = {};
let domain: string | undefined;
/** Whether anything may be stored in the browser. */
export let lasting = false;

export function allow(value: boolean): void {
  lasting = value;
}

/** The cookies, cached for 50 ms: reading them costs more than the rest of an event. */
let cookies: string | undefined;

function cookie(name: string): string | undefined {
  try {
    if (!cookies) {
      cookies = `; ${document.cookie}`;
      setTimeout(() => {
        cookies = "";
      }, 50);
    }
    const value = cookies.split(`; ${name}=`)[1];
    return value && decodeURIComponent(value.split(";")[0] as string);
  } catch {} // a sandboxed frame has no cookies
}

function setCookie(name: string, value: string, where: string): void {
  cookies = "";
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API answers later, when the page may be gone
  document.cookie = `${name}=${encodeURIComponent(value)};path=/;max-age=${value ? 34e6 : 0};samesite=lax${where}${
    location.protocol === "https:" ? ";secure" : ""
  }`;
}

/** The broadest domain that takes a cookie: example.com for a.b.example.com, none for localhost. */
function broadest(): string {
  const labels = location.hostname.split(".");
  for (let count = 2; count <= labels.length; count++) {
    const where = `;domain=${labels.slice(-count).join(".")}`;
    setCookie("tw_", "1", where);
    if (cookie("tw_")) {
      setCookie("tw_", "", where);
      return where;
    }
  }
  return "";
}

/** A value; empty when there is none. */
export function read(name: string): string {
  try {
    return cookie(name) || localStorage[name] || memory[name] || "";
  } catch {
    return memory[name] || "";
  }
}

/** Store a value; an empty one is deleted. `always` stores it even without consent, such as the refusal itself. */
export function write(name: string, value: string, always = lasting): void {
  memory[name] = value;
  if (!always) return;
  try {
    domain ??= broadest();
    setCookie(name, value, domain);
  } catch {}
  try {
    if (value && cookie(name) !== value) localStorage[name] = value;
    else delete localStorage[name];
  } catch {}
}
