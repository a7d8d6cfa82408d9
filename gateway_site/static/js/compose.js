// Writing a text: contacts that were found are added with a click, and one press sends once.
const to = document.getElementById("id_to");
const find = document.getElementById("find");
const send = document.querySelector("[data-send]");
const couldSend = !send.disabled;

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-number]");
  if (!button) return;
  const typed = to.value.trimEnd();
  to.value = typed ? `${typed}\n${button.dataset.number}` : button.dataset.number;
  to.dispatchEvent(new Event("input", { bubbles: true }));
  document.getElementById("found").replaceChildren();
  find.value = "";
  find.focus();
});

document.getElementById("compose").addEventListener("submit", () => (send.disabled = true));
// A page that comes back from the browser's memory may be sent again; the server knows its key.
window.addEventListener("pageshow", () => (send.disabled = !couldSend));
