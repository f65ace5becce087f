// What the site itself does. What people look at and click on is recorded by the attributes in its pages.
const tw = window.analytics || window.trackway;
// Segment's library has Segment's calls only.
const both = ["track", "page", "screen", "identify", "group", "alias", "reset"];
const only = (name, ...args) => (window.analytics && !both.includes(name) ? undefined : tw[name](...args));
const $ = (selector) => document.querySelector(selector);

const { user } = document.body.dataset;
if (user) {
  if (localStorage.known !== user) {
    tw.identify(user, { plan: "free" });
    localStorage.known = user;
  }
} else forget();
function forget() {
  try {
    delete localStorage.known;
  } catch {} // a sandboxed frame has no storage
}

$("#sign-out")?.addEventListener("submit", () => {
  tw.track("Signed Out");
  tw.reset();
});

// "For you": a suggestion of Trackway, which learns from the calls what became of it.
const LEADS = { follow_artists: "/discover", complete_profile: "/chat", write_review: "/", see_concerts: "/" };
const token = async () => (await fetch("/trackway-token")).text();
const forYou = $("#for-you");
if (forYou)
  tw.ready(async () => {
    try {
      const me = await window.trackway.personalize({ token, include: ["suggestion"], language: "en" });
      if (!me?.suggestion) return;
      const link = forYou.querySelector("a");
      forYou.querySelector("p").textContent = me.suggestion.message;
      link.textContent = me.suggestion.call_to_action;
      link.href = LEADS[me.suggestion.action] ?? "/";
      link.addEventListener("click", () => me.suggestion.clicked());
      forYou.querySelector("button").addEventListener("click", () => {
        me.suggestion.dismissed();
        forYou.remove();
      });
      forYou.hidden = false;
      me.suggestion.show(forYou);
    } catch (error) {
      console.info("nothing for you now:", error.message);
    }
  });

// Lists of concerts by Trackway. It learns from the calls which of them were seen and clicked.
const WHY = {
  because: ({ name }) => `Because of ${name}`,
  like: ({ name, value }) => `${value}, like ${name}`,
  also_viewed: ({ name }) => `People who saw ${name} saw this too`,
  likes: ({ value }) => `You like ${value}`,
};
const line = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
for (const list of document.querySelectorAll("[data-recommend]"))
  tw.ready(async () => {
    try {
      const { recommend: kind, entity } = list.dataset;
      const found = await window.trackway.recommend({ token, kind, entity, entity_type: "concert", limit: 3 });
      list.hidden = found.items.length === 0;
      for (const item of found.items) {
        const card = Object.assign(document.createElement("a"), { href: `/concerts/${item.entity_id}` });
        card.className = "card";
        card.append(line("strong", item.name), line("p", WHY[item.reason.kind]?.(item.reason) ?? found.reasoning));
        card.addEventListener("click", () => item.clicked());
        list.append(card);
        item.show(card);
      }
    } catch (error) {
      console.info("no recommendations now:", error.message);
    }
  });
const insights = $("#insights");
if (insights) insights.refresh = token;

for (const tab of document.querySelectorAll("[data-tab][role=tab]"))
  tab.addEventListener("click", async () => {
    const name = tab.dataset.tab;
    only("navigate", "tab", name, { from: $("#feed").dataset.tab });
    for (const other of document.querySelectorAll("[role=tab]")) other.setAttribute("aria-selected", other === tab);
    history.pushState({}, "", `/tabs/${name}`);
    await fill(name, 1);
  });
$("#more")?.addEventListener("click", () => fill($("#feed").dataset.tab, Number($("#feed").dataset.page) + 1));

async function fill(tab, page) {
  const feed = $("#feed");
  const text = await (await fetch(`/feed?tab=${tab}&page=${page}`)).text();
  // Trusted Types: what the site's own server rendered is trusted by name.
  const trusted = window.trustedTypes ? policy().createHTML(text) : text;
  const cards = document.createRange().createContextualFragment(trusted);
  if (page === 1) feed.replaceChildren();
  feed.dataset.tab = tab;
  feed.dataset.page = page;
  feed.dataset.twList = tab;
  if (!cards.children.length) $("#more").hidden = true;
  else $("#more").hidden = false;
  feed.append(cards);
}
let made;
function policy() {
  made ||= window.trustedTypes.createPolicy("site", { createHTML: (text) => text });
  return made;
}

const entity = $(".detail")?.dataset.twEntity?.split(":") || [];
$("#share")?.addEventListener("click", () => only("share", ...entity, { method: "link" }));
$("#venue")?.addEventListener("click", () => $("#venue-dialog").showModal());
$("#review")?.addEventListener("submit", (event) => {
  const form = new FormData(event.target);
  const text = `${form.get("text")}`;
  only("review", ...entity, { rating: Number(form.get("rating")), length: text.length });
});

for (const button of document.querySelectorAll("[data-swipe]"))
  button.addEventListener("click", () => {
    const card = button.closest(".swipes");
    only("swipe", "concert", card.dataset.id, { direction: button.dataset.swipe });
    card.remove();
  });

$("#chat")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = event.target.elements.text.value;
  event.target.reset();
  const line = document.createElement("li");
  line.textContent = text;
  $("#said").append(line);
  only("comment", "chat", "everybody", { length: text.length });
  await fetch("/chat", { method: "POST", body: new URLSearchParams({ text }) });
});
$("#fans")?.addEventListener("click", () => {
  tw.group("jazz-fans", { name: "Jazz fans" });
  if (user) tw.alias(`fan-${user}`, user);
  $("#fans").textContent = "You are one of them";
});
$("#break")?.addEventListener("click", () => {
  throw new Error("the button is broken");
});
