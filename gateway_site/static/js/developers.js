// Tabs of code that are on the page already, and dialogs that a failed form opens again.
document.addEventListener("click", (event) => {
  const tab = event.target.closest("a[data-panel]");
  if (!tab) return;
  event.preventDefault();
  for (const other of tab.parentElement.querySelectorAll("a")) other.removeAttribute("aria-current");
  tab.setAttribute("aria-current", "true");
  const shown = document.getElementById(tab.dataset.panel);
  for (const panel of shown.parentElement.children) panel.hidden = panel !== shown;
});

document.addEventListener("htmx:afterSwap", openFailed);
openFailed();

function openFailed() {
  for (const dialog of document.querySelectorAll("dialog[data-open-now]:not([open])")) dialog.showModal();
}
