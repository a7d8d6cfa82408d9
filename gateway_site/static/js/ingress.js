// Integrations: a value of the payload, pressed, becomes the path of a field, and is tried at once.
import { say } from "./app.js";

const LABELS = { to: "The number", text: "The text", ref: "The ref" };

for (const dialog of document.querySelectorAll("dialog[data-open-now]")) dialog.showModal();

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-path]");
  if (button) use(button.dataset.path, button.dataset.field);
});

function use(path, field) {
  const form = document.getElementById("paths");
  const template = form.elements.text_template;
  // A template beats the path of the text, so a value goes into it once there is one.
  const isComposed = field === "text" && template.value.trim() !== "";
  const target = isComposed ? template : form.elements[`${field}_path`];
  if (isComposed) target.setRangeText(`{{${path}}}`, target.selectionStart, target.selectionEnd, "end");
  else target.value = path;
  target.dispatchEvent(new Event("change", { bubbles: true }));
  say(`${LABELS[field]} is taken from ${path}. Save the paths when it is right.`, "success");
}
