// Phones: dialogs that a link opens at once, and the life of a pairing code.
const pairDialog = document.getElementById("pair-dialog");

for (const dialog of document.querySelectorAll("dialog[data-open-now]")) dialog.showModal();

document.addEventListener("htmx:load", ({ detail: { elt } }) => {
  const code = elt.closest?.("[data-countdown]") ?? elt.querySelector?.("[data-countdown]");
  if (code && !code.dataset.endsAt) countDown(code);
});

// A closed dialog must neither ask for the code's state nor open with an old code.
pairDialog?.addEventListener("close", () => {
  document.getElementById("pair-body").replaceChildren(title());
  history.replaceState(null, "", location.pathname + location.search.replace(/[?&]pair=[^&]*/, ""));
});

function title() {
  const heading = document.createElement("h2");
  heading.id = "pair-title";
  heading.textContent = "Pair a phone";
  return heading;
}

// By the clock and not by ticks, which stop while the computer sleeps.
function countDown(code) {
  code.dataset.endsAt = Date.now() + Number(code.dataset.countdown) * 1000;
  let saidMinutes = null;
  const timer = setInterval(tick, 1000);
  tick();

  function tick() {
    if (!code.isConnected) return clearInterval(timer);
    const seconds = Math.max(0, Math.round((Number(code.dataset.endsAt) - Date.now()) / 1000));
    code.querySelector("[data-clock]").textContent = mmss(seconds);
    const minutes = Math.ceil(seconds / 60);
    if (minutes !== saidMinutes && saidMinutes !== null && seconds > 0) announce(`The code expires in ${minutes} minute${minutes === 1 ? "" : "s"}.`);
    saidMinutes = minutes;
    if (seconds === 0) expire();
  }

  function expire() {
    clearInterval(timer);
    code.querySelectorAll("[data-while-valid]").forEach((part) => part.remove());
    code.querySelector("[data-when-expired]").hidden = false;
    announce("The code has expired.");
  }

  function announce(text) {
    code.querySelector("[data-announce]").textContent = text;
  }
}

function mmss(seconds) {
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}
