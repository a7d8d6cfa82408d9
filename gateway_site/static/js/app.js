// What every page does: menus, dialogs, copying, focus after errors, and the live connection.
import { connect } from "./live.js";

document.addEventListener("click", (event) => {
  const button = event.target.closest("button, [data-open]");
  if (!button) return;
  if (button.dataset.toggle) toggle(button);
  if (button.dataset.copy) copy(button);
  if (button.dataset.open) document.querySelector(button.dataset.open).showModal();
  if (button.dataset.close !== undefined) button.closest("dialog").close();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelectorAll("details.switcher[open]").forEach((menu) => (menu.open = false));
});

// A form that names something has to be typed, before its button works.
document.addEventListener("input", (event) => {
  const wanted = event.target.dataset.confirm;
  if (wanted === undefined) return;
  event.target.form.querySelector("[data-confirmed]").disabled = event.target.value.trim() !== wanted;
});

// A form that is refused comes back with 422 and is swapped in (htmx-config in base.html).
document.addEventListener("htmx:responseError", () => say("That did not work. Reload the page and try again.", "error"));
document.addEventListener("htmx:sendError", () => say("The gateway cannot be reached.", "error"));
document.addEventListener("htmx:afterSwap", focusError);
document.addEventListener("say", (event) => say(event.detail.value, "success"));

function toggle(button) {
  const target = document.getElementById(button.dataset.toggle);
  const isOpen = target.classList.toggle("open");
  button.setAttribute("aria-expanded", String(isOpen));
}

async function copy(button) {
  const source = document.querySelector(button.dataset.copy);
  await navigator.clipboard.writeText(source.value ?? source.textContent);
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1500);
}

function focusError() {
  document.querySelector("[data-focus]")?.focus();
}

export function say(text, kind) {
  const toast = document.createElement("p");
  toast.className = `toast ${kind}`;
  toast.textContent = text;
  document.querySelector(".toasts").append(toast);
  setTimeout(() => toast.remove(), 8000);
}

// A form in a dialog that comes back with errors.
for (const dialog of document.querySelectorAll("dialog[data-open-now]:not([open])")) dialog.showModal();
focusError();
if (document.body.dataset.live) connect(document.body.dataset.live);
