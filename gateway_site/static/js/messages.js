// The list of messages: short URLs, and what to ask for when something has happened.
// As messaging/pages/messages.py reads.
const MOST_SHOWN = 51;
const MOST_WATCHED = 100;

document.addEventListener("htmx:configRequest", ({ detail }) => {
  if (detail.elt.id === "filters") dropEmpty(detail.formData);
  if (detail.elt.id === "news") {
    const rows = [...document.querySelectorAll("#rows tr[id]")];
    const open = rows.filter((row) => row.dataset.status).slice(0, MOST_WATCHED);
    detail.formData.set("shown", rows.slice(0, MOST_SHOWN).map((row) => row.id).join(","));
    detail.formData.set("open", open.map((row) => `${row.id}.${row.dataset.status}`).join(","));
  }
});

function dropEmpty(formData) {
  for (const [name, value] of [...formData]) if (value === "") formData.delete(name);
}
