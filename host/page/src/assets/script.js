// What makes the page live. Everything works without it, too: by reloading.
"use strict";

// Puts the new content into the parts of the page that may change, and leaves open what was open.
async function refresh(address) {
  const answer = await fetch(address, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const now of page.querySelectorAll("[data-live]")) {
    const before = document.getElementById(now.id);
    if (!before || before.innerHTML === now.innerHTML) continue;
    const opened = [...before.querySelectorAll("details[open]")].map((each) => each.id);
    const focused = document.activeElement?.closest("[data-live] [id]")?.id;
    before.replaceChildren(...now.childNodes);
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

// The server says when something has changed; several changes at once are one.
const followed = document.querySelector("[data-events]");
if (followed) {
  const events = new EventSource(followed.dataset.events);
  let busy = false;
  let again = false;
  const run = async () => {
    again = busy;
    if (busy) return;
    busy = true;
    try {
      await refresh(location.href);
    } catch {
      // The host is away; the events begin again when it is back.
    }
    busy = false;
    if (again) run();
  };
  events.onmessage = run;
  addEventListener("pagehide", () => events.close());
}

// What changes all the time is asked for again and again, while it can be seen.
const changing = document.querySelector("[data-every]");
if (changing) {
  setInterval(() => {
    // The host may be away for a while.
    if (!document.hidden) refresh(location.href).catch(() => {});
  }, Number(changing.dataset.every));
}

// The slider of time travel: the page at the event, without another entry in the browser's history.
const travel = document.querySelector("form[data-follows]");
if (travel) {
  const slider = travel.querySelector("input[type=range]");
  const shown = document.getElementById(slider.dataset.shownBy);
  let waiting;
  slider.addEventListener("input", () => {
    shown.textContent = slider.value;
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      const address = `${travel.action}?${new URLSearchParams(new FormData(travel))}`;
      history.replaceState(null, "", address);
      await refresh(address);
    }, 120);
  });
}

// An event that the address names is opened.
const named = location.hash.startsWith("#event-") && document.getElementById(location.hash.slice(1));
if (named) {
  named.querySelector("details").open = true;
  named.scrollIntoView({ block: "center" });
}

// What cannot be undone is asked for twice.
for (const button of document.querySelectorAll("button.danger")) {
  button.addEventListener("click", (click) => {
    if (!confirm(`${button.textContent}?`)) click.preventDefault();
  });
}
