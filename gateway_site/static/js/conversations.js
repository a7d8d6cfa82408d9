// Conversations: what arrives live, marking as read, sending by keyboard, saved replies.

// Answers with data-arrives repeat some of what the page has: rows of the list and days move to
// where they are now ("move"); texts of a thread stay, and only new ones come ("new").
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const kind = detail.requestConfig.elt.dataset.arrives;
  if (!kind || detail.xhr.status !== 200) return;
  const template = document.createElement("template");
  template.innerHTML = detail.serverResponse;
  const here = document.activeElement;
  for (const element of [...template.content.children]) {
    const known = element.id && !element.hasAttribute("hx-swap-oob") && document.getElementById(element.id);
    if (!known) continue;
    if (kind === "move") known.remove();
    else element.remove();
  }
  detail.serverResponse = template.innerHTML;
  if (here.id && !here.isConnected) detail.target.dataset.focusAfter = here.id;
});

document.addEventListener("htmx:afterSwap", ({ detail: { target } }) => {
  if (!target?.dataset.focusAfter) return; // none when going back
  document.getElementById(target.dataset.focusAfter)?.focus({ preventScroll: true });
  delete target.dataset.focusAfter;
});

// A thread is read when somebody can see it, which is not in a tab behind others.
function markSeen() {
  if (document.visibilityState !== "visible") return;
  document.querySelector("[data-seen]")?.dispatchEvent(new Event("seen"));
  document.querySelector(".conversation[aria-current] .unread")?.remove();
  document.querySelector(".conversation[aria-current]")?.classList.remove("is-unread");
}

function markCurrent() {
  for (const link of document.querySelectorAll(".conversation")) {
    if (link.pathname === location.pathname) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

// Ready to type; but on a touch screen that would open the keyboard over what there is to read.
function focusThread() {
  const box = matchMedia("(pointer: fine)").matches ? document.querySelector("#reply_text") : null;
  (box ?? document.querySelector(".scroller"))?.focus({ preventScroll: true });
}

document.addEventListener("visibilitychange", markSeen);
document.addEventListener("htmx:pushedIntoHistory", markCurrent);
document.addEventListener("htmx:afterSettle", ({ detail: { target } }) => {
  markCurrent();
  if (!target || target.id === "thread" || target.id === "entries") markSeen();
  if (target?.id === "thread") focusThread();
});
document.addEventListener("DOMContentLoaded", markSeen);

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  if (event.target.matches("[data-reply]")) event.target.form.requestSubmit();
});

document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-insert]");
  const box = document.querySelector("[data-reply]");
  if (!choice || !box) return;
  box.setRangeText(choice.dataset.insert, box.selectionStart, box.selectionEnd, "end");
  box.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => box.focus()); // after the dialog has given the focus back
});
