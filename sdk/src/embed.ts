/**
 * `<trackway-dashboard>`: an account's dashboard inside the host's page, in a frame of the Trackway server.
 *
 *     <script src="https://stats.example.com/embed.js" async></script>
 *     <trackway-dashboard project="…" token="…" accent="#b3362b" scheme="light"></trackway-dashboard>
 *
 * The host's server signs the token, which limits what the frame shows. When it expires, the element calls its `refresh`
 * (a function that returns another token) and dispatches the event `trackway-expired`.
 */

const LOOK = [
  "accent",
  "accent-soft",
  "background",
  "card",
  "ink",
  "soft",
  "line",
  "font",
  "scheme",
] as const;
const server = new URL((document.currentScript as HTMLScriptElement).src).origin;

const camel = (name: string) => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

interface FrameMessage {
  trackway?: string;
  height?: number;
  needs?: string;
}

class Dashboard extends HTMLElement {
  static observedAttributes = ["token", "project", "height", ...LOOK];
  /** Returns another token after the current one has expired. */
  refresh?: () => string | Promise<string>;
  private frame = document.createElement("iframe");
  private ready = false;
  private readonly hear = (event: MessageEvent<FrameMessage>) => this.receive(event);

  connectedCallback() {
    window.addEventListener("message", this.hear);
    this.frame.title = this.getAttribute("title") ?? "Trackway";
    this.frame.style.cssText = "border:0;width:100%;display:block;min-height:320px;color-scheme:normal";
    this.frame.allow = "";
    this.load();
    this.replaceChildren(this.frame);
  }

  disconnectedCallback() {
    window.removeEventListener("message", this.hear);
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null) {
    if (!this.isConnected || before === now) return;
    if (name === "project") this.load();
    else if (this.ready) this.send();
  }

  private load() {
    this.ready = false;
    this.frame.src = `${server}/embed/${encodeURIComponent(this.getAttribute("project") ?? "")}`;
  }

  private send(token = this.getAttribute("token") ?? "") {
    const look = Object.fromEntries(LOOK.map((name) => [camel(name), this.getAttribute(name)]));
    const message = { trackway: "token", token, look, upgrade: this.hasAttribute("upgrade") };
    this.frame.contentWindow?.postMessage(message, server);
  }

  private receive(event: MessageEvent<FrameMessage>) {
    if (event.source !== this.frame.contentWindow || event.origin !== server) return;
    const { trackway, height, needs } = event.data;
    if (trackway === "ready") {
      this.ready = true;
      this.send();
    } else if (trackway === "height" && !this.hasAttribute("height")) {
      this.frame.style.height = `${Math.max(320, Number(height) || 0)}px`;
    } else if (trackway === "expired") {
      this.dispatchEvent(new CustomEvent("trackway-expired"));
      void Promise.resolve(this.refresh?.()).then((token) => token && this.send(token));
    } else if (trackway === "upgrade") {
      this.dispatchEvent(new CustomEvent("trackway-upgrade", { detail: { needs } }));
    }
  }
}

customElements.define("trackway-dashboard", Dashboard);
