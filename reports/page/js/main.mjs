// Brings the page to life: tables and pictures when they come into sight, the explorer at once.

import { Explorer } from "./explorer.mjs";
import { Pictures } from "./pictures.mjs";
import { DataTable } from "./table.mjs";

const read = (id) => JSON.parse(document.getElementById(id).textContent);

const columns = read("columns");
const tables = new Map();
for (const place of document.querySelectorAll("[data-table]")) {
  const name = place.dataset.table;
  tables.set(name, new DataTable(place, columns[name], document.getElementById(`data-${name}`)));
}

const pictures = new Pictures(document, read("charts"), showOutcomes);

new Explorer(document.getElementById("explorer"), read("classifier"));

whenSeen([...document.querySelectorAll("[data-table]")], (place) => tables.get(place.dataset.table).show());
whenSeen([...document.querySelectorAll("[data-picture]")], (place) => pictures.show(place));

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-filters]");
  if (link) {
    event.preventDefault();
    showOutcomes(JSON.parse(link.dataset.filters));
  }
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});

const theme = document.getElementById("theme");
theme.addEventListener("change", () => {
  document.documentElement.dataset.theme = theme.value;
  pictures.repaint();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => pictures.repaint());

document.documentElement.dataset.ready = "yes";

/** Show the outcomes that a filter (column -> value) leaves, and go there. */
async function showOutcomes(filters) {
  const table = tables.get("outcomes");
  if (!table) return;
  await table.show();
  table.filter(filters);
  const heading = document.getElementById("outcomes");
  heading.scrollIntoView();
  heading.focus({ preventScroll: true });
}

function copy(button) {
  const text = button.previousElementSibling.textContent;
  const said = (word) => {
    button.textContent = word;
    setTimeout(() => (button.textContent = "Copy"), 1500);
  };
  navigator.clipboard.writeText(text).then(() => said("Copied"), () => said("Not allowed"));
}

function whenSeen(places, show) {
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        show(target);
      }
    },
    { rootMargin: "300px" },
  );
  for (const place of places) watcher.observe(place);
}
