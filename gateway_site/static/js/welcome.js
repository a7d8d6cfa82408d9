// Preselects the time zone of the browser, and the country that this zone belongs to, and says so.
const zones = document.querySelector("#id_time_zone");
const country = document.querySelector("#id_country");
const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
const option = [...zones.options].find(
  ({ value, dataset }) => value === mine || (dataset.also ?? "").split(" ").includes(mine),
);

// After a failed post the choices are the person's own.
if (option && zones.value === "UTC" && country.value === "" && !document.querySelector(".has-error")) {
  zones.value = option.value;
  if (option.dataset.country) country.value = option.dataset.country;
  document.querySelector("[data-guess]").hidden = false;
}
