// Rules: their order by drag and by buttons, variables put where the cursor is, dialogs opened at once.
for (const dialog of document.querySelectorAll("dialog[data-open-now]")) dialog.showModal();
document.querySelector("[data-result]")?.focus();

document.addEventListener("change", ({ target }) => {
  if (target.dataset.submits !== undefined) target.form.requestSubmit();
});

// The order: rows are moved at once, and the form with all their ids is sent afterwards.
const order = document.getElementById("order");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  event.preventDefault();
  const row = button.closest("li");
  if (step(row, button.dataset.move)) save(row);
  else announce(`${row.dataset.name} is ${button.dataset.move === "up" ? "first" : "last"} already.`);
});

document.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest("[data-drag]");
  if (handle && event.button === 0) drag(handle.closest("li"), event);
});

// It is always the neighbour that is taken out and put in: the row itself keeps focus and pointer.
function step(row, direction) {
  const neighbour = direction === "up" ? row.previousElementSibling : row.nextElementSibling;
  if (!neighbour) return false;
  if (direction === "up") row.after(neighbour);
  else row.before(neighbour);
  return true;
}

function drag(row, { pointerId }) {
  const before = place(row);
  row.classList.add("dragged");
  document.addEventListener("pointermove", move);
  for (const type of ["pointerup", "pointercancel"]) document.addEventListener(type, drop);
  document.addEventListener("keydown", cancel);

  function move(event) {
    if (event.pointerId !== pointerId) return;
    event.preventDefault();
    const up = row.previousElementSibling;
    const down = row.nextElementSibling;
    if (up && event.clientY < middle(up)) step(row, "up");
    else if (down && event.clientY > middle(down)) step(row, "down");
    else return;
    row.scrollIntoView({ block: "nearest" });
  }

  function cancel(event) {
    if (event.key !== "Escape") return;
    while (place(row) !== before) step(row, place(row) > before ? "up" : "down");
    stop();
  }

  function drop(event) {
    if (event.pointerId !== pointerId) return;
    stop();
    if (place(row) !== before) save(row);
  }

  function stop() {
    row.classList.remove("dragged");
    document.removeEventListener("pointermove", move);
    for (const type of ["pointerup", "pointercancel"]) document.removeEventListener(type, drop);
    document.removeEventListener("keydown", cancel);
  }
}

function middle(row) {
  const { top, height } = row.getBoundingClientRect();
  return top + height / 2;
}

function place(row) {
  return [...row.parentElement.children].indexOf(row) + 1;
}

function save(row) {
  announce(`${row.dataset.name} is now ${place(row)} of ${row.parentElement.children.length}.`);
  order.requestSubmit();
}

function announce(text) {
  document.getElementById("order-said").textContent = text;
}

// Variables go to the field of this action that had the cursor last, else to its longest one.
let lastField = null;

document.addEventListener("focusin", ({ target }) => {
  if (target.dataset.template !== undefined) lastField = target;
});

document.addEventListener("click", ({ target }) => {
  if (target.dataset.insert === undefined) return;
  const action = target.closest(".unfolded");
  const field = action.contains(lastField) ? lastField : action.querySelector("textarea");
  field.setRangeText(target.dataset.insert, field.selectionStart, field.selectionEnd, "end");
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
});
