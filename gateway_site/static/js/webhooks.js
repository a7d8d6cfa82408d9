// Webhooks: a closed dialog forgets what it showed, so that it neither asks on nor opens with it.
const dialog = document.getElementById("webhook-dialog");
const body = document.getElementById("dialog-body");
const waiting = body?.firstElementChild.cloneNode(true);

dialog?.addEventListener("close", () => {
  body.replaceChildren(waiting.cloneNode(true));
  // A test that was sent is in the log by now.
  document.body.dispatchEvent(new CustomEvent("live:webhooks"));
});
