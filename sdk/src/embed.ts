/**
 * `<trackway-dashboard>`: an account's dashboard inside the host's page, in a frame of the Trackway server.
 *
 *     <script src="https://stats.example.com/embed.js" async></script>
 *     <trackway-dashboard project="…" token="…" accent="#b3362b" scheme="light"></trackway-dashboard>
 *
 * The token is what the host's server signed; the frame shows what it says and nothing else. When its time is over, the
 * element's `refresh` (a function that answers another one) is asked; without it the event `trackway-expired` is all.
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

interface Told {
  trackway?: string;
  height?: number;
  needs?: string;
}

class Dashboard extends HTMLElement {
  static observedAttributes = ["token", "project", "height", ...LOOK];
  /** Answers another token when one's time is over. */
  refresh?: () => string | Promise<string>;
  private frame = document.createElement("iframe");
  private ready = false;
  private readonly hear = (event: MessageEvent<Told>) => this.told(event);

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
    const said = { trackway: "token", token, look, upgrade: this.hasAttribute("upgrade") };
    this.frame.contentWindow?.postMessage(said, server);
  }

  private told(event: MessageEvent<Told>) {
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
